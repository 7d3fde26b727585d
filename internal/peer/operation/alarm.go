package operation

import (
	"time"

	"github.com/foci-store/foci/internal/lockorder"
)

// alarm is the only timer of a runner. It calls ring at the earliest time set.
type alarm struct {
	now  func() time.Duration
	ring func()

	mu lockorder.Mutex[lockorder.Leaf]

	// Guarded by mu.
	timer  *time.Timer
	at     time.Duration // 0 = not set
	closed bool
}

func newAlarm(now func() time.Duration, ring func()) *alarm {
	return &alarm{now: now, ring: ring}
}

// by makes the alarm ring at t or before.
func (a *alarm) by(t time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.at != 0 && a.at <= t {
		return
	}
	a.at = t
	d := max(t-a.now(), 0)
	if a.timer == nil {
		a.timer = time.AfterFunc(d, a.fire)
		return
	}
	a.timer.Reset(d)
}

func (a *alarm) fire() {
	a.mu.Lock()
	a.at = 0
	closed := a.closed
	a.mu.Unlock()
	if !closed {
		a.ring()
	}
}

func (a *alarm) close() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.timer != nil {
		a.timer.Stop()
	}
}
