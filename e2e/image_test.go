//go:build e2e

package e2e

import (
	"bytes"
	"debug/elf"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

const (
	programName  = "kube-static-egress-controller"
	imageVersion = "v0.0.0-e2e" // setup.sh gives it
	nonroot      = 65532
)

// platforms are those that there is an image for.
var platforms = map[string]elf.Machine{"linux/amd64": elf.EM_X86_64, "linux/arm64": elf.EM_AARCH64}

// thisPlatform is the one whose image can be run here.
const thisPlatform = "linux/" + runtime.GOARCH

// The image is one static program that is nobody's in particular: nothing in it can be used against whoever runs it.
func TestImage(t *testing.T) {
	t.Parallel()
	built := images(t)
	if have, want := slices.Sorted(maps.Keys(built)), slices.Sorted(maps.Keys(platforms)); !slices.Equal(have, want) {
		t.Fatalf("there are images for %q, want %q", have, want)
	}
	for platform, machine := range platforms {
		t.Run(platform, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			i := built[platform]
			if have, want := i.unpack(t, root), []string{"-rwxr-xr-x " + programName}; !slices.Equal(have, want) {
				t.Errorf("in the image is %q, want only %q", have, want)
			}
			i.checkConfig(t)
			checkStatic(t, filepath.Join(root, programName), machine)
		})
	}
}

func (i image) checkConfig(t *testing.T) {
	t.Helper()
	c := i.config.Config
	if c.User != fmt.Sprintf("%d:%[1]d", nonroot) {
		t.Errorf("it runs as %q", c.User)
	}
	if !slices.Equal(c.Entrypoint, []string{"/" + programName}) || len(c.Cmd) > 0 {
		t.Errorf("it runs %q %q", c.Entrypoint, c.Cmd)
	}
	want := map[string]string{
		"org.opencontainers.image.title":       programName,
		"org.opencontainers.image.description": "Static egress addresses for a Kubernetes cluster on AWS",
		"org.opencontainers.image.source":      "https://github.com/szuecs/kube-static-egress-controller",
		"org.opencontainers.image.licenses":    "MIT",
		"org.opencontainers.image.version":     imageVersion,
	}
	have := maps.Clone(c.Labels)
	delete(have, "io.buildah.version") // whoever builds may sign
	if !reflect.DeepEqual(have, want) {
		t.Errorf("its labels are %q, want %q", have, want)
	}
}

// checkStatic looks into a program: nothing else is needed to start it, neither a loader nor libraries.
func checkStatic(t *testing.T, path string, machine elf.Machine) {
	t.Helper()
	file, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	if file.Machine != machine {
		t.Errorf("it is for %v, want %v", file.Machine, machine)
	}
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it is not static: it has a %v", p.Type)
		}
	}
}

// With no other file to be had, and as the user that the image names.
func TestImageRuns(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	images(t)[thisPlatform].unpack(t, root)
	cmd := &exec.Cmd{Path: "/" + programName, Args: []string{programName, "version"}, Dir: "/", Env: []string{}}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	confine(t, cmd.SysProcAttr, root, nonroot, nonroot)
	err := cmd.Run()
	want := fmt.Sprintf("%s %s %s %s\n", programName, imageVersion, runtime.Version(), thisPlatform)
	if err != nil || out.String() != want {
		t.Errorf("version says %q (%v), want %q", out.String(), err, want)
	}
}

// Whoever has the sources can tell whether an image is made from them: built again, and elsewhere, it is the same.
func TestImageIsTheSameWhenBuiltAgain(t *testing.T) {
	t.Parallel()
	first := images(t)
	elsewhere := copySources(t)
	if err := setUpImage(filepath.Join(elsewhere, "e2e", "setup.sh")); err != nil {
		t.Fatal(err)
	}
	second := readImages(t, filepath.Join(elsewhere, ".cache", "e2e", "image"))
	for platform := range platforms {
		if first[platform].digest == "" || first[platform].digest != second[platform].digest {
			t.Errorf("%s: first %q, then %q", platform, first[platform].digest, second[platform].digest)
		}
	}
}

// copySources copies this tree without its history and what was built.
func copySources(t *testing.T) string {
	t.Helper()
	from, to := "..", t.TempDir()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if slices.Contains([]string{".git", ".cache", "bin", "dist"}, relative) {
			if d.IsDir() {
				return filepath.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, relative), 0o755)
		}
		if !d.Type().IsRegular() {
			return nil
		}
		return copyFile(path, filepath.Join(to, relative))
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, info.Mode())
}
