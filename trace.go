package foci

import (
	"fmt"
	"strconv"
)

// TraceID identifies an operation in all processes that take part in it. They
// record every step of operations with an odd id; of the others they record only
// slow requests and resends. 0: no trace.
type TraceID uint64

// Noted reports whether every step is recorded.
func (t TraceID) Noted() bool { return t&1 == 1 }

// Note is the id of the same operation with every step recorded.
func (t TraceID) Note() TraceID { return t | 1 }

// Same reports whether t and o identify the same operation.
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
