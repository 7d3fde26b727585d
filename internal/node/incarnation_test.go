package node_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// TestFarFutureStart: a node that was started once with a clock years ahead is one
// of its cluster again when its clock is right, and says why its incarnation went
// back. What it used before is not used again.
func TestFarFutureStart(t *testing.T) {
	cfg := config(t)
	const today, year = int64(1_900_000_000e9), int64(365 * 24 * time.Hour)
	clock := today
	cfg.Now = func() int64 { return clock }
	var said bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&said, nil))
	incarnation := func(at int64) foci.Incarnation {
		t.Helper()
		clock = at
		n := start(t, cfg)
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		return n.Status().Incarnation
	}
	first := incarnation(today)
	if ahead := incarnation(today + 10*year); ahead < first+1e9 {
		t.Fatalf("%d, then %d", first, ahead)
	}
	if strings.Contains(said.String(), "does not count") {
		t.Fatalf("nothing was wrong yet: %s", &said)
	}
	if back := incarnation(today); back != first+1 {
		t.Errorf("the clock is right again: incarnation %d, the first was %d", back, first)
	}
	if !strings.Contains(said.String(), "does not count") {
		t.Errorf("no word of it: %s", &said)
	}
	if next := incarnation(today); next != first+2 {
		t.Errorf("the start after that: %d", next)
	}
}
