package localcluster

import (
	"crypto/rand"
	"path/filepath"
	"strconv"
	"time"

	"github.com/foci-store/foci/internal/credential"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
)

// makeKey makes the cluster key where it is missing, and credentials for the first
// clients: anew at each start, because they expire.
func (l *Spec) makeKey() error {
	if !l.Key {
		return nil
	}
	key, err := auth.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	path := filepath.Join(l.Dir, credential.KeyFile)
	if err := writeMissingAs(path, key.Text(), 0o600); err != nil {
		return err
	}
	if key, err = auth.LoadKey(files.OS(), path); err != nil {
		return err
	}
	ca, err := key.Authority()
	if err != nil {
		return err
	}
	files, err := credential.ForClients(ca, time.Now())
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := credential.WriteFile(filepath.Join(l.Dir, f.Name), f.Text, f.Mode); err != nil {
			return err
		}
	}
	return nil
}

// remember records in the user's index of credentials that the client's credential
// belongs to the nodes of this cluster. For a cluster without a key it removes the entry
// of an earlier cluster with the same ports.
func (l *Spec) remember(nodes []Node) error {
	var remotes []string
	var entries []credential.Entry
	for _, n := range nodes {
		remote := "127.0.0.1:" + strconv.Itoa(int(n.Addr.Port))
		remotes = append(remotes, remote)
		if l.Key {
			entries = append(entries, credential.Entry{Remote: remote, Cluster: l.Cluster, Credential: l.ClientCredential()})
		}
	}
	return credential.Remember(remotes, entries)
}

// ClientCredential is the file with the credential of the cluster's first client.
func (l *Spec) ClientCredential() string { return filepath.Join(l.Dir, credential.ClientFile) }
