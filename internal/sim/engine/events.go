package engine

import "time"

type event struct {
	at         time.Duration
	serial     uint64
	background bool
	run        func()
}

// events is a heap, the next event first. It is written out because a run
// handles tens of thousands, and container/heap allocates for each.
type events []event

func (e events) less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].serial < e[j].serial
}

func (e *events) push(x event) {
	h := append(*e, x)
	*e = h
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.less(i, parent) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (e *events) pop() event {
	h := *e
	first, last := h[0], len(h)-1
	h[0] = h[last]
	h[last] = event{}
	h = h[:last]
	*e = h
	for i := 0; ; {
		next := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if h.less(child, next) {
				next = child
			}
		}
		if next == i {
			return first
		}
		h[i], h[next] = h[next], h[i]
		i = next
	}
}
