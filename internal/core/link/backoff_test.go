package link

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	const low, high = 100 * time.Millisecond, 10 * time.Second
	if Backoff(0, low, high, 0.9) != 0 {
		t.Error("the first attempt waits")
	}
	last := time.Duration(0)
	for n := range 100 {
		least, most := Backoff(n+1, low, high, 0), Backoff(n+1, low, high, 1)
		if least != low || most < last || most > high {
			t.Fatalf("after %d failures %v to %v", n+1, least, most)
		}
		last = most
	}
	if last != high {
		t.Errorf("it ends at %v", last)
	}
}
