package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// LoadKey reads a file with the cluster key.
func LoadKey(fsys vfs.FS, path string) (Key, error) {
	text, err := readFile(fsys, path, maxText, true)
	if err != nil {
		return Key{}, err
	}
	k, err := ParseKey(text)
	if err != nil {
		return Key{}, at(path, err)
	}
	return k, nil
}

// LoadCredential reads a client's credential: its key, a bundle of its
// certificate, private key and ca, or the cluster key itself.
func LoadCredential(fsys vfs.FS, path string, log *slog.Logger) (*Credentials, error) {
	text, err := readFile(fsys, path, maxPEM, true)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.Contains(text, []byte("-----BEGIN ")):
		c, err := loadBundle(fsys, path, log)
		if err != nil {
			return nil, at(path, err)
		}
		return WithCertificates(c, nil), nil
	case bytes.Contains(text, []byte(keyPrefix)):
		k, err := ParseKey(text)
		if err != nil {
			return nil, at(path, err)
		}
		return WithKey(k), nil
	}
	c, err := ParseClientKey(text)
	if err != nil {
		return nil, at(path, err)
	}
	return WithClientKey(c), nil
}

// readFile reads a small file; a secret one must not be readable by everybody.
func readFile(fsys vfs.FS, path string, limit int64, secret bool) ([]byte, error) {
	text, err := vfs.ReadFile(fsys, path, limit)
	if err != nil {
		var p *fs.PathError
		if errors.As(err, &p) {
			err = p.Err
		}
		return nil, &foci.Error{Kind: foci.Invalid, Where: path, Msg: "cannot be read", Err: err, Fix: "name a file that foci init or foci credential made"}
	}
	if !secret {
		return text, nil
	}
	info, err := fsys.Stat(path)
	if err == nil && info.Mode().Perm()&0o007 != 0 {
		err = &foci.Error{Kind: foci.Denied, Where: path, Msg: fmt.Sprintf("everybody on this machine can reach this secret (mode %#o)", info.Mode().Perm()), Fix: "chmod 600 " + path}
	}
	return text, err
}

// at names the file in an error about its content.
func at(path string, err error) error {
	var e *foci.Error
	if errors.As(err, &e) && e.Where != "" {
		return err
	}
	return &foci.Error{Kind: foci.KindOf(err), Where: path, Msg: "cannot be used", Err: err}
}

// stamps differ when a file has changed.
func stamps(fsys vfs.FS, paths ...string) string {
	var b []byte
	for _, p := range paths {
		if info, err := fsys.Stat(p); err != nil {
			b = fmt.Appendf(b, "%v;", err)
		} else {
			b = fmt.Appendf(b, "%d %d %v;", info.ModTime().UnixNano(), info.Size(), info.Mode())
		}
	}
	return string(b)
}
