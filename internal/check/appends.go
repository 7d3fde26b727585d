package check

import (
	"fmt"
	"slices"
)

// Appends checks promise P1a on every key: an append is in no get twice; an
// acknowledged append is in every get that begins after it, unless a put or
// remove may have come after it; what one get has seen every later get sees,
// with the same exception; and all gets agree on the order of what they see.
func Appends(h []Op) error {
	for key, ops := range promised(h) {
		c := appendCheck{ops: ops, writes: map[string]*Op{}}
		if err := c.run(); err != nil {
			return fmt.Errorf("P1a of %s: %w\n%s", key, err, Print(ops))
		}
	}
	return nil
}

type appendCheck struct {
	ops    []Op
	writes map[string]*Op // by value
	gets   []*Op
}

func (c *appendCheck) run() error {
	for i := range c.ops {
		o := &c.ops[i]
		switch {
		case o.Action == Get && o.Outcome == Acknowledged:
			c.gets = append(c.gets, o)
		case o.Action == Put || o.Action == Append:
			c.writes[o.Value] = o
		}
	}
	for _, g := range c.gets {
		if err := c.oneGet(g); err != nil {
			return err
		}
	}
	return c.sameOrder()
}

func (c *appendCheck) oneGet(g *Op) error {
	seen := map[string]bool{}
	for i, v := range g.Read {
		w := c.writes[v]
		switch {
		case i == 0 && v == "":
			continue
		case w == nil:
			return fmt.Errorf("a get saw %q, which nobody wrote: %v", v, g)
		case seen[v]:
			return fmt.Errorf("%q was applied twice: %v", v, g)
		case w.Outcome == Failed:
			return fmt.Errorf("%q had certainly failed: %v", v, g)
		case w.Call > g.Return:
			return fmt.Errorf("%q was seen before it was written: %v", v, g)
		case i > 0 && w.Action != Append:
			return fmt.Errorf("%q is a put above the base: %v", v, g)
		}
		seen[v] = true
	}
	for _, w := range c.writes {
		if w.Action == Append && !seen[w.Value] && c.mustSee(g, w) {
			return fmt.Errorf("the append of %q is missing: %v", w.Value, g)
		}
	}
	return nil
}

// mustSee reports whether a get has to see an append: it was acknowledged, or
// seen by another get, before the get began, and no base can have come later.
func (c *appendCheck) mustSee(g, a *Op) bool {
	known := a.Outcome == Acknowledged && a.Return < g.Call
	for _, e := range c.gets {
		known = known || e.Return < g.Call && slices.Contains(e.Read, a.Value)
	}
	return known && !slices.ContainsFunc(c.ops, func(b Op) bool {
		base := (b.Action == Put || b.Action == Remove) && b.Outcome != Failed
		over := b.Outcome == Acknowledged && b.Return < a.Call
		return base && !over && b.Call < g.Return
	})
}

// sameOrder checks that the order of any two values is the same in every get.
func (c *appendCheck) sameOrder() error {
	type pair struct{ a, b string }
	first := map[pair]*Op{}
	for _, g := range c.gets {
		for i, a := range g.Read {
			for _, b := range g.Read[i+1:] {
				if a == "" {
					continue
				}
				if o := first[pair{b, a}]; o != nil {
					return fmt.Errorf("%q and %q stand in different order:\n%v\n%v", a, b, g, o)
				}
				first[pair{a, b}] = g
			}
		}
	}
	return nil
}
