// Package story plays stories: text files that test a machine by events and the
// effects that each must have. In a story a line that is not indented is an event;
// the indented lines below it are exactly what the machine must do then. Empty
// lines and lines that begin with # are for the reader.
//
//	go test ./internal/core/txn -run Stories -update
//
// writes what happens into the stories: read the difference before you keep it.
package story

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
)

var update = flag.Bool("update", false, "write what happens into the stories")

// Dir is where a package keeps its stories.
const Dir = "testdata/stories"

// Run plays each story of the package. For each one begin makes a machine and
// returns what runs an event, given by its words, and describes the effects, one a
// line.
func Run(t *testing.T, begin func(*Story) (event func(words []string) []string)) {
	files, err := filepath.Glob(filepath.Join(Dir, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories in %s: %v", Dir, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(string(text), begin(&Story{T: t}))
			switch {
			case got == string(text):
			case *update:
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			default:
				t.Errorf("%s: this is what happens:\n%s", file, got)
			}
		})
	}
}

// play returns the story with the effects that its events have.
func play(text string, event func([]string) []string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if line[0] == ' ' || line[0] == '\t' {
			continue // an expected effect: compared with the whole
		}
		out.WriteString(line)
		if words := strings.Fields(line); len(words) > 0 && line[0] != '#' {
			for _, effect := range event(words) {
				out.WriteString("    " + effect + "\n")
			}
		}
	}
	return out.String()
}

// Story is one story that is played. Its methods read words of events, and fail the
// test for words that mean nothing.
type Story struct {
	T   *testing.T
	Now time.Duration // of the event
}

// At begins the event of a time, which is not before that of the last one.
func (s *Story) At(word string) time.Duration {
	s.T.Helper()
	now := s.Duration(word)
	if now < s.Now {
		s.T.Fatalf("%s: it is %v already", word, s.Now)
	}
	s.Now = now
	return now
}

// AtWake is At for a machine with timers: the word "due" is the time of its next
// tick, and no event may come after a tick that was due.
func (s *Story) AtWake(word string, nextWake func() (time.Duration, bool)) time.Duration {
	s.T.Helper()
	due, ok := nextWake()
	if word == "due" {
		if !ok {
			s.T.Fatal("due: no tick is due")
		}
		word = due.String()
	}
	now := s.At(word)
	if ok && due < now {
		s.T.Fatalf("%s: a tick was due at %v", word, due)
	}
	return now
}

// Wake describes when a machine wants its next tick.
func Wake(due time.Duration, ok bool) string {
	if !ok {
		return "never"
	}
	return "at " + due.String()
}

// Duration reads a time span, like 1.5s.
func (s *Story) Duration(text string) time.Duration {
	s.T.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		s.T.Fatal(err)
	}
	return d
}

// Number reads a number, like 7 or #7.
func (s *Story) Number(text string) int {
	s.T.Helper()
	n, err := strconv.Atoi(strings.TrimPrefix(text, "#"))
	if err != nil {
		s.T.Fatal(err)
	}
	return n
}

// Kind reads a kind of error, with dashes for spaces, like no-quorum.
func (s *Story) Kind(name string) foci.Kind {
	s.T.Helper()
	for k := range foci.NumKinds {
		if strings.ReplaceAll(k.String(), " ", "-") == name {
			return k
		}
	}
	s.T.Fatalf("%q: no such kind", name)
	return 0
}

// Class reads a class, like reg.
func (s *Story) Class(name string) (c foci.Class) {
	s.T.Helper()
	if err := c.UnmarshalText([]byte(name)); err != nil {
		s.T.Fatal(err)
	}
	return c
}

// Options reads words like name=value; a word without = has no value.
func Options(words []string) map[string]string {
	all := make(map[string]string, len(words))
	for _, w := range words {
		name, value, _ := strings.Cut(w, "=")
		all[name] = value
	}
	return all
}
