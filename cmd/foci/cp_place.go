package main

import (
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/foci-store/foci"
)

// scheme marks the side of a copy that is in Foci.
const scheme = "foci://"

// place is one side of a copy.
type place struct {
	remote bool
	path   string // local: as given
	bucket string // remote
	key    string // remote: a key or a prefix; may be empty
}

// parsePlace reads foci://bucket/prefix or a local path.
func parsePlace(s string) (place, error) {
	rest, ok := strings.CutPrefix(s, scheme)
	if !ok {
		if s == "" {
			return place{}, usagef("empty path: want foci://bucket/prefix or a local path")
		}
		return place{path: s}, nil
	}
	p := place{remote: true}
	p.bucket, p.key, _ = strings.Cut(rest, "/")
	if err := foci.ValidateBucket(p.bucket); err != nil {
		return place{}, usage(err)
	}
	if len(p.key) > foci.MaxKeyLen {
		return place{}, usagef("%.80s…: prefix is %d bytes long, want at most %d", s, len(p.key), foci.MaxKeyLen)
	}
	return p, nil
}

// prefix is the place as a folder of keys: empty, or ending in a slash.
func (p place) prefix() string {
	if p.key == "" || strings.HasSuffix(p.key, "/") {
		return p.key
	}
	return p.key + "/"
}

// keyFor is the key of a local file of that base name copied to the place.
func (p place) keyFor(localPath string) string {
	if p.key == "" || strings.HasSuffix(p.key, "/") {
		return p.key + filepath.Base(localPath)
	}
	return p.key
}

// fileFor is the local file that a key is copied to when the place is its
// target: the place itself, or a file in it when it is a folder.
func (p place) fileFor(key string) (string, error) {
	info, err := os.Stat(p.path)
	folder := strings.HasSuffix(p.path, string(filepath.Separator)) || err == nil && info.IsDir()
	if !folder {
		return p.path, nil
	}
	name := path.Base(key)
	if err := safeRelative(name); err != nil {
		return "", foci.Errorf(foci.Invalid, "%s: %w", printable(key), err)
	}
	return filepath.Join(p.path, name), nil
}

// safeRelative reports a key (or what is left of it below a prefix) that is
// not exactly one file below a folder: one that would leave the folder, or that
// another key would also be written to ("a//b" and "a/b").
func safeRelative(rel string) error {
	refuse := func(why string) error {
		return foci.Errorf(foci.Invalid, "%s; get it with foci get and -o", why)
	}
	if rel == "" || strings.HasSuffix(rel, "/") {
		return refuse("names no file, only a folder")
	}
	if strings.IndexByte(rel, 0) >= 0 {
		return refuse("contains NUL")
	}
	for part := range strings.SplitSeq(rel, "/") {
		switch part {
		case "..", ".":
			return refuse("would leave the target folder, or name another file in it")
		case "":
			return refuse("has an empty folder name")
		}
	}
	if !filepath.IsLocal(filepath.FromSlash(rel)) || filepath.Separator != '/' && strings.ContainsRune(rel, filepath.Separator) {
		return refuse("would leave the target folder")
	}
	return nil
}
