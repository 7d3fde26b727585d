package version

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
)

func TestNext(t *testing.T) {
	for _, c := range []struct {
		name   string
		seen   int64
		own    int64
		clocks []int64
		want   int64 // 0: TooLarge
	}{
		{"the clock, when nothing newer was seen", 10, 500, []int64{500, 510}, 500},
		{"one above what was seen, when the clock is behind", 900, 500, []int64{500, 510}, 901},
		{"a fast clock is held to the replicas'", 10, 9999, []int64{500, 510, 520}, 510},
		{"a slow clock stays slow", 10, 100, []int64{500, 510, 520}, 100},
		{"one fast replica does not move the median of three", 10, 9999, []int64{500, 510, 1 << 60}, 510},
		{"of two the upper one counts", 10, 9999, []int64{500, 600}, 600},
		{"in any order", 10, 9999, []int64{520, 500, 510}, 510},
		{"without replicas the own clock counts", 10, 500, nil, 500},
		{"never zero", -1, 0, nil, 1},
		{"a clock before 1970", 0, -5, []int64{-7, -6}, 1},
		{"the last time there is", foci.MaxTime - 2, 5, nil, foci.MaxTime - 1},
		{"no time above it", foci.MaxTime - 1, 5, nil, 0},
		{"clocks beyond all times", 10, math.MaxInt64, []int64{math.MaxInt64}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := Next(foci.Version{Time: c.seen, Nonce: 1}, c.own, c.clocks, 77)
			if c.want == 0 {
				if foci.KindOf(err) != foci.TooLarge || err == nil {
					t.Fatalf("got %v, %v, want TooLarge", v, err)
				}
				return
			}
			if err != nil || v.Time != c.want || v.Nonce != 77 {
				t.Fatalf("got %+v, %v, want time %d", v, err, c.want)
			}
		})
	}
}

// TestNextIsNewer is what makes a write newer than all that was acknowledged,
// whatever the clocks say; and no clock but the median's can push it upward.
func TestNextIsNewer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seen := foci.Version{Time: rapid.Int64Range(0, foci.MaxTime-2).Draw(t, "seen"), Nonce: rapid.Uint64().Draw(t, "nonce")}
		own := rapid.Int64Range(-1<<40, foci.MaxTime-1).Draw(t, "own")
		clocks := rapid.SliceOfN(rapid.Int64Range(-1<<40, foci.MaxTime-1), 0, foci.MaxGroups).Draw(t, "clocks")
		v, err := Next(seen, own, clocks, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !seen.Less(v) {
			t.Fatalf("%+v is not newer than %+v", v, seen)
		}
		ahead := 0
		for _, c := range clocks {
			if c >= v.Time {
				ahead++
			}
		}
		if v.Time > max(seen.Time+1, 1) && (v.Time > own || len(clocks) > 0 && ahead < (len(clocks)+1)/2) {
			t.Fatalf("%+v is above the own clock %d, or above most of %d", v, own, clocks)
		}
	})
}

func TestNextDoesNotDisturbTheClocks(t *testing.T) {
	clocks := []int64{3, 1, 2}
	if _, err := Next(foci.Version{}, 5, clocks, 1); err != nil || clocks[0] != 3 || clocks[1] != 1 {
		t.Fatalf("clocks are now %d (%v)", clocks, err)
	}
}

func TestAccept(t *testing.T) {
	const now = int64(100 * time.Hour)
	const most, day = int64(foci.MaxClockAhead), int64(foci.MaxUnprovedAhead)
	for _, c := range []struct {
		name     string
		t        int64
		evidence Evidence
		want     foci.Kind // NumKinds: accepted
	}{
		{"of the past", 5, Evidence{}, foci.NumKinds},
		{"of now", now, Evidence{}, foci.NumKinds},
		{"just believable", now + most, Evidence{}, foci.NumKinds},
		{"not believable", now + most + 1, Evidence{}, foci.ClockAhead},
		{"an owner holds the time before", now + 10*most, Evidence{Held: now + 10*most - 1}, foci.NumKinds},
		{"an owner holds that very time", now + 10*most, Evidence{Held: now + 10*most}, foci.NumKinds},
		{"the newest that an owner holds is older", now + 10*most, Evidence{Held: now + 10*most - 2}, foci.ClockAhead},
		{"far ahead, held by an owner", now + 48*day, Evidence{Held: now + 48*day}, foci.NumKinds},
		{"a client without identity, within a day", now + day, Evidence{Held: now + day, Unproved: true}, foci.NumKinds},
		{"a client without identity, beyond a day", now + day + 1, Evidence{Held: now + day + 1, Unproved: true}, foci.ClockAhead},
		{"negative", -1, Evidence{}, foci.Invalid},
		{"the last time there is, without evidence", foci.MaxTime - 1, Evidence{}, foci.ClockAhead},
		{"the last time there is, held by an owner", foci.MaxTime - 1, Evidence{Held: foci.MaxTime - 2}, foci.NumKinds},
		{"beyond all times, with evidence", foci.MaxTime, Evidence{Held: foci.MaxTime}, foci.Invalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Accept(c.t, c.evidence, now)
			if c.want == foci.NumKinds && err != nil || c.want != foci.NumKinds && (err == nil || foci.KindOf(err) != c.want) {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestTheEndOfTimeIsOutOfReach: whatever times are sent, honest ones and lies,
// the newest that replicas hold grows by one nanosecond for each record beyond
// what their clocks allow. So Next never runs out of times.
func TestTheEndOfTimeIsOutOfReach(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const now = int64(1000 * time.Hour)
		var held [3]int64
		sent := rapid.SliceOf(rapid.Custom(func(t *rapid.T) int64 {
			if rapid.Bool().Draw(t, "guess") {
				return rapid.Int64Range(0, foci.MaxTime-1).Draw(t, "time")
			}
			return -rapid.Int64Range(0, 2).Draw(t, "above") // relative to the newest
		})).Draw(t, "sent")
		for _, at := range sent {
			if at <= 0 {
				at = max(held[0], held[1], held[2]) - at
			}
			i := rapid.IntRange(0, 2).Draw(t, "replica")
			if Accept(at, Evidence{Held: max(held[0], held[1], held[2])}, now) == nil {
				held[i] = max(held[i], at)
			}
		}
		newest := max(held[0], held[1], held[2])
		if newest > now+int64(foci.MaxClockAhead)+int64(len(sent)) {
			t.Fatalf("%d records have brought the newest time to %d above the clock", len(sent), newest-now)
		}
		if _, err := Next(foci.Version{Time: newest}, now, nil, 1); err != nil {
			t.Fatal(err)
		}
	})
}
