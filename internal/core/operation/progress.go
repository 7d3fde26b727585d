package operation

import (
	"cmp"
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
)

// watch is the set of long attempts. An attempt that makes progress is not stalled:
// else every large body would be sent twice over a slow link.
type watch struct {
	all    []*Attempt
	looked time.Duration // time of the last Look that returned attempts
	stall  time.Duration // the least Op.Stall of their operations; 0 = none is set
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

// Up to fewLong long attempts are examined before each Tick, so that progress is
// seen before a leg is judged as stalled. More are examined at most looksPerStall
// times in a stall time.
const (
	fewLong       = 64
	looksPerStall = 8
)

// Look returns the attempts whose Progress the shell must report before a Tick. The
// slice is valid until the next event.
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

// queueStalls bounds how long, in stall times, the progress of other attempts on the
// channel counts for an attempt: the peer may never serve that one.
const queueStalls = 8

// Progress observes the bytes that were transferred: own of an attempt's bodies,
// others of other attempts on its channel while it queues behind them (0 when it does
// not). Growth of own shows that the attempt is alive; growth of others does so for a
// limited time.
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

// Long reports whether the transfer of an attempt's bodies may exceed the stall time.
func (a *Attempt) Long() bool { return a.leg.long }
