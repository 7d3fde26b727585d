package stream

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/share"
)

// TestRelaysPerPrincipal: a client whose requests are relayed without end leaves
// relays, and bytes that may wait for them, to others.
func TestRelaysPerPrincipal(t *testing.T) {
	s := NewShares(&Limits{Conns: 100, Requests: 100, Bytes: 100, ReplyBytes: 100, Relays: 16, RelayBytes: 800})
	accountOf := func(name rights.Principal) *account {
		a, err := s.open(share.Who{Principal: name}, foci.Reg)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	relayed := func(a *account, bytes int64) (all []*relay) {
		for range 20 {
			r := &relay{in: &Incoming{ch: &Server{account: a}}}
			if !s.takeRelay(r, bytes) {
				break
			}
			all = append(all, r)
		}
		return all
	}
	web, db := accountOf("client/web"), accountOf("client/db")
	first := relayed(web, 10)
	if len(first) != 2 || s.growRelay(first[0], 85) || !s.growRelay(first[0], 80) {
		t.Errorf("%d relays of one client, %+v", len(first), s.Stats().RelayBytes)
	}
	if n := len(relayed(db, 60)); n != 1 {
		t.Errorf("%d of another's of 60 bytes, of 100", n)
	}
	for _, r := range first {
		if !s.endRelay(r) || s.endRelay(r) || s.growRelay(r, 1) {
			t.Error("a relay ended twice, or grew after its end")
		}
	}
	if s := s.Stats(); s.Relays.Used != 1 || s.RelayBytes.Used != 60 {
		t.Errorf("%+v", s)
	}
}
