package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestErrorsSayWhatEachReplicaDid: with two of three nodes down, the error of
// every kind of operation names both, and why they are not reached.
func TestErrorsSayWhatEachReplicaDid(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{})
	put(t, s, "x", []byte("1"))
	c.stop(1)
	c.stop(2)
	for what, do := range map[string]func(context.Context) error{
		"stat": func(ctx context.Context) error { _, err := s.Stat(ctx, name("x")); return err },
		"put": func(ctx context.Context) error {
			_, err := s.Put(ctx, name("x"), strings.NewReader("2"), 1, client.PutOptions{})
			return err
		},
		"remove": func(ctx context.Context) error { _, err := s.Remove(ctx, name("x")); return err },
		"list": func(ctx context.Context) (err error) {
			for _, err = range s.List(ctx, name("x").Bucket, client.ListOptions{}) {
			}
			return err
		},
		"history": func(ctx context.Context) (err error) {
			for _, err = range s.History(ctx, name("x")) {
			}
			return err
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := do(ctx)
		cancel()
		var all foci.Replicas
		if !errors.As(err, &all) || !errors.Is(err, foci.NoQuorum) {
			t.Errorf("%s: %v", what, err)
			continue
		}
		text := err.Error()
		for _, want := range []string{"group 2", "node n2 (", "group 3", "node n3 ("} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in %s", what, want, text)
			}
		}
		if strings.Count(text, "connection refused") < 2 && strings.Count(text, "shutting down") < 2 {
			t.Errorf("%s: no reason for each in %s", what, text)
		}
	}
}
