package story

import (
	"strings"
	"testing"
	"time"
)

// TestPlay: effects are those that happen, whatever the story expects; comments and
// empty lines stay.
func TestPlay(t *testing.T) {
	text := "# A counter.\n\nadd 2\n    2\nadd 3\n    7\n\tand more\n"
	sum := 0
	s := &Story{T: t}
	got := play(text, func(words []string) []string {
		sum += s.Number(words[1])
		return []string{strings.Repeat("x", sum)}
	})
	if want := "# A counter.\n\nadd 2\n    xx\nadd 3\n    xxxxx\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestWords(t *testing.T) {
	s := &Story{T: t}
	if s.At("1s"); s.AtWake("due", func() (time.Duration, bool) { return 2 * time.Second, true }) != 2*time.Second || s.Now != 2*time.Second {
		t.Error(s.Now)
	}
	if s.Kind("no-quorum").String() != "no quorum" || s.Class("reg").String() != "reg" || s.Number("#7") != 7 {
		t.Error("a word is read as something else")
	}
	if o := Options([]string{"a=b=c", "d"}); o["a"] != "b=c" || o["d"] != "" || len(o) != 2 {
		t.Error(o)
	}
}
