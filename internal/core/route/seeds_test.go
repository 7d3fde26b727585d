package route

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// half draws the middle of what may be drawn, so that a pause is its mean.
func half(d time.Duration) time.Duration { return d / 2 }

// TestSeedsStory follows two seeds, one of which answers after a while, and one
// that is remembered from the last run.
func TestSeedsStory(t *testing.T) {
	var s Seeds
	a, b := s.Add(Remote{Host: "a", Port: 1}, false), s.Add(Remote{Host: "b", Port: 1}, false)
	old := s.Add(Remote{Host: "old", Port: 1}, true)
	refused := errors.New("refused")
	dialled := func(n int, err error, pause time.Duration) {
		t.Helper()
		if got := s.Dialled(n, err, half); got != pause {
			t.Errorf("seed %d rests for %v, want %v", n, got, pause)
		}
	}
	due := func(n int, alone, want bool) {
		t.Helper()
		if s.Due(n, alone) != want {
			t.Errorf("seed %d is due: %v", n, !want)
		}
	}

	// Nothing answers: each is dialled again, ever more rarely.
	pause := minSeedPause
	for range 10 {
		dialled(a, refused, pause)
		due(a, true, true)
		pause = min(2*pause, maxSeedPause)
	}
	// While one seed was not dialled yet there is hope.
	dialled(old, refused, minSeedPause)
	if err := s.Hopeless(); err != nil {
		t.Errorf("b was not dialled yet: %v", err)
	}
	dialled(b, refused, minSeedPause)
	if err := s.Hopeless(); foci.KindOf(err) != foci.Unreachable || !strings.Contains(err.Error(), "b:1") {
		t.Errorf("all were refused: %v", err)
	}

	// b answers, and a link is up. From now on there is always hope.
	dialled(b, nil, seedLookEvery)
	due(b, false, false)
	due(a, false, true)    // a seed of the configuration is dialled until it answers
	due(old, false, false) // a remembered one is not
	if err := s.Hopeless(); err != nil {
		t.Error(err)
	}

	// All links are lost: every seed is dialled again, b at once.
	due(b, true, true)
	due(old, true, true)
	dialled(b, refused, minSeedPause)
	if err := s.Hopeless(); err != nil {
		t.Errorf("b has answered before: %v", err)
	}
}

// TestHopelessKinds: what all seeds say decides; one that denies says what to do.
func TestHopelessKinds(t *testing.T) {
	denied, protocol, away := foci.Errorf(foci.Denied, "no"), foci.Errorf(foci.Protocol, "version 9"), errors.New("refused")
	for _, c := range []struct {
		errs []error
		want foci.Kind
	}{
		{[]error{protocol, protocol}, foci.Protocol},
		{[]error{protocol, away}, foci.Unreachable},
		{[]error{protocol, denied}, foci.Denied},
		{[]error{away, denied}, foci.Denied},
	} {
		var s Seeds
		for _, err := range c.errs {
			s.Dialled(s.Add(Remote{Host: "a", Port: 1}, false), err, half)
		}
		if err := s.Hopeless(); foci.KindOf(err) != c.want {
			t.Errorf("%v: %v", c.errs, err)
		}
	}
	if err := new(Seeds).Hopeless(); err != nil {
		t.Errorf("without seeds: %v", err)
	}
}
