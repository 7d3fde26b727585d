package txn

import (
	"fmt"
	"strings"
	"time"

	"github.com/foci-store/foci"
)

// Attempt is one entry of a [History].
type Attempt struct {
	Number uint32
	At     time.Duration // after the leg was submitted
	Peer   foci.NodeID
	Relay  foci.NodeID
	Table  foci.Table // when Sent
	Sent   bool       // a channel took it
	Ask    bool       // it asked Have
	Open   bool       // nothing came back
	Result foci.Kind  // what came back, unless Open
}

// History has the attempts of a failed leg: of many only the first and the last ones.
// It is the cause in the leg's error. Last is the last error of the replica or the
// router; nil if there was none.
type History struct {
	Attempts []Attempt
	Omitted  int // between the first and the last ones
	Last     error
}

// Error lists the attempts.
func (h *History) Error() string {
	var b strings.Builder
	for i, a := range h.Attempts {
		if i > 0 {
			b.WriteString("; ")
		}
		if i == firstKept && h.Omitted > 0 {
			fmt.Fprintf(&b, "%d more; ", h.Omitted)
		}
		b.WriteString(a.String())
	}
	if len(h.Attempts) == 0 {
		b.WriteString("never sent")
	}
	return b.String()
}

// Unwrap returns Last.
func (h *History) Unwrap() error { return h.Last }

// String names the time, the peer, the table and the result.
func (a Attempt) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "attempt %d after %v to %s", a.Number, a.At.Round(time.Millisecond), a.Peer.Short())
	if !a.Relay.IsZero() {
		b.WriteString(" by relay " + a.Relay.Short())
	}
	if a.Sent {
		fmt.Fprintf(&b, " by table %d", a.Table)
	}
	if a.Ask {
		b.WriteString(" (have)")
	}
	switch {
	case a.Open && a.Sent:
		b.WriteString(": no answer")
	case a.Open:
		b.WriteString(": not sent")
	default:
		b.WriteString(": " + a.Result.String())
	}
	return b.String()
}

const (
	firstKept = 3
	lastKept  = 13
)

// attemptLog keeps the first and the last attempts in 196 bytes.
type attemptLog struct {
	entries [firstKept + lastKept]attemptEntry
	n       uint32 // attempts ever
}

type attemptEntry struct {
	at          uint32 // milliseconds after submission; the last value means so or later
	peer, relay uint16
	table       uint16
	result      foci.Kind
	flags       attemptFlags
}

type attemptFlags uint8

const (
	wasSent attemptFlags = 1 << iota
	wasAsk
	answered
)

// entry is the entry of attempt n; nil if it is no longer kept.
func (l *attemptLog) entry(n uint32) *attemptEntry {
	switch {
	case n == 0 || n > l.n || n > firstKept && l.n-n >= lastKept:
		return nil
	case n <= firstKept:
		return &l.entries[n-1]
	}
	return &l.entries[firstKept+(n-1-firstKept)%lastKept]
}

func (l *attemptLog) begin(after time.Duration, peer, relay uint16, ask bool) {
	l.n++
	e := l.entry(l.n)
	*e = attemptEntry{at: uint32(min(after/time.Millisecond, 1<<32-1)), peer: peer, relay: relay}
	if ask {
		e.flags = wasAsk
	}
}

// end records the result of an attempt; only the first one counts.
func (l *attemptLog) end(n uint32, result foci.Kind) {
	if e := l.entry(n); e != nil && e.flags&answered == 0 {
		e.result = result
		e.flags |= answered
	}
}

// history makes the History of a log.
func (m *Machine) history(l *attemptLog, last error) *History {
	h := &History{Last: last, Omitted: max(0, int(l.n)-firstKept-lastKept)}
	for n := uint32(1); n <= l.n; n++ {
		e := l.entry(n)
		if e == nil {
			n = l.n - lastKept // the next one is the first of those kept last
			continue
		}
		h.Attempts = append(h.Attempts, Attempt{
			Number: n, At: time.Duration(e.at) * time.Millisecond, Peer: m.peers[e.peer].id, Relay: m.peers[e.relay].id,
			Table: foci.Table(e.table), Sent: e.flags&wasSent != 0, Ask: e.flags&wasAsk != 0,
			Open: e.flags&answered == 0, Result: e.result,
		})
	}
	return h
}
