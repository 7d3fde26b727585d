package transfer

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/foci-store/foci"
)

// Scheme marks the side of a copy that is in Foci.
const Scheme = "foci://"

// Place is one side of a copy.
type Place struct {
	Remote bool
	Path   string // local: as given
	Bucket string // remote
	Key    string // remote: a key or a prefix; may be empty
}

// ParsePlace reads foci://bucket/prefix or a local path.
func ParsePlace(s string) (Place, error) {
	rest, ok := strings.CutPrefix(s, Scheme)
	if !ok {
		if s == "" {
			return Place{}, badArgument("empty path: want foci://bucket/prefix or a local path")
		}
		return Place{Path: s}, nil
	}
	p := Place{Remote: true}
	p.Bucket, p.Key, _ = strings.Cut(rest, "/")
	if err := foci.ValidateBucket(p.Bucket); err != nil {
		return Place{}, &ArgumentError{err}
	}
	if len(p.Key) > foci.MaxKeyLen {
		return Place{}, badArgument("%.80s…: prefix is %d bytes long, want at most %d", s, len(p.Key), foci.MaxKeyLen)
	}
	return p, nil
}

// prefix is the place as a folder of keys: empty, or ending in a slash.
func (p Place) prefix() string {
	if p.Key == "" || strings.HasSuffix(p.Key, "/") {
		return p.Key
	}
	return p.Key + "/"
}

// keyFor is the key of a local file of that base name copied to the place.
func (p Place) keyFor(localPath string) string {
	if p.Key == "" || strings.HasSuffix(p.Key, "/") {
		return p.Key + filepath.Base(localPath)
	}
	return p.Key
}

// fileFor is the local file that a key is copied to when the place is its
// target: the place itself, or a file in it when it is a folder.
func (p Place) fileFor(key string) (string, error) {
	info, err := os.Stat(p.Path)
	folder := strings.HasSuffix(p.Path, string(filepath.Separator)) || err == nil && info.IsDir()
	if !folder {
		return p.Path, nil
	}
	name := path.Base(key)
	if err := safeRelative(name); err != nil {
		return "", foci.Errorf(foci.Invalid, "%s: %w", quoted(key), err)
	}
	return filepath.Join(p.Path, name), nil
}

// safeRelative rejects a key (or its part below a prefix) that does not name exactly one
// file below a folder: the file would be outside of the folder, or another key would have
// the same file ("a//b" and "a/b").
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

// quoted returns a key for a message: as it is, or quoted if it holds characters
// that a terminal would interpret.
func quoted(key string) string {
	if q := strconv.Quote(key); q[1:len(q)-1] != key {
		return q
	}
	return key
}
