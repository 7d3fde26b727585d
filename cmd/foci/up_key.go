package main

import (
	"crypto/rand"
	"path/filepath"
	"time"

	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/vfs"
)

// makeKey makes the cluster key where it is missing, and credentials for the
// first clients: anew at each start, because they end after some time.
func (l *localCluster) makeKey() error {
	if !l.Key {
		return nil
	}
	key, err := auth.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	path := filepath.Join(l.dir, keyFile)
	if err := writeMissingAs(path, key.Text(), 0o600); err != nil {
		return err
	}
	if key, err = auth.LoadKey(vfs.OS(), path); err != nil {
		return err
	}
	ca, err := key.Authority()
	if err != nil {
		return err
	}
	files, err := appendClients(nil, ca, time.Now())
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := writeAs(filepath.Join(l.dir, f.Name), f.text, f.mode); err != nil {
			return err
		}
	}
	return nil
}

// leaveCredential has the commands of this user find the client's credential
// without a flag, for the remotes of this cluster. A cluster without a key takes
// what an earlier one of these ports has left away. It says what was done.
func (u *up) leaveCredential(l *localCluster, nodes []localNode) {
	var entries []indexEntry
	credential := filepath.Join(l.dir, clientFile)
	for _, remote := range remotesOf(nodes) {
		if l.Key {
			entries = append(entries, indexEntry{Remote: remote, Cluster: l.Cluster, Credential: credential})
		}
	}
	path, err := indexPath()
	if err == nil {
		err = updateIndex(path, remotesOf(nodes), entries)
	}
	switch {
	case !l.Key:
		u.app.message("this cluster has no key: every user of this machine may read and write everything, and join it; a new --dir gets one")
	case err != nil:
		u.app.message("commands do not find their credential by themselves (%v): say --credential %s, or set FOCI_CREDENTIAL", err, credential)
	}
}
