package main

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/layout"
)

// newFile is a file that a command makes, and whom it is for.
type newFile struct {
	Name string `json:"name"`
	For  string `json:"for"`
	text []byte
	mode fs.FileMode
}

// The names of what init writes beside the layout.
const (
	keyFile    = "cluster.key"
	clientFile = "client.credential"
	adminFile  = "admin.credential"
	caFile     = "ca.pem"
	caKeyFile  = "ca.key"
)

// The names of the clients that init makes credentials for.
const (
	firstClient = "client"
	firstAdmin  = "admin"
)

// secrets are what the nodes and the first clients of a new cluster prove
// themselves with.
func secrets(l *layout.Layout, tls bool, now time.Time) ([]newFile, error) {
	key, err := auth.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	use := `every node: key = "cluster.key" in foci.toml; whoever has it is a member`
	if tls {
		use = `every node, for multicast only: key = "cluster.key" in foci.toml`
	}
	files := []newFile{{keyFile, use, key.Text(), 0o600}}
	if !tls {
		ca, err := key.Authority()
		if err != nil {
			return nil, err
		}
		return appendClients(files, ca, now)
	}
	ca, err := auth.NewAuthority(l.Cluster, now)
	if err != nil {
		return nil, err
	}
	if files, err = appendClients(files, ca, now); err != nil {
		return nil, err
	}
	secret, err := ca.Key()
	if err != nil {
		return nil, err
	}
	files = append(
		files, newFile{caFile, `every node: ca = "ca.pem" under [tls] in foci.toml`, ca.Cert(), 0o644},
		newFile{caKeyFile, "one node or a few: issuing_key = \"ca.key\" under [tls], to renew certificates, which end after 90 days; foci credential makes further ones with it", secret, 0o600},
	)
	for i := range l.Nodes {
		n := &l.Nodes[i]
		pair, err := nodePair(ca, n.ID, n.Name, "node-"+n.Name, now)
		if err != nil {
			return nil, err
		}
		files = append(files, pair...)
	}
	return files, nil
}

// appendClients adds the credentials of the first two clients: one for data, one
// that may also administer.
func appendClients(files []newFile, ca *auth.Authority, now time.Time) ([]newFile, error) {
	for _, c := range []struct {
		file, name, use string
		rights          rights.Rights
	}{
		{clientFile, firstClient, "clients: --credential FILE or FOCI_CREDENTIAL=FILE", rights.Data()},
		{adminFile, firstAdmin, "the cluster's administrator, in the same way", rights.Full()},
	} {
		text, err := ca.Client(c.name, c.rights, now)
		if err != nil {
			return nil, err
		}
		files = append(files, newFile{c.file, c.use, text, 0o600})
	}
	return files, nil
}

// nodePair is the certificate of a node and its private key.
func nodePair(ca *auth.Authority, id foci.NodeID, name, base string, now time.Time) ([]newFile, error) {
	cert, key, err := ca.Node(id, name, now)
	return []newFile{
		{base + ".pem", fmt.Sprintf("node %s: cert = %q under [tls]", name, base+".pem"), cert, 0o644},
		{base + ".key", fmt.Sprintf("node %s: key = %q under [tls]", name, base+".key"), key, 0o600},
	}, err
}

// writeNew writes files that must not exist yet: all, or none when one does.
func writeNew(op, dir string, files []newFile) error {
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if _, err := os.Lstat(path); err == nil {
			return &foci.Error{Kind: foci.Invalid, Op: op, Where: path, Msg: "the file exists", Fix: "what is in use must not be lost: remove it if that is meant, or name another place"}
		}
	}
	for _, f := range files {
		if err := writeAs(filepath.Join(dir, f.Name), f.text, f.mode); err != nil {
			return &foci.Error{Kind: foci.ReadOnly, Op: op, Where: filepath.Join(dir, f.Name), Msg: "cannot be written", Err: pathless(err)}
		}
	}
	return nil
}

// printMade says what was made, and what to copy where.
func (a *app) printMade(dir string, files []newFile) error {
	made := struct {
		Dir   string    `json:"dir"`
		Files []newFile `json:"files"`
	}{dir, files}
	return a.print(made, func() error {
		rows := make([][]string, len(files))
		for i, f := range files {
			rows[i] = []string{filepath.Join(dir, f.Name), fmt.Sprintf("%04o", f.mode), f.For}
		}
		return a.table("FILE MODE FOR", rows)
	})
}
