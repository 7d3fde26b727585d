package auth

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
)

// member are the certificates of a node that holds these keys.
func member(t *testing.T, node foci.NodeID, keys ...Key) *Certificates {
	t.Helper()
	c, err := WithKeys(TheseKeys(keys...)).For("home", node, foci.RoleData)
	if err != nil {
		t.Fatal(err)
	}
	return c.Certificates()
}

// TestKeyIsAnAuthority: holders of one key make the same authority, and believe
// each other; a holder of another key is believed by none of them.
func TestKeyIsAnAuthority(t *testing.T) {
	one, again, other := must(testKey(1).Authority()), must(testKey(1).Authority()), must(testKey(2).Authority())
	if !bytes.Equal(one.cert.Raw, again.cert.Raw) || bytes.Equal(one.cert.Raw, other.cert.Raw) {
		t.Error("the authority does not depend on the key alone")
	}
	a, b, x := member(t, nodeA, testKey(1)), member(t, foci.NodeID{9}, testKey(1)), member(t, foci.NodeID{9}, testKey(2))
	if dialled, accepted := meet(t, a, b); dialled != nil || accepted != nil {
		t.Errorf("%v; %v", dialled, accepted)
	}
	if dialled, _ := meet(t, a, x); foci.KindOf(dialled) != foci.Denied {
		t.Errorf("another key is believed: %v", dialled)
	}
	client, err := WithKey(testKey(1)).For("", foci.NodeID{}, foci.RoleTransport)
	if err != nil {
		t.Fatal(err)
	}
	if n := client.Certificates().Name(); n.Cluster != AnyCluster || n.Principal() != "client/cluster-key" || n.Rights.String() != rights.Full().String() {
		t.Errorf("a client with the key is %v, %q", n, n.Rights)
	}
	if dialled, accepted := meet(t, client.Certificates(), a); dialled != nil || accepted != nil {
		t.Errorf("%v; %v", dialled, accepted)
	}
}

// TestRightsInCertificates: what is signed is what the peer reads.
func TestRightsInCertificates(t *testing.T) {
	for _, text := range []string{"", "*=rw", "*=r,photos=rw", "*=rw,admin", "a.b-c=w"} {
		a := must(testKey(1).Authority())
		cert, key, ca, err := splitBundle(must(a.Client("web", must(rights.Parse(text)), time.Now())))
		if err != nil {
			t.Fatal(err)
		}
		l, err := parse(cert, key, ca)
		if err != nil || l.name.Rights.String() != text || l.name.Client != "web" {
			t.Errorf("%q: %v %q, %v", text, l.name, l.name.Rights, err)
		}
	}
}

func TestSignedByAMember(t *testing.T) {
	home := authority(t, "home")
	for name, tc := range map[string]struct{ signer, judge *Certificates }{
		"key":       {member(t, nodeA, testKey(1)), member(t, foci.NodeID{9}, testKey(1))},
		"two keys":  {member(t, nodeA, testKey(2), testKey(1)), member(t, foci.NodeID{9}, testKey(1), testKey(2))},
		"authority": {newPlace(t, home, nodeA).load(), newPlace(t, home, foci.NodeID{9}).load()},
	} {
		cert, sig, err := tc.signer.Sign([]byte("msg"))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if id, err := tc.judge.VerifyMember(cert, []byte("msg"), sig, now); err != nil || id != nodeA {
			t.Errorf("%s: %v, %v", name, id, err)
		}
		foreign := member(t, nodeA, testKey(3))
		client := must(newCertificates(nil, time.Now, &keySource{TheseKeys(testKey(1)), Name{Cluster: "home", Client: "web"}, draw()}))
		clientCert, clientSig, err := client.Sign([]byte("msg"))
		if err != nil {
			t.Fatal(err)
		}
		for what, err := range map[string]error{
			"another message":    second(tc.judge.VerifyMember(cert, []byte("msG"), sig, now)),
			"another signature":  second(tc.judge.VerifyMember(cert, []byte("msg"), append([]byte{^sig[0]}, sig[1:]...), now)),
			"no signature":       second(tc.judge.VerifyMember(cert, []byte("msg"), nil, now)),
			"another authority":  second(foreign.VerifyMember(cert, []byte("msg"), sig, now)),
			"a client's":         second(tc.judge.VerifyMember(clientCert, []byte("msg"), clientSig, now)),
			"expired":            second(tc.judge.VerifyMember(cert, []byte("msg"), sig, now.Add(certificateLife+slack+time.Hour))),
			"no certificate":     second(tc.judge.VerifyMember(nil, []byte("msg"), sig, now)),
			"a long certificate": second(tc.judge.VerifyMember(make([]byte, wire.MaxCertificate+1), []byte("msg"), sig, now)),
			"half a certificate": second(tc.judge.VerifyMember(cert[:len(cert)-1], []byte("msg"), sig, now)),
		} {
			if foci.KindOf(err) != foci.Denied {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if _, err := tc.judge.VerifyMember(cert, []byte("msg"), sig, now.Add(certificateLife+slack-time.Hour)); err != nil {
			t.Errorf("%s: within the slack: %v", name, err)
		}
	}
}

func draw() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

func second[T any](_ T, err error) error { return err }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// BenchmarkVerifyMember is one signed message judged.
func BenchmarkVerifyMember(b *testing.B) {
	signer := must(WithKey(testKey(1)).For("home", nodeA, foci.RoleData)).Certificates()
	cert, sig, err := signer.Sign([]byte("msg"))
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	for b.Loop() {
		if _, err := signer.VerifyMember(cert, []byte("msg"), sig, now); err != nil {
			b.Fatal(err)
		}
	}
}
