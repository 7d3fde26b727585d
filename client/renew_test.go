package client_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testcluster"
)

// TestCredentialIsRenewed: a client whose certificate is near its end has it
// renewed in its file while it is connected, even when it is so only for a
// moment; the name and the rights stay.
func TestCredentialIsRenewed(t *testing.T) {
	key := auth.Key{1}
	c := newClusterWith(t, 2, 2, func(_ int, c *node.Config) { c.Auth = auth.WithKey(key) })
	ca, err := key.Authority()
	if err != nil {
		t.Fatal(err)
	}
	may, err := rights.Parse("test-bucket=rw")
	if err != nil {
		t.Fatal(err)
	}
	for what, use := range map[string]func(*client.Client){
		"moment": func(*client.Client) {},
		"while": func(cl *client.Client) {
			s := cl.Session(client.SessionOptions{})
			put(t, s, "key", []byte("content"))
		},
	} {
		path := filepath.Join(t.TempDir(), "web.credential")
		old, err := ca.Client(what, may, time.Now().AddDate(0, 0, -75))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, old, 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		cl, err := client.Dial(ctx, client.Config{Remotes: c.Addrs, Credential: path, Logger: testcluster.Logger()})
		cancel()
		if err != nil {
			t.Fatal(err)
		}
		use(cl)
		if err := cl.Close(); err != nil {
			t.Error(err)
		}
		now, err := os.ReadFile(path)
		if err != nil || bytes.Equal(now, old) {
			t.Errorf("%s: not renewed: %v", what, err)
			continue
		}
		creds, err := auth.LoadCredential(files.OS(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if n := creds.Certificates().Name(); n.Client != what || n.Rights.String() != may.String() || creds.Certificates().Due() {
			t.Errorf("%s: renewed for %v with rights %q", what, n, n.Rights)
		}
	}
}

// TestRightsOfACertificate: a node holds a client to the rights in its
// certificate.
func TestRightsOfACertificate(t *testing.T) {
	key := auth.Key{1}
	c := newClusterWith(t, 1, 1, func(_ int, c *node.Config) { c.Auth = auth.WithKey(key) })
	ca, err := key.Authority()
	if err != nil {
		t.Fatal(err)
	}
	session := func(may string) *client.Session {
		r, err := rights.Parse(may)
		if err != nil {
			t.Fatal(err)
		}
		text, err := ca.Client("web", r, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "web.credential")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return c.dialWith(client.Config{Credential: path}).Session(client.SessionOptions{})
	}
	put(t, session("test-bucket=rw"), "key", []byte("content"))
	reader := session("test-bucket=r")
	get(t, reader, "key", client.GetOptions{})
	if _, err := reader.Put(t.Context(), name("key"), bytes.NewReader([]byte("x")), 1, client.PutOptions{}); foci.KindOf(err) != foci.Denied {
		t.Errorf("a reader writes: %v", err)
	}
}

// TestRotationReachesOpenChannels: a client that opens no channel hears from a
// watch that the nodes believe another key too, and follows.
func TestRotationReachesOpenChannels(t *testing.T) {
	dir := t.TempDir()
	old, fresh := auth.Key{1}, auth.Key{2}
	keys := filepath.Join(dir, "cluster.key")
	write := func(file string, text []byte) {
		t.Helper()
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(keys, auth.KeysText(old))
	c := newClusterWith(t, 2, 2, func(_ int, c *node.Config) {
		k, err := auth.LoadKeys(files.OS(), keys, nil)
		if err != nil {
			t.Fatal(err)
		}
		c.Auth = auth.WithKeys(k)
	})
	ca, err := old.Authority()
	if err != nil {
		t.Fatal(err)
	}
	text, err := ca.Client("web", rights.Data(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "web.credential")
	write(path, text)
	cl := c.dialWith(client.Config{Credential: path})
	put(t, cl.Session(client.SessionOptions{}), "key", []byte("content"))

	write(keys, auth.KeysText(old, fresh))
	want, err := auth.WithKeys(auth.TheseKeys(old, fresh)).For("test", foci.NodeID{1}, foci.RoleData)
	if err != nil {
		t.Fatal(err)
	}
	within := time.NewTimer(10 * time.Second)
	defer within.Stop()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for {
		creds, err := auth.LoadCredential(files.OS(), path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(creds.Certificates().Digest(), want.Certificates().Digest()) {
			return
		}
		select {
		case <-look.C:
		case <-within.C:
			t.Fatal("the client has not followed")
		}
	}
}
