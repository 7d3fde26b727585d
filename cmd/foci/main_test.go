package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

// foci runs one command line and returns status, data and messages.
func fociCommand(t *testing.T, args ...string) (int, string, string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}
	return run(t.Context(), a, args), stdout.String(), stderr.String()
}

func TestStatus(t *testing.T) {
	unknown := &foci.Error{Kind: foci.OutcomeUnknown, Err: foci.Errorf(foci.NotFound, "inside")}
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, statusDone},
		{errors.New("x"), statusFailed},
		{foci.Errorf(foci.Busy, "x"), statusFailed},
		{usagef("x"), statusUsage},
		{fmt.Errorf("get: %w", foci.Errorf(foci.NotFound, "x")), statusNotFound},
		{unknown, statusUnknown},
	} {
		if got := exitStatus(c.err); got != c.want {
			t.Errorf("%v: status %d, want %d", c.err, got, c.want)
		}
	}
}

func TestWrongUsage(t *testing.T) {
	for _, args := range [][]string{{"bogus"}, {"--bogus"}, {"version", "extra"}} {
		code, out, errs := fociCommand(t, args...)
		if code != statusUsage || out != "" || !strings.HasPrefix(errs, "foci: ") || strings.Count(errs, "\n") != 1 {
			t.Errorf("%v: status %d, stdout %q, stderr %q", args, code, out, errs)
		}
	}
}

// TestZeroVersionIsNone: the version before all others is no object's.
func TestZeroVersionIsNone(t *testing.T) {
	code, out, errs := fociCommand(t, "get", "docs/x", "--version", foci.Version{}.String(), "-R", "127.0.0.1:1:2", "--timeout", "1ms")
	if code != statusUsage || out != "" || !strings.Contains(errs, "no object has this version") {
		t.Fatalf("status %d, %s", code, errs)
	}
}

// TestMessagesAreTold wants one "foci: " for each message, however many lines.
func TestMessagesAreTold(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	a.message("%v", errors.Join(errors.New("one"), errors.New("two")))
	if got, want := stderr.String(), "foci: one\n  two\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestPrintable(t *testing.T) {
	for key, want := range map[string]string{"a b/ü…": "a b/ü…", "a\nb": `"a\nb"`, "\x1b[31m": `"\x1b[31m"`} {
		if got := printable(key); got != want {
			t.Errorf("%q is shown as %s, want %s", key, got, want)
		}
	}
}

// TestJSONFailures: with --json the error is one object on standard error, with
// each replica.
func TestJSONFailures(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr, json: true}
	a.failed(foci.Errorf(foci.NoQuorum, "get: %w", &foci.Error{Kind: foci.NoQuorum, Msg: "1 of 2 groups answered", Err: foci.Replicas{
		{Group: 1, Node: foci.NodeID{1}, Name: "n1"}, {Group: 2, Err: foci.Errorf(foci.Unreachable, "no\x1b channel")},
	}}))
	var f struct {
		Error, Kind string
		Status      int
		Replicas    []struct {
			Group       int
			Name, Kind  string
			Error, Node string
		}
	}
	err := json.Unmarshal(stderr.Bytes(), &f)
	if err != nil || f.Kind != "no quorum" || f.Status != statusFailed || len(f.Replicas) != 2 || !strings.Contains(f.Error, "1 of 2") {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	if r := f.Replicas; r[0].Name != "n1" || r[0].Kind != "" || r[1].Kind != "unreachable" || r[1].Error != "no\x1b channel" || strings.Contains(stderr.String(), "\x1b") {
		t.Fatalf("%s", stderr.String())
	}
}

func TestVersionPrintsJSON(t *testing.T) {
	code, out, _ := fociCommand(t, "version", "--json")
	var b buildInfo
	if err := json.Unmarshal([]byte(out), &b); code != 0 || err != nil || b.Go == "" {
		t.Fatalf("status %d, %q: %v", code, out, err)
	}
}

// TestEveryCommandExplainsItself wants help with an example from each command.
func TestEveryCommandExplainsItself(t *testing.T) {
	var stdout bytes.Buffer
	for _, c := range rootCommand(&app{stdout: &stdout}).Commands() {
		if c.Short == "" || !strings.Contains(c.Long, "foci "+c.Name()) {
			t.Errorf("%s: Short and a Long with an example are missing", c.Name())
		}
	}
}
