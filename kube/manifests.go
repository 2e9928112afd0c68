package kube

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-multierror"

	"github.com/szuecs/kube-static-egress-controller/reconcile"
)

const (
	stdin     = "-"
	stdinName = "standard input"

	// The most that is read of one file. An API server takes 3 MiB at once; a list of many can be longer.
	maxManifestSize = 16 << 20

	// How often files that change while they are read are read again in one reading.
	maxAttempts = 3
)

// Manifests reads ConfigMaps from files, in YAML or JSON, instead of from a cluster. The files are read anew each time;
// standard input, and any other pipe, only once, since what was read of it is gone.
//
// A folder stands for the files below it that end in .yaml, .yml or .json, hidden ones aside.
type Manifests struct {
	Paths      []string     // files, folders, or "-" for standard input
	Namespaces []string     // who may ask; empty means all
	Stdin      io.Reader    // what "-" means
	Log        *slog.Logger // may be nil

	mu   sync.Mutex
	once map[string]content  // what can be read only once
	said map[string]struct{} // the remarks that were made already
}

var _ reconcile.Reader = (*Manifests)(nil)

type content struct {
	bytes []byte
	err   error
}

// Read reads all files. What is wrong in them, and files that seem to be missing, make the one cluster of the reading
// incomplete; all else comes through.
func (m *Manifests) Read(ctx context.Context) reconcile.Reading {
	found, mistakes, gaps := m.read(ctx)
	cluster := reconcile.Cluster{}
	for _, f := range found {
		cluster.ConfigMaps = append(cluster.ConfigMaps, f.ConfigMap)
	}
	var why []string
	for _, err := range slices.Concat(mistakes, gaps) {
		why = append(why, err.Error())
	}
	cluster.Incomplete = strings.Join(why, "; ")
	return reconcile.Reading{Clusters: []reconcile.Cluster{cluster}}
}

// Check reads all files and returns every mistake in them, so that a start fails with all that is to be mended. A folder
// without manifests is no mistake: it may be filled later.
func (m *Manifests) Check() error {
	_, mistakes, _ := m.read(context.Background())
	if len(mistakes) == 0 {
		return nil
	}
	all := multierror.Append(nil, mistakes...)
	all.ErrorFormat = func(errs []error) string {
		lines := make([]string, len(errs))
		for i, err := range errs {
			lines[i] = err.Error()
		}
		return strings.Join(lines, "\n")
	}
	return all
}

// read gives the ConfigMaps sorted by namespace and name, and why they may not be all: the mistakes that somebody made,
// and the gaps that may fill by themselves.
func (m *Manifests) read(ctx context.Context) (found []manifest, mistakes, gaps []error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range maxAttempts {
		roots, unlisted := list(m.Paths)
		found, mistakes, gaps = m.readFiles(ctx, roots)
		mistakes = append(unlisted, mistakes...)
		// A ConfigMap that moves from one file to another while they are read is seen in both or in none.
		now, _ := list(m.Paths)
		if slices.EqualFunc(roots, now, func(a, b root) bool { return slices.Equal(a.files, b.files) }) {
			return found, mistakes, gaps
		}
		if ctx.Err() != nil {
			break
		}
	}
	return found, mistakes, append(gaps, errors.New("the manifests changed while they were read"))
}

func (m *Manifests) readFiles(ctx context.Context, roots []root) (found []manifest, mistakes, gaps []error) {
	d := decoder{namespaces: m.Namespaces}
	for _, r := range roots {
		objects, wrong := d.objects, len(d.mistakes)
		for _, f := range r.files {
			if err := ctx.Err(); err != nil {
				return d.found, d.mistakes, append(gaps, fmt.Errorf("%s: %w", f.path, err))
			}
			c := m.content(f)
			if c.err != nil {
				d.mistakes = append(d.mistakes, fmt.Errorf("%s: %w", f.path, c.err))
				continue
			}
			if len(strings.TrimSpace(string(c.bytes))) == 0 && r.folder {
				// Somebody may be about to write it. Nobody says like this that nothing is claimed any more.
				gaps = append(gaps, fmt.Errorf("%s: the file is empty", f.path))
			}
			d.decode(f.path, c.bytes)
		}
		switch {
		case r.again:
		case r.folder && len(r.files) == 0:
			gaps = append(gaps, fmt.Errorf("%s: no manifest in this folder (*.yaml, *.yml, *.json)", r.path))
		case objects == d.objects && wrong == len(d.mistakes):
			gaps = append(gaps, fmt.Errorf("%s: no object in it", cmp.Or(map[string]string{stdin: stdinName}[r.path], r.path)))
		}
	}
	m.remark(d.remarks)

	first := map[[2]string]place{}
	for _, f := range d.found {
		name := [2]string{f.Namespace, f.Name}
		if at, twice := first[name]; twice {
			d.mistake(f, "ConfigMap %s/%s is written twice, first in %s", f.Namespace, f.Name, at)
			continue
		}
		first[name] = f.place
		found = append(found, f)
	}
	slices.SortFunc(found, func(a, b manifest) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return found, d.mistakes, gaps
}

func (m *Manifests) content(f file) content {
	if !f.pipe {
		return open(f.path)
	}
	if c, known := m.once[f.real]; known {
		return c
	}
	if m.once == nil {
		m.once = map[string]content{}
	}
	var c content
	switch {
	case f.real != stdin:
		c = open(f.path)
	case m.Stdin == nil:
		c.err = errors.New("there is none")
	default:
		c = readAll(m.Stdin)
	}
	m.once[f.real] = c
	return c
}

func open(path string) content {
	f, err := os.Open(path)
	if err != nil {
		var at *os.PathError
		if errors.As(err, &at) {
			err = at.Err // the path is said once, by the caller
		}
		return content{err: err}
	}
	defer func() { _ = f.Close() }() // it was only read
	return readAll(f)
}

func readAll(r io.Reader) content {
	bytes, err := io.ReadAll(io.LimitReader(r, maxManifestSize+1))
	if err == nil && len(bytes) > maxManifestSize {
		err = fmt.Errorf("it is larger than %d MiB", maxManifestSize>>20)
	}
	return content{bytes, err}
}

// remark logs each remark once, and not again with each reading.
func (m *Manifests) remark(remarks []string) {
	for _, r := range remarks {
		if _, known := m.said[r]; known || m.Log == nil {
			continue
		}
		if m.said == nil {
			m.said = map[string]struct{}{}
		}
		m.said[r] = struct{}{}
		m.Log.Warn("this field is not known and means nothing", "where", r)
	}
}
