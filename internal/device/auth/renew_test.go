package auth

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/files"
)

// clientFile is the credential file of a client, signed with a key.
func clientFile(t *testing.T, k Key, name, may string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	text := must(must(k.Authority()).Client(name, must(rights.Parse(may)), time.Now()))
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func loadClient(t *testing.T, path string) *Certificates {
	t.Helper()
	c, err := LoadCredential(files.OS(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Certificates()
}

// shownBy is what a process shows to a node.
func shownBy(c *Certificates) *Shown {
	l := c.current()
	return &Shown{name: l.name, chain: []*x509.Certificate{l.own.Leaf}, use: x509.ExtKeyUsageClientAuth}
}

// TestRenewedIsTheSame: a renewed certificate is of the same client with the same
// rights, lasts longer, and stands in the file, which only its owner can read.
func TestRenewedIsTheSame(t *testing.T) {
	for _, may := range []string{"", "photos=r", "*=rw"} {
		path := clientFile(t, testKey(1), "web", may)
		c, node := loadClient(t, path), member(t, nodeA, testKey(1))
		now := time.Now()
		c.now, node.now = func() time.Time { return now }, func() time.Time { return now }
		if c.Due() {
			t.Fatal("a new certificate is due")
		}
		now = now.Add(certificateLife*2/3 + time.Hour)
		if !c.Due() {
			t.Fatal("an old certificate is not due")
		}
		old := c.current().own.Leaf
		q := must(c.NewRenewal())
		a, err := node.Renew(shownBy(c), &q.Request)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Adopt(q, a); err != nil {
			t.Fatalf("rights %q: %v", may, err)
		}
		if got := c.current().own.Leaf; c.Due() || !got.NotAfter.After(old.NotAfter) || got.PublicKey == nil || samePublicKey(got.PublicKey, old.PublicKey) {
			t.Errorf("not renewed: it ends %v", got.NotAfter)
		}
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		again := loadClient(t, path)
		if !again.Name().Equal(c.Name()) || again.Name().Rights.String() != may || !bytes.Equal(again.current().own.Leaf.Raw, c.current().own.Leaf.Raw) {
			t.Errorf("the file has %v with rights %q", again.Name(), again.Name().Rights)
		}
		if dialled, accepted := meet(t, c, node); dialled != nil || accepted != nil {
			t.Errorf("%v; %v", dialled, accepted)
		}
	}
}

// TestNoFileNoLoss: a certificate that cannot be stored is used all the same.
func TestNoFileNoLoss(t *testing.T) {
	path := clientFile(t, testKey(1), "web", "*=rw")
	c, node := loadClient(t, path), member(t, nodeA, testKey(1))
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	q := must(c.NewRenewal())
	old := c.current()
	if err := c.Adopt(q, must(node.Renew(shownBy(c), &q.Request))); err != nil || c.cur.Load() == old {
		t.Errorf("%v", err)
	}
}

// TestRenewedForAnotherPeer: a client takes no certificate of another name, with
// other rights, of another key, or signed by an authority that it does not
// believe yet, even when it comes from a node.
func TestRenewedForAnotherPeer(t *testing.T) {
	path := clientFile(t, testKey(1), "web", "*=rw")
	c := loadClient(t, path)
	q, other := must(c.NewRenewal()), must(c.NewRenewal())
	sign := func(k Key, n Name, q *Renewal) *wire.Renewed {
		ca := must(k.Authority())
		return &wire.Renewed{Certificate: must(ca.sign(n, "x", q.key.Public(), time.Now())), Authorities: [][]byte{ca.cert.Raw}}
	}
	name := c.Name()
	renamed, widened, node := name, name, Name{Cluster: AnyCluster, Node: nodeA}
	renamed.Client, widened.Rights = "db", rights.Full()
	good := sign(testKey(1), name, q)
	for what, a := range map[string]*wire.Renewed{
		"another name":      sign(testKey(1), renamed, q),
		"more rights":       sign(testKey(1), widened, q),
		"a node's":          sign(testKey(1), node, q),
		"another key":       sign(testKey(1), name, other),
		"another authority": sign(testKey(2), name, q),
		"no certificate":    {},
		"rubbish":           {Certificate: []byte("rubbish"), Authorities: good.Authorities},
		"no authority":      {Certificate: good.Certificate},
		"no real authority": {Certificate: good.Certificate, Authorities: [][]byte{good.Certificate}},
		"not its authority": {Certificate: good.Certificate, Authorities: [][]byte{must(testKey(2).Authority()).cert.Raw}},
	} {
		if err := c.Adopt(q, a); err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
	if err := c.Adopt(q, good); err != nil {
		t.Error(err)
	}
}

// TestDeniedIsNotRenewed: nor is a certificate that has ended, or is of an
// authority that is not believed any more.
func TestDeniedIsNotRenewed(t *testing.T) {
	c, node := loadClient(t, clientFile(t, testKey(1), "web", "*=rw")), member(t, nodeA, testKey(1))
	q := must(c.NewRenewal())
	if _, err := node.Renew(nil, &q.Request); foci.KindOf(err) != foci.Denied {
		t.Errorf("no certificate was shown: %v", err)
	}
	if _, err := member(t, nodeA, testKey(2)).Renew(shownBy(c), &q.Request); foci.KindOf(err) != foci.Denied {
		t.Errorf("another cluster's: %v", err)
	}
	if _, err := newPlace(t, authority(t, "home"), nodeA).load().Renew(shownBy(c), &q.Request); foci.KindOf(err) != foci.Denied {
		t.Errorf("without an issuing key: %v", err)
	}
	if _, err := node.Renew(shownBy(c), &wire.Renew{PublicKey: []byte("rubbish")}); foci.KindOf(err) != foci.Invalid {
		t.Errorf("no public key: %v", err)
	}
	node.denied.Store(must(parseDenied([]byte("name client/web"))))
	if _, err := node.Renew(shownBy(c), &q.Request); foci.KindOf(err) != foci.Denied {
		t.Errorf("denied: %v", err)
	}
}

// TestRenewalsAreBounded for each principal and for the process.
func TestRenewalsAreBounded(t *testing.T) {
	var r renewals
	now := time.Now()
	served := 0
	for i := range 100 {
		who := rights.Client(fmt.Sprint("c", i))
		if err := r.admit(who, now); err == nil {
			served++
		} else if foci.KindOf(err) != foci.Busy {
			t.Fatal(err)
		}
	}
	if served != renewalsPerSecond {
		t.Errorf("%d in one moment, want %d", served, renewalsPerSecond)
	}
	now = now.Add(renewalPause / 2)
	if err := r.admit("client/c0", now); foci.KindOf(err) != foci.Busy {
		t.Errorf("the same principal again: %v", err)
	}
	if err := r.admit("client/c99", now); err != nil {
		t.Errorf("another one later: %v", err)
	}
	for i := range 2 * maxRenewals {
		now = now.Add(renewalPause)
		if err := r.admit(rights.Client(fmt.Sprint("d", i)), now); err != nil {
			t.Fatal(err)
		}
	}
	if len(r.last) > maxRenewals {
		t.Errorf("%d principals are remembered", len(r.last))
	}
}

// TestClientFollowsRotation: a client that is connected between the steps of a
// rotation believes the new key in time, and its own certificate is signed with
// it before the old key is removed.
func TestClientFollowsRotation(t *testing.T) {
	c := loadClient(t, clientFile(t, testKey(1), "web", "*=rw"))
	old, fresh := testKey(1), testKey(2)
	for _, keys := range [][]Key{{old}, {old, fresh}, {fresh, old}, {fresh}} {
		node := member(t, nodeA, keys...)
		if dialled, accepted := meet(t, c, node); dialled != nil || accepted != nil {
			t.Fatalf("%d keys: %v; %v", len(keys), dialled, accepted)
		}
		c.Heard(node.Digest())
		if len(keys) == 1 && keys[0] == old {
			if c.Due() {
				t.Error("due without a change")
			}
			continue
		}
		if !c.Due() {
			t.Fatal("the change is not heard")
		}
		q := must(c.NewRenewal())
		if err := c.Adopt(q, must(node.Renew(shownBy(c), &q.Request))); err != nil {
			t.Fatal(err)
		}
		if c.Due() {
			t.Error("due again")
		}
	}
}

// TestMemberOfAnAuthorityRenews: by a node with the issuing key, and that node by
// itself; the private key stays, and one file changes.
func TestMemberOfAnAuthorityRenews(t *testing.T) {
	home := authority(t, "home")
	p, q := newPlace(t, home, nodeA), newPlace(t, home, foci.NodeID{9})
	q.files.IssuingKey = filepath.Join(filepath.Dir(q.files.Cert), "ca.key")
	q.write(q.files.IssuingKey, must(home.Key()))
	a, issuer := p.load(), q.load()
	if a.Issues() || !issuer.Issues() {
		t.Fatal("the wrong node issues")
	}
	r := must(a.NewRenewal())
	if err := a.Adopt(r, must(issuer.Renew(shownBy(a), &r.Request))); err != nil {
		t.Fatal(err)
	}
	own := must(issuer.NewRenewal())
	if err := issuer.RenewOwn(own); err != nil {
		t.Fatal(err)
	}
	for who, c := range map[*place]*Certificates{p: a, q: issuer} {
		if again := who.load(); !bytes.Equal(again.current().own.Leaf.Raw, c.current().own.Leaf.Raw) || !again.Name().Equal(c.Name()) {
			t.Error("the files have another certificate")
		}
	}
	if dialled, accepted := meet(t, a, issuer); dialled != nil || accepted != nil {
		t.Errorf("%v; %v", dialled, accepted)
	}
}
