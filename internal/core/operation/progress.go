package operation

import (
	"cmp"
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
)

// watch is the attempts whose bodies may travel for long. One that moves is not
// taken for stalled, or a slow link would be sent everything twice.
type watch struct {
	all    []*Attempt
	looked time.Duration // when they were looked at last
	stall  time.Duration // the least of their operations' own; 0 = none has one
}

func (w *watch) add(a *Attempt) {
	if s := a.Op.Stall; s > 0 && (w.stall == 0 || s < w.stall) {
		w.stall = s
	}
	a.place = len(w.all)
	w.all = append(w.all, a)
}

func (w *watch) remove(a *Attempt) {
	if a.place < 0 {
		return
	}
	last := len(w.all) - 1
	w.all[a.place] = w.all[last]
	w.all[a.place].place = a.place
	w.all[last] = nil
	w.all = w.all[:last]
	a.place = -1
	if last == 0 {
		w.stall = 0
	}
}

// The long attempts are looked at whenever something is due while they are few, so
// that one which has just moved is not taken for stalled; when they are many, so
// often in a stall time at most.
const (
	fewLong       = 64
	looksPerStall = 8
)

// Look is the attempts whose Progress is to be told before a Tick. The slice is
// valid until the next event.
func (m *Machine) Look(now time.Duration) []*Attempt {
	w := &m.long
	stall := m.cfg.Txn.Stall
	if w.stall > 0 {
		stall = min(stall, w.stall)
	}
	if len(w.all) > fewLong && now-w.looked < stall/looksPerStall {
		return nil
	}
	w.looked = now
	return w.all
}

// queueStalls bounds how long, in stall times, an attempt may wait for its turn:
// the peer may be sitting on one while others pass it for ever.
const queueStalls = 8

// Progress says how far an attempt has come: own is how many bytes of its bodies
// have moved, others how many bytes of others on its channel while it waits for
// its turn; 0 when it does not wait. It is alive while the first grows, and for a
// while when the second does.
func (m *Machine) Progress(now time.Duration, a *Attempt, own, others int64) {
	stall := cmp.Or(a.Op.Stall, m.cfg.Txn.Stall)
	alive := own != a.moved ||
		others != a.others && others != 0 && now-a.began < queueStalls*stall && !mutant.On(mutant.QueueIsSilence)
	a.moved, a.others = own, others
	if alive {
		a.Op.progress = true
		m.txns.Progress(now, a.leg.id, a.Number)
	}
}

// Long reports whether the bodies of an attempt may travel for long.
func (a *Attempt) Long() bool { return a.leg.long }
