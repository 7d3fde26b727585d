package wire

import (
	"bytes"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/testcodec"
)

func proven(cert, sig int) Route {
	return Route{
		Node: foci.NodeID{1}, Role: foci.RoleData, Addrs: []string{},
		Proof: RouteProof{Cert: bytes.Repeat([]byte{1}, cert), Sig: bytes.Repeat([]byte{2}, sig)},
	}
}

// TestProofsTravel behind the routes, where protocol 1 does not read on, and are
// bounded.
func TestProofsTravel(t *testing.T) {
	bare := Routes{Epoch: 1, Routes: []Route{proven(0, 0), proven(0, 0)}, Want: []foci.NodeID{{7}}}
	full := bare
	full.Routes = []Route{proven(0, 0), proven(MaxProofCert, MaxProofSig)}
	first := len(bare.Append(nil)) - 4 // all that protocol 1 knows
	if !bytes.Equal(bare.Append(nil)[:first], full.Append(nil)[:first]) {
		t.Error("the routes themselves look another way")
	}
	var got Routes
	if err := codec.Unmarshal(full.Append(nil), &got); err != nil || len(got.Want) != 1 || !got.Routes[0].Proof.IsZero() || !bytes.Equal(got.Routes[1].Proof.Sig, full.Routes[1].Proof.Sig) {
		t.Errorf("%+v, %v", got, err)
	}
	got = Routes{}
	if err := codec.Unmarshal(full.Append(nil)[:first], &got); err != nil || len(got.Routes) != 2 || !got.Routes[1].Proof.IsZero() {
		t.Errorf("as protocol 1 sends it: %+v, %v", got, err)
	}
	for name, r := range map[string]Route{"certificate": proven(MaxProofCert+1, 1), "signature": proven(1, MaxProofSig+1)} {
		m := Routes{Routes: []Route{r}}
		if codec.Unmarshal(m.Append(nil), &got) == nil {
			t.Errorf("a %s too long is taken", name)
		}
	}
	more := codec.AppendU32(bare.Append(nil)[:first], 3)
	if codec.Unmarshal(append(more, make([]byte, 24)...), &got) == nil {
		t.Error("more proofs than routes are taken")
	}
}

// TestProofsCount among what fits into one message.
func TestProofsCount(t *testing.T) {
	all := make([]Route, MaxRoutes)
	for i := range all {
		all[i] = proven(700, 72)
	}
	m := Routes{Routes: FitRoutes(all)}
	if n := len(m.Append(nil)); n > MaxRouteBytes+64 || n < MaxRouteBytes-1000 {
		t.Errorf("%d routes of %d fit, %d bytes", len(m.Routes), len(all), n)
	}
}

// TestSignedCoversTheRoute: each part of a route changes what is signed, and the
// proof does not.
func TestSignedCoversTheRoute(t *testing.T) {
	base := Route{Node: foci.NodeID{1}, Incarnation: 2, Counter: 3, Role: foci.RoleData, Addrs: []string{"a", "b"}}
	seen := map[string]string{}
	for name, change := range map[string]func(*Route){
		"nothing": func(*Route) {}, "node": func(r *Route) { r.Node[15]++ }, "incarnation": func(r *Route) { r.Incarnation++ },
		"counter": func(r *Route) { r.Counter++ }, "role": func(r *Route) { r.Role = foci.RoleClient },
		"addresses": func(r *Route) { r.Addrs = []string{"ab"} }, "one more": func(r *Route) { r.Addrs = []string{"a", "b", ""} },
	} {
		r := base
		change(&r)
		text := string(r.Signed())
		if other, twice := seen[text]; twice {
			t.Errorf("%s and %s are signed alike", name, other)
		}
		seen[text] = name
	}
	with := base
	with.Proof = RouteProof{Cert: []byte("x")}
	if !bytes.Equal(with.Signed(), base.Signed()) {
		t.Error("the proof is part of what it proves")
	}
}

// FuzzRouteProofs reads anything behind good routes.
func FuzzRouteProofs(f *testing.F) {
	bare := Routes{Epoch: 1, Routes: []Route{proven(0, 0), proven(0, 0)}}
	head := bare.Append(nil)
	head = head[:len(head)-4]
	f.Add(appendProofs(nil, []Route{proven(5, 7), proven(0, 0)}))
	f.Add([]byte{2, 0, 0, 0, 255, 255, 255, 255})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, tail []byte) {
		b := append(bytes.Clone(head), tail...)
		testcodec.Stable(t, b, new(Routes), new(Routes))
		var m Routes
		if codec.Unmarshal(b, &m) != nil {
			return
		}
		for _, r := range m.Routes {
			if len(r.Proof.Cert) > min(MaxProofCert, len(tail)) || len(r.Proof.Sig) > min(MaxProofSig, len(tail)) {
				t.Fatalf("%d and %d bytes of proof", len(r.Proof.Cert), len(r.Proof.Sig))
			}
		}
	})
}
