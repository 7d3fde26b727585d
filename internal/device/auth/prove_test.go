package auth

import (
	"testing"

	"github.com/foci-store/foci"
)

// TestProof: a proof is good for its side, its secret and its words, and for
// nothing else.
func TestProof(t *testing.T) {
	member := WithKey(testKey(1))
	nonce := [NonceSize]byte{5}
	claim := member.Claim([NonceSize]byte{9})
	s, err := member.Secret(&claim)
	if err != nil {
		t.Fatal(err)
	}
	hello, welcome := []byte("hello"), []byte("welcome")
	proof := s.Prove(Dialler, hello, nonce, welcome)
	if !s.Check(proof, Dialler, hello, nonce, welcome) {
		t.Error("a good proof is refused")
	}
	bad := proof
	bad[31] ^= 1
	for name, ok := range map[string]bool{
		"reflected":      s.Check(proof, Listener, hello, nonce, welcome),
		"changed":        s.Check(bad, Dialler, hello, nonce, welcome),
		"other hello":    s.Check(proof, Dialler, []byte("hellO"), nonce, welcome),
		"other welcome":  s.Check(proof, Dialler, hello, nonce, []byte("welcomf")),
		"moved border":   s.Check(proof, Dialler, []byte("hellow"), nonce, []byte("elcome")),
		"replayed":       s.Check(proof, Dialler, hello, [NonceSize]byte{6}, welcome),
		"none":           s.Check([ProofSize]byte{}, Dialler, hello, nonce, welcome),
		"another's key":  Secret(testKey(2).Derive(labelMember)).Check(proof, Dialler, hello, nonce, welcome),
		"the bare key":   Secret(testKey(1)).Check(proof, Dialler, hello, nonce, welcome),
		"a client's key": Secret(must(testKey(1).Client("x")).Secret).Check(proof, Dialler, hello, nonce, welcome),
	} {
		if ok {
			t.Errorf("%s: the proof is taken", name)
		}
	}
}

// TestSecrets: who can work out which secret.
func TestSecrets(t *testing.T) {
	k := testKey(1)
	member := WithKey(k)
	web := WithClientKey(must(k.Client("web")))
	claim := web.Claim([NonceSize]byte{1})
	ours, err := member.Secret(&claim)
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err := web.Secret(&claim); err != nil || theirs != ours || claim.Client != "web" {
		t.Errorf("the client and the node differ: %v", err)
	}
	for name, c := range map[string]Claim{"a member": {}, "another client": {Client: "db"}} {
		if _, err := web.Secret(&c); foci.KindOf(err) != foci.Denied {
			t.Errorf("a client knows the secret of %s: %v", name, err)
		}
	}
	var none *Credentials
	if _, err := none.Secret(&claim); foci.KindOf(err) != foci.Denied {
		t.Error(err)
	}
	for _, role := range []foci.Role{foci.RoleData, foci.RoleClient} {
		if err := web.Fit(role); foci.KindOf(err) != foci.Denied {
			t.Errorf("a client's key fits a %v", role)
		}
	}
	if member.Fit(foci.RoleData) != nil || member.Fit(foci.RoleTransport) != nil || web.Fit(foci.RoleTransport) != nil || none.Fit(foci.RoleData) != nil {
		t.Error("good credentials do not fit")
	}
	if got, has := member.Key(); !has || got != k {
		t.Error("a member's key is gone")
	}
	if _, has := web.Key(); has {
		t.Error("a client has the cluster's key")
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
