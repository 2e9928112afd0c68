package kube

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// file is one file to read: where it was found, and what tells whether it changed since.
type file struct {
	path string // as it was reached, for people
	real string // with no symbolic link in it: the same file is read once, whatever ways lead to it
	pipe bool   // can be read only once
	size int64
	mod  time.Time
}

// root is what one path of the user leads to.
type root struct {
	path   string
	folder bool
	again  bool // some of its files came before, by another path
	files  []file
}

// lister finds the files below the paths that the user named, each once.
type lister struct {
	seen     map[string]bool // real paths of files and folders
	mistakes []error
}

func list(paths []string) (roots []root, mistakes []error) {
	l := lister{seen: map[string]bool{}}
	for _, path := range paths {
		if path == stdin {
			if !l.seen[stdin] {
				roots = append(roots, root{path: path, files: []file{{path: stdinName, real: stdin, pipe: true}}})
			}
			l.seen[stdin] = true
			continue
		}
		path = filepath.Clean(path)
		info, err := os.Stat(path)
		if err != nil {
			l.mistake(path, err)
			continue
		}
		r := root{path: path, folder: info.IsDir()}
		before := len(l.mistakes)
		l.add(&r, path, info, true)
		if len(r.files) > 0 || len(l.mistakes) == before { // else all is said
			roots = append(roots, r)
		}
	}
	return roots, l.mistakes
}

func (l *lister) mistake(path string, err error) {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // it says the path again, and not always the one that the user knows
	}
	l.mistakes = append(l.mistakes, fmt.Errorf("%s: %w", path, err))
}

// add takes a file, or what is in a folder. It follows symbolic links to folders too, as a mounted ConfigMap has them
// (sub -> ..data/sub), and enters no folder twice, which ends every loop.
func (l *lister) add(r *root, path string, info fs.FileInfo, named bool) {
	target, err := path, error(nil)
	if info.IsDir() || info.Mode().IsRegular() { // the pipe of a shell's <(...) is a link to no path
		target, err = filepath.EvalSymlinks(path)
	}
	if err == nil {
		target, err = filepath.Abs(target)
	}
	if err != nil {
		l.mistake(path, err)
		return
	}
	if l.seen[target] {
		r.again = true
		return
	}
	l.seen[target] = true
	switch {
	case info.IsDir():
		l.folder(r, path)
	case info.Mode().IsRegular():
		r.files = append(r.files, file{path: path, real: target, size: info.Size(), mod: info.ModTime()})
	case named:
		r.files = append(r.files, file{path: path, real: target, pipe: true})
	default:
		// Opening a pipe could wait for ever.
		l.mistakes = append(l.mistakes, fmt.Errorf("%s: this is not a regular file", path))
	}
}

func (l *lister) folder(r *root, path string) {
	entries, err := os.ReadDir(path) // sorted
	if err != nil {
		l.mistake(path, err)
		return
	}
	for _, entry := range entries {
		// Hidden are the copies that a mounted ConfigMap keeps (..data, ..2026_11_23) and the locks of editors.
		if strings.HasPrefix(entry.Name(), ".") {
			continue
		}
		name := filepath.Join(path, entry.Name())
		isManifest := slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(name))
		if !isManifest && !entry.IsDir() && entry.Type()&fs.ModeSymlink == 0 {
			continue
		}
		info, err := os.Stat(name)
		if err != nil && !isManifest {
			continue // a dangling link that has nothing to do with us
		}
		if err != nil {
			l.mistake(name, err)
			continue
		}
		if !isManifest && !info.IsDir() {
			continue
		}
		l.add(r, name, info, false)
	}
}
