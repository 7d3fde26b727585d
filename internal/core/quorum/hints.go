package quorum

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// hints asks replicas that have a record to keep a hint for each group that missed it
// (hinted handoff). A hint is not a vote, and the caller does not wait for it.
type hints struct {
	asked map[Leg]*hinting
	lost  int // groups that no replica keeps a hint for
}

// hinting is the search for a replica that keeps the hint for one group.
type hinting struct {
	missed foci.Group
	left   []foci.Group // that have the record and were not asked yet
}

// ask asks the first of the holders of the record.
func (h *hints) ask(o *op, id foci.ID, missed foci.Group, holders []foci.Group) {
	h.next(o, id, &hinting{missed: missed, left: holders})
}

func (h *hints) next(o *op, id foci.ID, k *hinting) {
	if len(k.left) == 0 {
		h.lost++
		return
	}
	if h.asked == nil {
		h.asked = map[Leg]*hinting{}
	}
	g := k.left[0]
	k.left = k.left[1:]
	leg := o.ask(g, &wire.Hint{Target: wire.Target{Epoch: o.cfg.Plan.Epoch, Group: g}, ID: id, Missed: k.missed})
	h.asked[leg] = k
}

// answer ends a leg and reports whether the hint is kept; if not, it asks the next
// holder.
func (h *hints) answer(o *op, id foci.ID, leg Leg, a *Answer) (kept bool) {
	k := h.asked[leg]
	delete(h.asked, leg)
	if _, ok := a.Msg.(*wire.HintReply); a.Err == nil && ok {
		return true
	}
	h.next(o, id, k)
	return false
}
