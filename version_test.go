package foci

import (
	"cmp"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func versions(t *rapid.T, label string) Version {
	// Few different numbers, so that equal ones are met.
	time := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, MaxTime-1)).Draw(t, label+" time")
	nonce := rapid.OneOf(rapid.Uint64Range(0, 3), rapid.Uint64()).Draw(t, label+" nonce")
	return Version{Time: time, Nonce: nonce}
}

func TestVersionsSortInEveryForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := versions(t, "a"), versions(t, "b")
		want := a.Compare(b)
		if got := cmp.Compare(a.String(), b.String()); got != want {
			t.Fatalf("%v and %v compare as %d, printed as %d", a, b, want, got)
		}
		x, y := a.Bytes(), b.Bytes()
		if got := cmp.Compare(string(x[:]), string(y[:])); got != want {
			t.Fatalf("%v and %v compare as %d, their bytes as %d", a, b, want, got)
		}
		if b.Compare(a) != -want || a.Less(b) != (want < 0) || (want == 0) != (a == b) {
			t.Fatalf("%v and %v are not ordered", a, b)
		}
	})
}

func TestVersionsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := versions(t, "v")
		if VersionFromBytes(v.Bytes()) != v {
			t.Fatalf("%v comes back from bytes as %v", v, VersionFromBytes(v.Bytes()))
		}
		if w, err := ParseVersion(v.String()); err != nil || w != v {
			t.Fatalf("%v comes back from text as %v (%v)", v, w, err)
		}
	})
}

func TestParseVersion(t *testing.T) {
	zero := Version{}
	if s := zero.String(); s != "00000000000000000000000000" || !zero.IsZero() {
		t.Fatalf("the zero version prints as %q", s)
	}
	last := Version{Time: MaxTime - 1, Nonce: math.MaxUint64}
	if s := last.String(); s != "1zzzzzzzzzzzzzzzzzzzzzzzzz" {
		t.Fatalf("the last version prints as %q", s)
	}
	for _, s := range []string{
		"", "0", "0000000000000000000000000", "000000000000000000000000000", // lengths
		"0000000000000000000000000u", "0000000000000000000000000A", "000000000000000000000000é", // digits
		"20000000000000000000000000", "7zzzzzzzzzzzzzzzzzzzzzzzzz", "80000000000000000000000000", "zzzzzzzzzzzzzzzzzzzzzzzzzz", // times
	} {
		if v, err := ParseVersion(s); KindOf(err) != Invalid || err == nil {
			t.Errorf("%q is %v (%v), want Invalid", s, v, err)
		}
	}
}

// FuzzParseVersion: what is read prints as it was.
func FuzzParseVersion(f *testing.F) {
	for _, s := range []string{"", "00000000000000000000000000", "1zzzzzzzzzzzzzzzzzzzzzzzzz", "20000000000000000000000000", "00017994jm5r1w8qv0d2kq7c3x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseVersion(s)
		switch {
		case err != nil && KindOf(err) != Invalid:
			t.Fatalf("%q: kind %v", s, KindOf(err))
		case err == nil && (v.String() != s || v.Time < 0 || v.Time >= MaxTime):
			t.Fatalf("%q is %+v, which prints as %q", s, v, v.String())
		}
	})
}

// TestNextVersion: nothing fits between a version and the next, not even where
// the nonce is the last there is.
func TestNextVersion(t *testing.T) {
	for v, want := range map[Version]Version{
		{}:                               {Nonce: 1},
		{Time: 7, Nonce: 9}:              {Time: 7, Nonce: 10},
		{Time: 7, Nonce: math.MaxUint64}: {Time: 8},
	} {
		if got := v.Next(); got != want {
			t.Errorf("after %v comes %v, want %v", v, got, want)
		}
	}
}
