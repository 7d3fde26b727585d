package mesh

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
	"github.com/foci-store/foci/internal/testwait"
)

// TestDeniedChannelsAreClosed: within 5 s of its entry in the deny list a peer
// has no open channel, whichever side dialled, and opens no other; others are
// left alone.
func TestDeniedChannelsAreClosed(t *testing.T) {
	deny := filepath.Join(t.TempDir(), "deny")
	creds := auth.WithKey(auth.Key{1})
	if err := creds.Deny(files.OS(), deny); err != nil {
		t.Fatal(err)
	}
	nd := startNode(t, 1, with(creds), func(c *Config) { c.Timing.Judge = 100 * time.Millisecond })
	member, web, db := startNode(t, 2, with(clusterKey(1))), startClient(t, with(clientKey(t, 1, "web"))), startClient(t, with(clientKey(t, 1, "db")))
	connect(t, web, nd, false)
	kept := connect(t, db, nd, false)
	out := connect(t, nd, member, false)
	open := func(of string) (n int) {
		for _, ch := range nd.accepted() {
			if string(ch.Peer.Principal) == of {
				n++
			}
		}
		for _, l := range nd.Peers() {
			for _, ch := range l.channelList() {
				if string(ch.Peer.Principal) == of {
					n++
				}
			}
		}
		return n
	}
	node := "node/" + nodeID(2).String()
	if open("client/web") == 0 || open(node) == 0 {
		t.Fatal("no channels")
	}
	if err := os.WriteFile(deny, []byte("name client/web\nname "+node+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	testwait.True(t, 5*time.Second, "their end", func() bool { return open("client/web") == 0 && open(node) == 0 && !out.Up() })
	if _, err := startClient(t, with(clientKey(t, 1, "web"))).Dial(testContext(t), addrOf(nd.addr), false); foci.KindOf(err) != foci.Denied {
		t.Errorf("a denied client comes in again: %v", err)
	}
	if _, err := kept.Call(testContext(t), foci.Reg, methodNull, nil, nil); err != nil {
		t.Errorf("another client: %v", err)
	}
}

// TestRemovedKeyClosesChannels: when a key is taken out of the file the channels
// of those that have no other end.
func TestRemovedKeyClosesChannels(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cluster.key")
	put := func(keys ...auth.Key) {
		if err := os.WriteFile(path, auth.KeysText(keys...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(auth.Key{2}, auth.Key{1})
	keys, err := auth.LoadKeys(files.OS(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	nd := startNode(t, 1, with(auth.WithKeys(keys)), func(c *Config) { c.Timing.Judge = 100 * time.Millisecond })
	client := func(n byte) *node {
		return startClient(t, with(twoKeys(t, n)))
	}
	old, fresh := connect(t, client(1), nd, false), connect(t, client(2), nd, false)
	put(auth.Key{2})
	testwait.True(t, 5*time.Second, "the end of the old key's channels", func() bool { return !old.Up() })
	if _, err := fresh.Call(testContext(t), foci.Reg, methodNull, nil, nil); err != nil {
		t.Errorf("the other key's client: %v", err)
	}
}

// twoKeys are the credentials of a client that believes both keys and has a
// certificate of one.
func twoKeys(t *testing.T, n byte) *auth.Credentials {
	t.Helper()
	return auth.WithKeys(auth.TheseKeys(auth.Key{n}, auth.Key{3 - n}))
}
