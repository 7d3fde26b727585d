package check

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/foci-store/foci"
)

// Action is what a caller asked for.
type Action uint8

// The actions.
const (
	Put Action = iota
	Append
	Remove
	Get
)

var actionNames = [...]string{"put", "append", "remove", "get"}

// String is the action's name.
func (a Action) String() string { return actionNames[a] }

// Outcome is what a caller was told.
type Outcome uint8

// The outcomes.
const (
	Acknowledged Outcome = iota // it happened
	Unknown                     // it may have happened, or may still
	Failed                      // it certainly did not happen
)

// Broken is a promise that was broken.
type Broken struct {
	Promise string // as it is called in docs/promises.md
	Key     string
	What    string
	History []Op // of the key; may be empty
}

// Error says what was broken, and shows the operations of all callers.
func (b *Broken) Error() string {
	s := fmt.Sprintf("%s of %s: %s", b.Promise, b.Key, b.What)
	if len(b.History) > 0 {
		s += "\n" + Print(b.History)
	}
	return s
}

// Op is one operation of one caller on one key. Times are of one clock that
// all callers share. Values are unique over a history and never empty, and no
// value is a part of another one.
type Op struct {
	Client   int
	Key      string
	Action   Action
	Level    foci.Level // that the caller asked for
	Value    string     // of a put or append
	Read     []string   // of a get: the base's value ("" = none), then the appends'
	Call     int64
	Return   int64 // meaningless unless Acknowledged
	Outcome  Outcome
	Version  foci.Version
	TestNote string // for people who read a failing history
}

// String is one line for people.
func (o *Op) String() string {
	s := fmt.Sprintf("%10.3fms client %d %-6s %s", float64(o.Call)/1e6, o.Client, o.Action, o.Key)
	switch {
	case o.Action == Get && o.Outcome == Acknowledged:
		s += " = [" + strings.Join(o.Read, " ") + "]"
	case o.Action != Get:
		s += " " + o.Value
	}
	switch o.Outcome {
	case Acknowledged:
		return fmt.Sprintf("%s  until %.3fms %s %s", s, float64(o.Return)/1e6, o.Version, o.TestNote)
	case Unknown:
		return s + "  outcome unknown " + o.TestNote
	default:
		return s + "  failed " + o.TestNote
	}
}

// promised splits a history by key, keeping the order, without the keys that
// anybody used with level One: nothing is promised about them.
func promised(h []Op) iter.Seq2[string, []Op] {
	m := map[string][]Op{}
	outside := map[string]bool{}
	for _, o := range h {
		m[o.Key] = append(m[o.Key], o)
		outside[o.Key] = outside[o.Key] || o.Level == foci.One
	}
	return func(yield func(string, []Op) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !outside[key] && !yield(key, m[key]) {
				return
			}
		}
	}
}

// Print is a history for people, in order of calls.
func Print(ops []Op) string {
	ops = slices.Clone(ops)
	slices.SortStableFunc(ops, func(a, b Op) int { return cmp.Compare(a.Call, b.Call) })
	var b strings.Builder
	for i := range ops {
		b.WriteString(ops[i].String())
		b.WriteByte('\n')
	}
	return b.String()
}
