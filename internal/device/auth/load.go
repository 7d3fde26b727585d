package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/files"
)

// LoadKey reads the first key of a file with cluster keys.
func LoadKey(fsys files.FS, path string) (Key, error) {
	k, err := LoadKeys(fsys, path, nil)
	if err != nil {
		return Key{}, err
	}
	return k.list[0], nil
}

// LoadAuthority reads a separate authority from the files of its certificate and
// its private key, which others may not read.
func LoadAuthority(fsys files.FS, cert, key string) (*Authority, error) {
	certText, err := readFile(fsys, cert, maxPEM, false)
	if err != nil {
		return nil, err
	}
	keyText, err := readFile(fsys, key, maxPEM, true)
	if err != nil {
		return nil, err
	}
	a, err := ParseAuthority(certText, keyText)
	if err != nil {
		return nil, at(key, err)
	}
	return a, nil
}

// LoadCredential reads a client's credential: a bundle of its certificate,
// private key and ca, or the cluster key itself.
func LoadCredential(fsys files.FS, path string, log *slog.Logger) (*Credentials, error) {
	text, err := readFile(fsys, path, maxPEM, true)
	if err != nil {
		return nil, err
	}
	switch {
	case bytes.Contains(text, []byte("-----BEGIN ")):
		c, err := newCertificates(log, time.Now, &bundleSource{fsys, path})
		if err != nil {
			return nil, at(path, err)
		}
		return WithCertificates(c, nil), nil
	case bytes.Contains(text, []byte(oldClientPrefix)):
		return nil, &foci.Error{
			Kind: foci.Invalid, Where: path, Msg: "is a client's key of protocol 1, which protocol 2 does not accept",
			Fix: "make a new one: foci credential NAME --key cluster.key",
		}
	case !bytes.Contains(text, []byte(keyPrefix)):
		return nil, at(path, foci.Errorf(foci.Invalid, "this is no client's credential: it has neither certificates (PEM) nor a cluster key"))
	}
	k, err := LoadKeys(fsys, path, log)
	if err != nil {
		return nil, err
	}
	return WithKeys(k), nil
}

// LoadSecret reads a file of at most limit bytes that other users of the machine
// cannot reach.
func LoadSecret(fsys files.FS, path string, limit int64) ([]byte, error) {
	return readFile(fsys, path, limit, true)
}

// readFile reads a small file; a secret one must not be readable by all users. The
// mode is that of the open file, so that it belongs to what is read.
func readFile(fsys files.FS, path string, limit int64, secret bool) ([]byte, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer f.Close()
	if secret {
		if err := checkMode(f, path); err != nil {
			return nil, err
		}
	}
	text, err := files.Read(f, limit)
	if err != nil {
		return nil, unreadable(path, err)
	}
	return text, nil
}

// checkMode refuses an open file that all users of the machine can reach.
func checkMode(f fs.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return unreadable(path, err)
	}
	if info.Mode().Perm()&0o007 != 0 && !mutant.On(mutant.ReadableKey) {
		return &foci.Error{Kind: foci.Denied, Where: path, Msg: fmt.Sprintf("other users of this machine can read this secret (mode %#o)", info.Mode().Perm()), Fix: "chmod 600 " + path}
	}
	return nil
}

func unreadable(path string, err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return &foci.Error{Kind: foci.Invalid, Where: path, Msg: "cannot be read", Err: err, Fix: "name a file that foci init or foci credential made"}
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
func stamps(fsys files.FS, paths ...string) string {
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
