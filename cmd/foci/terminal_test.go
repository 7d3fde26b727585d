package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/localcluster"
)

// hostile is what a peer may say to the terminal of who asks it: a title, a
// color, C1, a change of writing direction, a line of its own, half a character.
const hostile = "a\x1b]0;title\x07\x1b[31m\u009b2J\u202eb\rc\x7f\x00\xff"

const hostileShown = `a\x1b]0;title\a\x1b[31m\u009b2J\u202eb\rc\x7f\x00\xff`

// obeyed reports whether a terminal would obey anything in text but line feeds.
func obeyed(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r != '\n' && (unprintable(r) || r == '\uFFFD') })
}

// TestPeersTextIsShownQuoted: each way by which text reaches a terminal quotes it.
func TestPeersTextIsShownQuoted(t *testing.T) {
	failed := &foci.Error{Kind: foci.NoQuorum, Msg: hostile, Err: foci.Replicas{{Group: 1, Name: hostile, Node: foci.NodeID{1}, Err: errors.New(hostile)}}}
	for name, write := range map[string]func(*app) error{
		"message": func(a *app) error { a.message("node %s", hostile); return nil },
		"error":   func(a *app) error { a.failed(failed); return nil },
		"line":    func(a *app) error { return a.line("%s", hostile) },
		"table":   func(a *app) error { return a.table("NODE", [][]string{{hostile}}) },
		"key":     func(a *app) error { return a.printItem(client.Item{Key: hostile}) },
		"folder":  func(a *app) error { return a.printItem(client.Item{Key: hostile, Prefix: true}) },
		"object": func(a *app) error {
			return a.printInfo(foci.Name{Bucket: "bkt", Key: hostile}, client.Info{})
		},
		"history": func(a *app) error { return a.printHistory(historyLine{Op: hostile}) },
		"trace": func(a *app) error {
			return a.line("%s", stepLine(&client.TraceStep{Name: hostile, What: hostile}, time.Time{}))
		},
		"copy":  func(a *app) error { tell(a.stderr, "%s: skipped", hostile); return nil },
		"child": func(a *app) error { a.childLine(localcluster.Node{Name: "n1"}, hostile); return nil },
	} {
		var out bytes.Buffer
		err := write(&app{stdout: &out, stderr: &out})
		if text := out.String(); err != nil || obeyed(text) || !strings.Contains(text, `]0;title`) {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
}

func TestShown(t *testing.T) {
	for in, want := range map[string]string{hostile: hostileShown, "ü… 😀 日本": "ü… 😀 日本", "": "", "a\tb\nc": `a\tb\nc`, "\U000e0001": `\U000e0001`} {
		if got := shown(in); got != want {
			t.Errorf("%q is shown as %s, want %s", in, got, want)
		}
	}
}

// TestJSONMeansTheSame: JSON has no character that a terminal obeys, and reads
// back as it was.
func TestJSONMeansTheSame(t *testing.T) {
	want := "\u009b\u202e\x7f\x1b\U000e0001 ü😀"
	var out bytes.Buffer
	if err := writeJSON(&out, want); err != nil || obeyed(out.String()) {
		t.Fatalf("%q %v", out.String(), err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != want {
		t.Fatalf("%q, want %q: %v", got, want, err)
	}
}

// TestOneDoorToTheTerminal: no other file writes text to standard output or
// standard error; those that are named write content, or files.
func TestOneDoorToTheTerminal(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) < 20 {
		t.Fatal(files, err)
	}
	door := regexp.MustCompile(`fmt\.(Fp|P)rint\w*\(a\.std|fmt\.Print|std(out|err)\.Write|NewWriter\(a\.std|NewEncoder\(a\.std`)
	allowed := map[string]bool{"terminal.go": true, "credential.go": true, "init.go": true}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if hit := door.Find(text); hit != nil && !allowed[f] && !strings.HasSuffix(f, "_test.go") {
			t.Errorf("%s: %q: use message, line, table or print", f, hit)
		}
	}
}
