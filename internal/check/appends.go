package check

import (
	"fmt"
	"math"
	"slices"
)

// Appends checks promise P1a on every key: a get sees nothing that was not
// written, nothing before it was written, nothing that certainly failed, and
// nothing twice; above its base it sees appends only. An acknowledged append
// is in every get that begins after it, unless a put or remove may have come
// after it; what one get has seen every later get sees, with the same
// exception; and there is one order that all gets agree on.
func Appends(h []Op) error {
	for key, ops := range promised(h) {
		c := appendCheck{writes: map[string]*Op{}, known: map[string]int64{}}
		c.gather(ops)
		if err := c.run(); err != nil {
			return &Broken{Promise: "P1a", Key: key, What: err.Error(), History: ops}
		}
	}
	return nil
}

type appendCheck struct {
	writes  map[string]*Op   // by value
	appends []*Op            // of them
	bases   []*Op            // puts and removes that may have happened
	gets    []*Op            // that returned something
	known   map[string]int64 // by value: when it was first acknowledged or seen
}

func (c *appendCheck) gather(ops []Op) {
	for i := range ops {
		o := &ops[i]
		if o.Action == Get {
			if o.Outcome == Acknowledged {
				c.gets = append(c.gets, o)
			}
			continue
		}
		if o.Action != Remove {
			c.writes[o.Value] = o
		}
		switch {
		case o.Action == Append:
			c.appends = append(c.appends, o)
			if o.Outcome == Acknowledged {
				c.learn(o.Value, o.Return)
			}
		case o.Outcome != Failed:
			c.bases = append(c.bases, o)
		}
	}
	for _, g := range c.gets {
		for _, v := range g.Read {
			c.learn(v, g.Return)
		}
	}
}

func (c *appendCheck) learn(value string, at int64) {
	if first, ok := c.known[value]; !ok || at < first {
		c.known[value] = at
	}
}

func (c *appendCheck) run() error {
	for _, g := range c.gets {
		seen := map[string]bool{}
		for i, v := range g.Read {
			if i == 0 && v == "" {
				continue
			}
			if what := c.impossible(g, i, v); what != "" {
				return fmt.Errorf("%s: %v", what, g)
			}
			if seen[v] {
				return fmt.Errorf("%q was applied twice: %v", v, g)
			}
			seen[v] = true
		}
		for _, w := range c.appends {
			if !seen[w.Value] && c.mustSee(g, w) {
				return fmt.Errorf("the append of %q is missing: %v", w.Value, g)
			}
		}
	}
	return c.oneOrder()
}

// impossible says why a get cannot have seen v in place i; "" when it can.
func (c *appendCheck) impossible(g *Op, i int, v string) string {
	w := c.writes[v]
	switch {
	case w == nil:
		return fmt.Sprintf("a get saw %q, which nobody wrote", v)
	case w.Outcome == Failed:
		return fmt.Sprintf("%q had certainly failed", v)
	case w.Call > g.Return:
		return fmt.Sprintf("%q was seen before it was written", v)
	case i == 0 && w.Action != Put:
		return fmt.Sprintf("%q is an append in the place of the base", v)
	case i > 0 && w.Action != Append:
		return fmt.Sprintf("%q is a put above the base", v)
	}
	return ""
}

// mustSee reports whether a get has to see an append: it was acknowledged, or
// seen by another get, before the get began, and no base can have come later.
func (c *appendCheck) mustSee(g, a *Op) bool {
	known, ok := c.known[a.Value]
	return ok && known < g.Call && !slices.ContainsFunc(c.bases, func(b *Op) bool {
		return b.end() >= a.Call && b.Call < g.Return
	})
}

// end is when an operation had taken effect at the latest.
func (o *Op) end() int64 {
	if o.Outcome == Acknowledged {
		return o.Return
	}
	return math.MaxInt64
}

// oneOrder looks for an order of all values that every get agrees with: it
// takes away, again and again, values that no remaining value stands before.
func (c *appendCheck) oneOrder() error {
	before := map[string]int{}
	after := map[string][]string{}
	for _, g := range c.gets {
		for i, v := range g.Read {
			before[v] += 0
			if i > 0 && g.Read[i-1] != "" {
				before[v]++
				after[g.Read[i-1]] = append(after[g.Read[i-1]], v)
			}
		}
	}
	var free []string
	for v, n := range before {
		if n == 0 {
			free = append(free, v)
		}
	}
	ordered := 0
	for ; len(free) > 0; ordered++ {
		v := free[len(free)-1]
		free = free[:len(free)-1]
		for _, w := range after[v] {
			if before[w]--; before[w] == 0 {
				free = append(free, w)
			}
		}
	}
	if ordered == len(before) {
		return nil
	}
	var tangled []string
	for v, n := range before {
		if n > 0 {
			tangled = append(tangled, v)
		}
	}
	slices.Sort(tangled)
	return fmt.Errorf("the gets do not agree on an order of %q", tangled)
}
