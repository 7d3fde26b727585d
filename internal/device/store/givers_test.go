package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/device/vfs"
)

var (
	web    = share.Who{Principal: rights.Client("web")}
	music  = share.Who{Principal: rights.Client("music")}
	member = share.Who{Principal: rights.Node(foci.NodeID{1}), Member: true}
)

func hintBy(b *Backend, k Hint, by share.Who) error {
	done := make(chan error, 1)
	b.Hint(k, by, func(err error) { done <- err })
	return <-done
}

// TestHintsPerPrincipal: of 16 hints one client leaves 2, another one 2, and
// members find their quarter. It is the same after a restart, from the index or
// from the log alone, and a hint that was delivered makes room.
func TestHintsPerPrincipal(t *testing.T) {
	o := testOptions(vfs.NewCrashable())
	o.MaxHints = 16
	b := open(t, o)
	var all []Hint
	for i := range 24 {
		all = append(all, putHinted(t, b, i, 2))
	}
	next := 0
	give := func(by share.Who, want int) {
		t.Helper()
		for range want {
			if err := hintBy(b, all[next], by); err != nil {
				t.Fatalf("%s: %v", by.Principal, err)
			}
			next++
		}
		if by.Member {
			return
		}
		if err := hintBy(b, all[next], by); foci.KindOf(err) != foci.TooLarge || err == nil || !strings.Contains(err.Error(), string(by.Principal)) {
			t.Fatalf("one hint more of %s: %v", by.Principal, err)
		}
	}
	give(web, 2)
	give(music, 2)
	if err := hintBy(b, all[0], music); err != nil {
		t.Errorf("a hint that is kept already: %v", err)
	}
	for range 2 {
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = open(t, o)
		give(web, 0)
		give(music, 0)
		if err := errors.Join(b.Close(), o.FS.RemoveAll("/backend/index")); err != nil {
			t.Fatal(err)
		}
		b = open(t, o)
	}
	follow(t, b, all[0], true)
	give(web, 1)
	give(member, 12)
	if err := hintBy(b, all[next], member); foci.KindOf(err) != foci.TooLarge || err == nil {
		t.Errorf("one hint more than there may be: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestGiverTags: what is kept of a giver is found again; of releases that kept
// none the hints are as a member's.
func TestGiverTags(t *testing.T) {
	for _, w := range []share.Who{web, {}, {Member: true}} {
		row := giverTag(w)
		if got := giverOf(row); got != w {
			t.Errorf("%+v became %+v", w, got)
		}
	}
	for _, row := range [][]byte{nil, {1}, {77, 'x'}} {
		if got := giverOf(row); got != (share.Who{Member: true}) {
			t.Errorf("%v is of %+v", row, got)
		}
	}
}
