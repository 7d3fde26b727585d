package foci

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"testing"
	"time"
)

func TestKinds(t *testing.T) {
	seen := map[string]Kind{}
	for k := range NumKinds {
		s := k.String()
		if was, twice := seen[s]; twice || s == "" {
			t.Errorf("kinds %d and %d are both called %q", was, k, s)
		}
		seen[s] = k
		if !errors.Is(Errorf(k, "x"), k) || KindOf(Errorf(k, "x")) != k || errors.Is(Errorf(k, "x"), (k+1)%NumKinds) {
			t.Errorf("an error of kind %v is not of it", k)
		}
	}
	if got := (NumKinds + 5).String(); got != "internal" {
		t.Errorf("a kind from the future is called %q", got)
	}
}

func TestKindOf(t *testing.T) {
	inner := Errorf(Corrupt, "block 3: %w", io.ErrUnexpectedEOF)
	for _, c := range []struct {
		name string
		err  error
		want Kind
	}{
		{"no error", nil, Internal},
		{"a foreign error", io.EOF, Internal},
		{"its own", inner, Corrupt},
		{"wrapped by fmt", fmt.Errorf("get: %w", inner), Corrupt},
		{"the outermost counts", Errorf(NoQuorum, "no: %w", inner), NoQuorum},
		{"joined: the first counts", errors.Join(io.EOF, inner, Errorf(Busy, "x")), Corrupt},
		{"a bare kind", fmt.Errorf("here: %w", Busy), Busy},
		{"in a cause", &Error{Kind: Unreachable, Err: inner}, Unreachable},
	} {
		if got := KindOf(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestCausesStayReachable(t *testing.T) {
	root := &fs.PathError{Op: "open", Path: "/data", Err: fs.ErrPermission}
	err := fmt.Errorf("serve: %w", &Error{Kind: ReadOnly, Err: Errorf(Corrupt, "segment 4: %w", root)})
	var path *fs.PathError
	if !errors.As(err, &path) || path != root || !errors.Is(err, fs.ErrPermission) || !errors.Is(err, ReadOnly) || !errors.Is(err, Corrupt) {
		t.Fatalf("the chain is broken: %v", err)
	}
}

func TestErrorText(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&Error{Kind: Busy}, "busy"},
		{&Error{Kind: Busy, Msg: "queue full", RetryAfter: time.Second}, "queue full"},
		{&Error{Kind: Unreachable, Op: "put", Where: "books/emma", Msg: "no channel", Fix: "is it up?"}, "put books/emma: no channel (is it up?)"},
		{&Error{Kind: Unreachable, Op: "put", Msg: "no channel", Err: io.EOF}, "put no channel: EOF"},
		{Errorf(Corrupt, "block %d: %w", 3, io.EOF), "block 3: EOF"}, // the cause once only
		{Errorf(Invalid, "plain"), "plain"},
		{&Error{Msg: "outer", Err: Errorf(Corrupt, "inner: %w", io.EOF)}, "outer: inner: EOF"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestEveryKindIsFound by errors.Is and errors.As, wrapped or not, and no other
// kind is.
func TestEveryKindIsFound(t *testing.T) {
	for k := range NumKinds {
		for _, err := range []error{
			k, &Error{Kind: k}, Errorf(k, "text"), fmt.Errorf("wrapped: %w", Errorf(k, "text")),
			&Error{Kind: k, Op: "put", Err: Cause(errors.New("cause"))}, errors.Join(errors.New("other"), Errorf(k, "text")),
		} {
			for other := range NumKinds {
				if errors.Is(err, other) != (other == k) {
					t.Errorf("%T of kind %v: is %v: %v", err, k, other, errors.Is(err, other))
				}
			}
			found := NumKinds
			if !errors.As(err, &found) || found != k || KindOf(err) != k {
				t.Errorf("%T of kind %v: found as %v, KindOf says %v", err, k, found, KindOf(err))
			}
			var e *Error
			if _, bare := err.(Kind); errors.As(err, &e) == bare || !bare && e.Kind != k {
				t.Errorf("%T of kind %v: no *Error in it", err, k)
			}
		}
		outer := &Error{Kind: OutcomeUnknown, Err: Errorf(k, "a replica's")}
		if KindOf(outer) != OutcomeUnknown || !errors.Is(outer, k) {
			t.Errorf("cause of kind %v: %v", k, KindOf(outer))
		}
	}
}
