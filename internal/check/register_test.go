package check

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

// A history is written as lines: from, to, what, value(s), and how it ended
// when that was not with success.
func put(from, to int64, v string) Op {
	return Op{Key: "k", Action: Put, Value: v, Call: from, Return: to}
}

func appended(from, to int64, v string) Op {
	return Op{Key: "k", Action: Append, Value: v, Call: from, Return: to}
}

func removed(from, to int64) Op { return Op{Key: "k", Action: Remove, Call: from, Return: to} }

func got(from, to int64, read ...string) Op {
	return Op{Key: "k", Action: Get, Read: read, Call: from, Return: to}
}

func unknown(o Op) Op {
	o.Outcome, o.Return = Unknown, 0
	return o
}

func failed(o Op) Op {
	o.Outcome = Failed
	return o
}

func at(l foci.Level, o Op) Op {
	o.Level = l
	return o
}

// expect checks that err is of a broken promise, or nil when promise is "".
func expect(t *testing.T, err error, promise string) {
	t.Helper()
	var b *Broken
	switch {
	case promise == "" && err != nil:
		t.Fatalf("a good history is refused: %v", err)
	case promise != "" && (!errors.As(err, &b) || b.Promise != promise):
		t.Fatalf("got %v, want %s broken", err, promise)
	}
}

func TestRegister(t *testing.T) {
	for _, c := range []struct {
		name   string
		h      []Op
		broken bool
	}{
		{"one after the other", []Op{put(0, 1, "a"), got(2, 3, "a"), put(4, 5, "b"), got(6, 7, "b")}, false},
		{"nothing there yet", []Op{got(0, 1, ""), put(2, 3, "a")}, false},
		{"an old value", []Op{put(0, 1, "a"), put(2, 3, "b"), got(4, 5, "a")}, true},
		{"a put that overlaps may be seen or not", []Op{put(0, 9, "a"), got(1, 2, ""), got(3, 4, "a")}, false},
		{"once seen it stays", []Op{put(0, 9, "a"), got(1, 2, "a"), got(3, 4, "")}, true},
		{"acknowledged and not there", []Op{put(0, 1, "a"), got(2, 3, "")}, true},
		{"removed", []Op{put(0, 1, "a"), removed(2, 3), got(4, 5, "")}, false},
		{"back after it was removed", []Op{put(0, 1, "a"), removed(2, 3), got(4, 5, "a")}, true},
		{"unknown, and takes effect late", []Op{unknown(put(0, 0, "a")), put(1, 2, "b"), got(3, 4, "b"), got(5, 6, "a")}, false},
		{"unknown, and never takes effect", []Op{put(0, 1, "b"), unknown(put(2, 0, "a")), got(3, 4, "b")}, false},
		{"unknown takes effect once only", []Op{unknown(put(0, 0, "a")), got(1, 2, "a"), put(3, 4, "b"), got(5, 6, "b"), got(7, 8, "a")}, true},
		{"an unknown remove may take effect", []Op{put(0, 1, "a"), unknown(removed(2, 0)), got(3, 4, "a"), got(5, 6, "")}, false},
		{"nothing takes effect before its call", []Op{got(0, 1, "a"), unknown(put(2, 0, "a"))}, true},
		{"failed, and seen", []Op{failed(put(0, 1, "a")), got(2, 3, "a")}, true},
		{"failed, and not seen", []Op{failed(put(0, 1, "a")), got(2, 3, "")}, false},
		{"failed gets say nothing", []Op{put(0, 1, "a"), failed(got(2, 3))}, false},
		{"appends do not count", []Op{put(0, 1, "a"), appended(2, 3, "b"), got(4, 5, "a", "b"), got(6, 7, "a")}, false},
		{"level All is inside", []Op{at(foci.All, put(0, 1, "a")), got(2, 3, "")}, true},
		{"a key with level One is outside", []Op{put(0, 1, "a"), at(foci.One, put(2, 3, "b")), got(4, 5, "a")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, Register(c.h, time.Minute), map[bool]string{true: "P1"}[c.broken])
		})
	}
}

func TestRegisterChecksEachKey(t *testing.T) {
	other := got(2, 3, "")
	other.Key = "other"
	h := []Op{put(0, 1, "a"), other}
	expect(t, Register(h, time.Minute), "")
	bad := []Op{put(0, 1, "a"), other, got(4, 5, "")}
	err := Register(bad, time.Minute)
	expect(t, err, "P1")
	if !strings.Contains(err.Error(), "P1 of k") || !strings.Contains(err.Error(), "until 0.000ms") {
		t.Fatalf("neither the key nor the history is shown: %v", err)
	}
}

// TestUndecidedIsFailure has more overlapping puts than can be tried in the
// time, and a get that no order of them explains.
func TestUndecidedIsFailure(t *testing.T) {
	var h []Op
	for i := range int64(40) {
		h = append(h, put(i, 1000+i, fmt.Sprint(i)), got(i, 1000+i, fmt.Sprint(i)))
	}
	h = append(h, got(3000, 3001, "nobody's"))
	err := Register(h, 20*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "not decided") {
		t.Fatalf("got %v, want not decided", err)
	}
	var b *Broken
	if errors.As(err, &b) {
		t.Fatal("not decided is taken for broken")
	}
}
