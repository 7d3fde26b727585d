package share

import (
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	web      = Who{Principal: "client/web"}
	db       = Who{Principal: "client/db"}
	unproved = Who{}
	node     = Who{Principal: "node/1", Member: true}
	member   = Who{Member: true} // where nothing is proved
)

// take takes units one by one until it is refused.
func take(p *Pool, w Who) (n int64) {
	h := p.Join(w)
	defer p.Leave(h)
	for p.Take(h, 1) {
		n++
	}
	return n
}

// TestPrincipalHoldsAnEighth: the next one finds as much.
func TestPrincipalHoldsAnEighth(t *testing.T) {
	p := New(800)
	if a, b := take(p, web), take(p, db); a != 100 || b != 100 {
		t.Errorf("the first took %d, the second %d", a, b)
	}
	h := p.Join(web)
	if why := p.Why(h, 1); !strings.Contains(why, "client/web holds its share, 100 of 800") || !p.Over(h) {
		t.Error(why)
	}
	p.Give(h, 1)
	if !p.Take(h, 1) || p.Take(h, 1) {
		t.Error("what was given back cannot be taken once more, or twice")
	}
}

// TestMembersQuarter: members find a quarter, whatever the others do.
func TestMembersQuarter(t *testing.T) {
	for _, m := range []Who{node, member} {
		p := New(800)
		others := take(p, unproved)
		for i := range 20 {
			others += take(p, Who{Principal: web.Principal + web.Principal[:i%2]})
		}
		if got := take(p, m); others != 600 || got != 200 {
			t.Errorf("%+v found %d after others took %d", m, got, others)
		}
		if h := p.Join(web); !strings.Contains(p.Why(h, 1), "800 of 800 are in use") {
			t.Error(p.Why(h, 1))
		}
	}
	p := New(800)
	if got := take(p, node); got != 800 {
		t.Errorf("a member alone takes %d", got)
	}
}

// TestOneAlwaysFits: a limit below one message stops no message that is alone.
func TestOneAlwaysFits(t *testing.T) {
	p := New(10)
	h := p.Join(web)
	if !p.Take(h, 1000) || p.Take(h, 1) {
		t.Error("the first does not fit, or the second does")
	}
	p.Give(h, 1000)
	if !p.Take(h, 1) {
		t.Error("nothing is held, and one does not fit")
	}
	for limit := range int64(10) {
		if n := take(New(limit), web); n < 1 {
			t.Errorf("of %d a principal gets %d", limit, n)
		}
	}
}

// TestPartsVanish: nothing is kept of a peer that holds nothing.
func TestPartsVanish(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	p := New(1000)
	type hold struct {
		h *Part
		n int64
	}
	var held []hold
	for range 20000 {
		if rng.IntN(2) == 0 || len(held) == 0 {
			h := p.Join(Who{Principal: web.Principal + web.Principal[:rng.IntN(10)]})
			if n := rng.Int64N(20); p.Take(h, n) {
				held = append(held, hold{h, n})
			}
			p.Leave(h)
			continue
		}
		i := rng.IntN(len(held))
		p.Give(held[i].h, held[i].n)
		held = append(held[:i], held[i+1:]...)
		sum := int64(0)
		for _, h := range p.Top(100) {
			sum += h.Used
		}
		if sum != p.Used() || p.Used() > 750 {
			t.Fatalf("%d in use, the parts have %d", p.Used(), sum)
		}
	}
	for _, h := range held {
		p.Give(h.h, h.n)
	}
	if p.Parts() != 0 || p.Used() != 0 {
		t.Errorf("%d parts hold %d", p.Parts(), p.Used())
	}
}

func TestTop(t *testing.T) {
	p := New(1000)
	for _, w := range []Who{web, db, unproved, node} {
		h := p.Join(w)
		p.Force(h, int64(len(w.Principal))+1)
	}
	p.Join(Who{Principal: "client/idle"})
	top := p.Top(2)
	if len(top) != 2 || top[0] != (Held{Principal: "client/web", Used: 11}) || top[1].Principal != "client/db" {
		t.Errorf("%+v", top)
	}
	if all := p.Top(9); len(all) != 4 || all[3] != (Held{Used: 1}) {
		t.Errorf("%+v", all)
	}
}
