package path

import (
	"slices"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

func at(host string, table foci.Table) route.Address { return route.Address{Host: host, Table: table} }

// TestAddressesOfAClass: the best table of the class first; an address whose dial
// failed last, for a while; of those that failed the one that failed first.
func TestAddressesOfAClass(t *testing.T) {
	var classes Classes
	classes[foci.Recovery] = []foci.Table{1, 0}
	a := NewAddresses(classes)
	zero, one := at("a", 0), at("b", 1)
	if !a.Set([]route.Address{zero, one}, false) || a.Set([]route.Address{zero, one}, false) {
		t.Error("addresses are new once")
	}
	want := func(class foci.Class, now time.Duration, want route.Address) {
		t.Helper()
		if got, ok := a.Choose(class, a.Tables(), now); !ok || got != want {
			t.Errorf("%v at %v: %v, want %v", class, now, got, want)
		}
	}
	want(foci.Recovery, 0, one)
	want(foci.Reg, 0, zero)
	a.Failed(one, time.Second)
	want(foci.Recovery, time.Second, zero)
	a.Failed(zero, 2*time.Second)
	want(foci.Recovery, 2*time.Second, one)
	want(foci.Reg, 3*time.Second, one)
	want(foci.Recovery, 2*time.Second+penalty, one)
	a.Opened(zero)
	want(foci.Reg, 3*time.Second, zero)
	if _, ok := a.Choose(foci.Reg, []foci.Table{7}, 0); ok {
		t.Error("an address in a table without any")
	}
}

// TestProvenAddressStays: what others tell may be old, so the address by which the
// peer was reached last is kept: first while the peer is connected, else last.
func TestProvenAddressStays(t *testing.T) {
	a := NewAddresses(Classes{})
	told, proven := at("told", 0), at("proven", 2)
	a.Set([]route.Address{told}, false)
	a.Opened(proven)
	if got := a.List(); !slices.Equal(got, []route.Address{proven, told}) || !slices.Equal(a.Tables(), []foci.Table{0, 2}) {
		t.Error(got, a.Tables())
	}
	a.Set([]route.Address{told}, true)
	if got := a.List(); !slices.Equal(got, []route.Address{proven, told}) {
		t.Error(got)
	}
	a.Set([]route.Address{told}, false)
	if got := a.List(); !slices.Equal(got, []route.Address{told, proven}) {
		t.Error(got)
	}
	many := make([]route.Address, foci.MaxAddrs+1)
	for i := range many {
		many[i] = at("many", foci.Table(i))
	}
	if a.Set(many, true); a.Len() != foci.MaxAddrs || a.Has(proven) {
		t.Errorf("%d addresses", a.Len())
	}
}
