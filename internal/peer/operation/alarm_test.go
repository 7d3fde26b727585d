package operation

import (
	"testing"
	"time"
)

// TestAlarm rings at the earliest time asked for, and not once it is closed.
func TestAlarm(t *testing.T) {
	began := time.Now()
	now := func() time.Duration { return time.Since(began) }
	rings := make(chan time.Duration, 10)
	var a *alarm
	a = newAlarm(now, func() {
		rings <- now()
		a.by(time.Hour) // set from within
	})
	a.by(time.Hour)
	a.by(20 * time.Millisecond)
	a.by(30 * time.Millisecond) // later than asked already
	if at := <-rings; at < 20*time.Millisecond || at > 10*time.Second {
		t.Errorf("rang at %v", at)
	}
	a.by(now() - time.Second) // the past
	<-rings
	a.close()
	a.by(0)
	a.fire() // as when the timer had run out a moment before
	select {
	case at := <-rings:
		t.Errorf("rang at %v, after it was closed", at)
	default:
	}
}
