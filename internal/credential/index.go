package credential

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/vfs"
)

// index says which credential goes with which node of a local cluster, so that
// commands of the same user find it without a flag. It is a file in the user's
// configuration directory.
type index struct {
	Credentials []Entry `json:"credentials"` // the newest last
}

// Entry is one node of a local cluster.
type Entry struct {
	Remote     string `json:"remote"`     // IP:port, of loopback
	Cluster    string `json:"cluster"`    // name
	Credential string `json:"credential"` // absolute path
}

// Where the index is, below the user's configuration directory, and its bounds.
const (
	indexFolder  = "foci"
	indexName    = "local.json"
	maxIndex     = 1 << 20 // bytes
	maxEntries   = 1024
	maxEntryPath = 4096
)

// indexPath is where the index is. It fails where the system does not know the
// user's configuration directory.
func indexPath() (string, error) {
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, indexFolder, indexName), nil
}

// find is the credential for the cluster of these remotes, "" for none: every
// remote must have the same one. A client that means another cluster is told so
// by the nodes, which a credential does not change.
func (x *index) find(remotes []route.Remote) string {
	found := ""
	for _, r := range remotes {
		at := slices.IndexFunc(x.Credentials, func(e Entry) bool { return e.Remote == indexKey(r) })
		if at < 0 || found != "" && found != x.Credentials[at].Credential {
			return ""
		}
		found = x.Credentials[at].Credential
	}
	return found
}

// indexKey is a remote as entries have it; "" for what is no address of loopback.
func indexKey(r route.Remote) string {
	host := r.Host
	if host == "localhost" {
		host = "127.0.0.1"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil || !ip.Unmap().IsLoopback() || r.Service != "" {
		return ""
	}
	return netip.AddrPortFrom(ip.Unmap(), r.Port).String()
}

// replace has entries take the place of those for the same remotes, and of those
// that gone reports; over the limit the oldest are dropped.
func (x *index) replace(remotes []string, entries []Entry, gone func(Entry) bool) {
	x.Credentials = slices.DeleteFunc(x.Credentials, func(e Entry) bool { return slices.Contains(remotes, e.Remote) || gone(e) })
	x.Credentials = append(x.Credentials, entries...)
	if over := len(x.Credentials) - maxEntries; over > 0 {
		x.Credentials = slices.Delete(x.Credentials, 0, over)
	}
}

// parseIndex reads an index and refuses what foci up does not write.
func parseIndex(text []byte) (*index, error) {
	x := new(index)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(x); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more than one value in it")
	}
	if len(x.Credentials) > maxEntries {
		return nil, fmt.Errorf("%d entries, at most %d", len(x.Credentials), maxEntries)
	}
	for i, e := range x.Credentials {
		at, err := netip.ParseAddrPort(e.Remote)
		switch {
		case err != nil || !at.Addr().IsLoopback():
			return nil, fmt.Errorf("entry %d: remote %.80q: want IP:port of loopback", i+1, e.Remote)
		case !filepath.IsAbs(e.Credential) || len(e.Credential) > maxEntryPath || strings.ContainsRune(e.Credential, 0):
			return nil, fmt.Errorf("entry %d: credential %.80q: want the absolute path of a file", i+1, e.Credential)
		}
	}
	return x, nil
}

// loadIndex reads the index; that there is none is an empty one.
func loadIndex(path string) (*index, error) {
	refuse := func(err error) error {
		return &foci.Error{
			Kind: foci.Invalid, Op: "credentials", Where: path, Msg: "cannot be used", Err: vfs.Cause(err),
			Fix: "remove it, and foci up makes a new one; or give --credential FILE",
		}
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return &index{}, nil
	case err != nil:
		return nil, refuse(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, refuse(err)
	}
	if err := checkOwn(info); err != nil {
		return nil, refuse(err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxIndex+1))
	if err == nil && len(text) > maxIndex {
		err = fmt.Errorf("over %d bytes", maxIndex)
	}
	if err != nil {
		return nil, refuse(err)
	}
	x, err := parseIndex(text)
	if err != nil {
		return nil, refuse(err)
	}
	return x, nil
}

// checkOwn refuses a file that another user owns, reads or writes: who writes it
// chooses what this user's commands send where.
func checkOwn(info fs.FileInfo) error {
	owner, known := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.Mode().IsRegular():
		return errors.New("it is no regular file")
	case mutant.On(mutant.LooseIndex):
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("other users can reach it (mode %#o)", info.Mode().Perm())
	case known && int(owner.Uid) != os.Geteuid():
		return fmt.Errorf("it belongs to user %d", owner.Uid)
	}
	return nil
}

// updateIndex has entries take the place of those for the remotes, in the file,
// which is there whole or as it was. A damaged index is replaced.
func updateIndex(path string, remotes []string, entries []Entry) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, indexName+".lock"), os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close() // which unlocks it
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	x, err := loadIndex(path)
	if err != nil {
		x = &index{}
	}
	x.replace(remotes, entries, func(e Entry) bool {
		_, err := os.Stat(e.Credential)
		return errors.Is(err, fs.ErrNotExist)
	})
	text, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o600)
	if mutant.On(mutant.LooseIndex) {
		mode = 0o644
	}
	return WriteFile(path, append(text, '\n'), mode)
}

// Find returns the file with the credential for the cluster of these remotes, as
// [Remember] has noted it; "" if there is none.
func Find(remotes []route.Remote) (string, error) {
	if !slices.ContainsFunc(remotes, func(r route.Remote) bool { return indexKey(r) != "" }) {
		return "", nil
	}
	path, err := indexPath()
	if err != nil {
		return "", nil // no configuration directory, so there is no index in it
	}
	x, err := loadIndex(path)
	if err != nil {
		return "", err
	}
	return x.find(remotes), nil
}

// Remember replaces what the index says of these remotes, IP:port each, by entries.
func Remember(remotes []string, entries []Entry) error {
	path, err := indexPath()
	if err != nil {
		return err
	}
	return updateIndex(path, remotes, entries)
}
