package client_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/auth/authtest"
	"github.com/foci-store/foci/internal/node"
)

// credential makes the credential file of a client with these rights, signed
// with the key of newTimed.
func credential(t testing.TB, text string) string {
	t.Helper()
	return authtest.File(t, authtest.Authority(t, auth.Key{1}), "web", text)
}

// doings are what a client does to an object.
func doings(s *client.Session, n foci.Name) map[string]func(ctx context.Context) error {
	return map[string]func(ctx context.Context) error{
		"get": func(ctx context.Context) error {
			o, err := s.Get(ctx, n, client.GetOptions{})
			if err == nil {
				err = o.Close()
			}
			return err
		},
		"stat":    func(ctx context.Context) error { _, err := s.Stat(ctx, n); return err },
		"history": func(ctx context.Context) error { return last(s.History(ctx, n)) },
		"list":    func(ctx context.Context) error { return last(s.List(ctx, n.Bucket, client.ListOptions{})) },
		"put": func(ctx context.Context) error {
			_, err := s.Put(ctx, n, strings.NewReader("new"), 3, client.PutOptions{})
			return err
		},
		"put large": func(ctx context.Context) error {
			_, err := s.Put(ctx, n, bytes.NewReader(make([]byte, 5<<20)), 5<<20, client.PutOptions{})
			return err
		},
		"append": func(ctx context.Context) error {
			_, err := s.Append(ctx, n, strings.NewReader("more"), 4)
			return err
		},
		"remove": func(ctx context.Context) error { _, err := s.Remove(ctx, n); return err },
	}
}

// last is the error with which a sequence ends.
func last[T any](seq func(yield func(T, error) bool)) (err error) {
	for _, err = range seq {
	}
	return err
}

// TestRightsOfClients: each client does what its credential says, directly and
// by way of a node that passes its requests on; what it may not do is denied
// at once, as itself, and changes nothing.
func TestRightsOfClients(t *testing.T) {
	reads, writes := []string{"get", "stat", "history", "list"}, []string{"put", "put large", "append", "remove"}
	c := newClusterIn(t, [][]foci.Table{{0, 1}, {0}, {0}}, 3, func(_ int, nc *node.Config) { nc.Auth = auth.WithKey(auth.Key{1}) })
	owner := c.dialWith(client.Config{Credential: credential(t, "*=rw")}).Session(client.SessionOptions{})
	for _, way := range []struct {
		name string
		cfg  client.Config
	}{{"directly", client.Config{}}, {"by a relay", client.Config{Remotes: c.remotesIn(1)}}} {
		for text, denied := range map[string][]string{
			"photos=r":        writes,
			"photos=w":        reads,
			"photos=rw":       nil,
			"music=rw":        append(reads[:len(reads):len(reads)], writes...),
			"photos=r,*=w":    nil,
			"admin,foci.a=rw": append(reads[:len(reads):len(reads)], writes...),
		} {
			n := foci.Name{Bucket: "photos", Key: "key"}
			if _, err := owner.Put(t.Context(), n, strings.NewReader("old"), 3, client.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			cfg := way.cfg
			cfg.Credential = credential(t, text)
			s := c.dialWith(cfg).Session(client.SessionOptions{})
			for what, do := range doings(s, n) {
				began := time.Now()
				err := do(t.Context())
				switch {
				case slices.Contains(denied, what):
					if !errors.Is(err, foci.Denied) || !strings.Contains(err.Error(), "client/web lacks the right") {
						t.Errorf("%s, %s: %s: %v, want %v", way.name, text, what, err, foci.Denied)
					}
					if took := time.Since(began); took > 2*time.Second {
						t.Errorf("%s, %s: %s is denied after %v", way.name, text, what, took)
					}
				case err != nil && foci.KindOf(err) != foci.NotFound: // after remove
					t.Errorf("%s, %s: %s: %v", way.name, text, what, err)
				}
			}
		}
	}
}

// TestReaderOfDifferingReplicas: a client that may only read gets the newest
// content although a single group has it, and all groups have it then.
func TestReaderOfDifferingReplicas(t *testing.T) {
	c := newTimed(t, true)
	n := foci.Name{Bucket: "photos", Key: "key"}
	if _, err := c.session().Put(t.Context(), n, strings.NewReader("old"), 3, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.send(0, c.raw(0), wire.Store{Record: newRecord(n, record.OpPut, time.Now().Add(time.Second), "new")}); err != nil {
		t.Fatal(err)
	}
	s := c.dialWith(client.Config{Credential: credential(t, "photos=r")}).Session(client.SessionOptions{Read: foci.All})
	o, err := s.Get(t.Context(), n, client.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if _, err := o.WriteTo(&text); err != nil || text.String() != "new" {
		t.Errorf("read %q, %v", text.String(), err)
	}
	for i := range c.Nodes {
		if got := c.Nodes[i].Status().Backends[0].Records; got != 2 {
			t.Errorf("node %d has %d records, want 2", i+1, got)
		}
	}
}
