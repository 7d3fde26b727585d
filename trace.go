package foci

import (
	"fmt"
	"strconv"
)

// TraceID names an operation on all its ways. Every one has a trace; those with
// an odd number are noted at every step by everybody who has a part in them,
// the others only where they are slow or are sent again. 0 = no trace.
type TraceID uint64

// Noted reports whether every step is noted.
func (t TraceID) Noted() bool { return t&1 == 1 }

// Note is the same trace, with every step noted from now on.
func (t TraceID) Note() TraceID { return t | 1 }

// Same reports whether both name one operation.
func (t TraceID) Same(o TraceID) bool { return t|1 == o|1 }

// String is the form that ParseTraceID reads.
func (t TraceID) String() string { return fmt.Sprintf("%016x", uint64(t)) }

// MarshalText makes traces readable in JSON.
func (t TraceID) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what String prints.
func (t *TraceID) UnmarshalText(b []byte) (err error) {
	*t, err = ParseTraceID(string(b))
	return err
}

// ParseTraceID reads 16 hexadecimal digits.
func ParseTraceID(s string) (TraceID, error) {
	n, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, Errorf(Invalid, "trace %q: want 16 hexadecimal digits", Clip(s))
	}
	return TraceID(n), nil
}
