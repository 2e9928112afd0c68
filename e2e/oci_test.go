//go:build e2e

package e2e

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// image is what was built for one platform, in a folder in the layout of OCI
// (https://github.com/opencontainers/image-spec/blob/main/image-layout.md).
type image struct {
	digest string
	layers []string // files, gzipped tar
	config imageConfig
}

// imageConfig are the fields of OCI's image configuration that say how the image is run.
type imageConfig struct {
	Created      string `json:"created"`
	OS           string `json:"os"`
	Architecture string `json:"architecture"`
	Config       struct {
		User       string
		Entrypoint []string
		Cmd        []string
		Env        []string
		WorkingDir string
		Labels     map[string]string
	} `json:"config"`
}

// images gives what the sources make as they are now, by platform: linux/amd64.
func images(t *testing.T) map[string]image {
	t.Helper()
	dir, err := builtImages()
	if err != nil {
		t.Fatal(err)
	}
	return readImages(t, dir)
}

// builtImages builds them, unless that was done since the sources changed.
var builtImages = sync.OnceValues(func() (string, error) {
	if err := setUpImage("setup.sh"); err != nil {
		return "", err
	}
	return made("image")
})

// setUpImage runs a setup.sh, this tree's or a copy's.
func setUpImage(script string) error {
	path, err := filepath.Abs(script)
	if err != nil {
		return err
	}
	cmd := exec.Command(path, "image")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd, err, out)
	}
	return nil
}

func readImages(t *testing.T, dir string) map[string]image {
	t.Helper()
	found := map[string]image{}
	collectImages(t, dir, filepath.Join(dir, "index.json"), found)
	return found
}

// collectImages follows an index, which lists images or other indexes.
func collectImages(t *testing.T, dir, index string, found map[string]image) {
	t.Helper()
	var list struct {
		Manifests []struct{ MediaType, Digest string }
	}
	readJSON(t, index, &list)
	for _, m := range list.Manifests {
		switch m.MediaType {
		case "application/vnd.oci.image.index.v1+json":
			collectImages(t, dir, blob(dir, m.Digest), found)
		case "application/vnd.oci.image.manifest.v1+json":
			i := readImage(t, dir, m.Digest)
			found[i.config.OS+"/"+i.config.Architecture] = i
		default:
			t.Fatalf("%s lists something of the type %q", index, m.MediaType)
		}
	}
}

func readImage(t *testing.T, dir, digest string) image {
	t.Helper()
	var manifest struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}
	readJSON(t, blob(dir, digest), &manifest)
	i := image{digest: digest}
	readJSON(t, blob(dir, manifest.Config.Digest), &i.config)
	for _, l := range manifest.Layers {
		i.layers = append(i.layers, blob(dir, l.Digest))
	}
	return i
}

func blob(dir, digest string) string {
	return filepath.Join(dir, "blobs", strings.ReplaceAll(digest, ":", "/"))
}

func readJSON(t *testing.T, path string, into any) {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// unpack writes the files of the image into a folder, and lists them with their modes.
func (i image) unpack(t *testing.T, root string) []string {
	t.Helper()
	var entries []string
	for _, layer := range i.layers {
		entries = append(entries, unpackLayer(t, layer, root)...)
	}
	return entries
}

func unpackLayer(t *testing.T, layer, root string) (entries []string) {
	t.Helper()
	file, err := os.Open(layer)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(unzipped); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, fmt.Sprintf("%s %s", header.FileInfo().Mode(), header.Name))
		if header.Typeflag != tar.TypeReg || header.Name != filepath.Base(header.Name) {
			continue // whoever looks at the list says that it should not be there
		}
		content, err := io.ReadAll(archive)
		if err == nil {
			err = writeProgram(filepath.Join(root, header.Name), content, header.FileInfo().Mode())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// writeProgram lets no process be started meanwhile: it would hold the open file for a moment, and Linux runs no file that
// somebody could still write to.
func writeProgram(path string, content []byte, mode os.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, mode)
}
