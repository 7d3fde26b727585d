package credential

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
)

// File is a file to be written, and who needs it.
type File struct {
	Name string      `json:"name"`
	For  string      `json:"for"`
	Text []byte      `json:"-"`
	Mode fs.FileMode `json:"-"`
}

// The names of the files of a new cluster.
const (
	KeyFile    = "cluster.key"
	ClientFile = "client.credential"
	AdminFile  = "admin.credential"
	caFile     = "ca.pem"
	caKeyFile  = "ca.key"
)

// The names of the first two clients.
const (
	firstClient = "client"
	firstAdmin  = "admin"
)

// ForCluster makes the cluster key and the credentials of the first clients of a new
// cluster; with tls also an authority, and a certificate for each node.
func ForCluster(l *layout.Layout, tls bool, now time.Time) ([]File, error) {
	key, err := auth.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	use := `every node: key = "cluster.key" in foci.toml; every process with the key is a member`
	if tls {
		use = `every node, for multicast only: key = "cluster.key" in foci.toml`
	}
	files := []File{{KeyFile, use, key.Text(), 0o600}}
	if !tls {
		ca, err := key.Authority()
		if err != nil {
			return nil, err
		}
		clients, err := ForClients(ca, now)
		return append(files, clients...), err
	}
	ca, err := auth.NewAuthority(l.Cluster, now)
	if err != nil {
		return nil, err
	}
	clients, err := ForClients(ca, now)
	if err != nil {
		return nil, err
	}
	secret, err := ca.Key()
	if err != nil {
		return nil, err
	}
	files = append(append(files, clients...),
		File{caFile, `every node: ca = "ca.pem" under [tls] in foci.toml`, ca.Cert(), 0o644},
		File{caKeyFile, "one node or a few: issuing_key = \"ca.key\" under [tls], to renew certificates, which end after 90 days; foci credential makes further ones with it", secret, 0o600},
	)
	for i := range l.Nodes {
		n := &l.Nodes[i]
		pair, err := ForNode(ca, n.ID, n.Name, "node-"+n.Name, now)
		if err != nil {
			return nil, err
		}
		files = append(files, pair...)
	}
	return files, nil
}

// ForClients makes the credentials of the first two clients: one that may read and
// write, one that may also administer.
func ForClients(ca *auth.Authority, now time.Time) ([]File, error) {
	var files []File
	for _, c := range []struct {
		file, name, use string
		rights          rights.Rights
	}{
		{ClientFile, firstClient, "clients: --credential FILE or FOCI_CREDENTIAL=FILE", rights.Data()},
		{AdminFile, firstAdmin, "the cluster's administrator, in the same way", rights.Full()},
	} {
		text, err := ca.Client(c.name, c.rights, now)
		if err != nil {
			return nil, err
		}
		files = append(files, File{c.file, c.use, text, 0o600})
	}
	return files, nil
}

// ForNode makes the certificate of a node and its private key, in base.pem and
// base.key.
func ForNode(ca *auth.Authority, id foci.NodeID, name, base string, now time.Time) ([]File, error) {
	cert, key, err := ca.Node(id, name, now)
	return []File{
		{base + ".pem", fmt.Sprintf("node %s: cert = %q under [tls]", name, base+".pem"), cert, 0o644},
		{base + ".key", fmt.Sprintf("node %s: key = %q under [tls]", name, base+".key"), key, 0o600},
	}, err
}

// WriteNew writes files into dir. None of them may exist: if one does, none is
// written.
func WriteNew(op, dir string, files []File) error {
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if _, err := os.Lstat(path); err == nil {
			return &foci.Error{Kind: foci.Invalid, Op: op, Where: path, Msg: "the file exists", Fix: "what is in use must not be lost: remove it if that is meant, or name another place"}
		}
	}
	for _, f := range files {
		if err := WriteFile(filepath.Join(dir, f.Name), f.Text, f.Mode); err != nil {
			return &foci.Error{Kind: foci.ReadOnly, Op: op, Where: filepath.Join(dir, f.Name), Msg: "cannot be written", Err: vfs.Cause(err)}
		}
	}
	return nil
}

// WriteFile replaces a file so that after a crash it is there whole, old or new. At
// no time is it there with wider permissions than mode.
func WriteFile(path string, text []byte, mode fs.FileMode) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
