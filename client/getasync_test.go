package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/device/mesh"
)

func TestGetAsync(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	content := map[string][]byte{"empty": {}, "small": random(100, 1), "record": random(1<<20, 2), "chunks": random(9<<20, 3)}
	var first foci.Version
	for key, b := range content {
		first = put(t, s, key, b).Version
	}
	for key, b := range content {
		var wg sync.WaitGroup
		wg.Add(1)
		f := s.GetAsync(t.Context(), name(key), client.GetOptions{Offset: int64(len(b) / 2)}, func(r *client.Reader, err error) {
			defer wg.Done()
			if err != nil {
				t.Errorf("%s: %v", key, err)
				return
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, b[len(b)/2:]) {
				t.Errorf("%s: %d bytes, %v", key, len(got), err)
			}
			_ = r.Close()
		})
		wg.Wait()
		if r, err := f.Result(); err != nil || r.Size != int64(len(b)) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for what, c := range map[string]struct {
		key  string
		o    client.GetOptions
		want foci.Kind
	}{
		"missing":        {"missing", client.GetOptions{}, foci.NotFound},
		"no key":         {"", client.GetOptions{}, foci.Invalid},
		"behind the end": {"small", client.GetOptions{Offset: 101}, foci.Invalid},
		"before it":      {"small", client.GetOptions{Offset: -1}, foci.Invalid},
		"no version":     {"small", client.GetOptions{Version: foci.Version{Time: 1, Nonce: 1}}, foci.NotFound},
	} {
		if _, err := s.GetAsync(t.Context(), name(c.key), c.o, nil).Result(); foci.KindOf(err) != c.want || err == nil {
			t.Errorf("%s: %v, want %v", what, err, c.want)
		}
	}
	for key, b := range content { // one of them has this version
		if r, err := s.GetAsync(t.Context(), name(key), client.GetOptions{Version: first}, nil).Result(); err == nil {
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, b) {
				t.Errorf("%s as of a version: %d bytes, %v", key, len(got), err)
			}
			_ = r.Close()
		}
	}
}

// TestGetAsyncEnds: a get that nothing answers ends when it is cancelled, its
// context ends, its time is over, or the client is closed; and so many may be
// pending.
func TestGetAsyncEnds(t *testing.T) {
	var asked atomic.Int64
	s := liar(t, func(*mesh.Incoming) { asked.Add(1) })
	why := errors.New("reason")
	for what, c := range map[string]struct {
		end  func(f *client.Future[*client.Reader], cancel context.CancelCauseFunc)
		want foci.Kind
	}{
		"Cancel":  {func(f *client.Future[*client.Reader], _ context.CancelCauseFunc) { f.Cancel() }, foci.Canceled},
		"context": {func(_ *client.Future[*client.Reader], cancel context.CancelCauseFunc) { cancel(why) }, foci.Canceled},
		"timeout": {func(*client.Future[*client.Reader], context.CancelCauseFunc) {}, foci.NoQuorum},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		futures := make([]*client.Future[*client.Reader], 100)
		for i := range futures {
			futures[i] = s.With(client.SessionOptions{Timeout: 700 * time.Millisecond}).GetAsync(ctx, name(fmt.Sprint(i)), client.GetOptions{}, nil)
		}
		soon(t, "all are sent", func() bool { return asked.Load() >= int64(len(futures)) })
		asked.Store(0)
		for _, f := range futures {
			c.end(f, cancel)
		}
		for _, f := range futures {
			if _, err := f.Result(); foci.KindOf(err) != c.want || what == "context" && !errors.Is(err, why) {
				t.Fatalf("%s: %v, want %v", what, err, c.want)
			}
		}
		cancel(nil)
	}
	f := s.GetAsync(t.Context(), name("k"), client.GetOptions{}, nil)
	_ = s.Client().Close()
	if _, err := f.Result(); err == nil {
		t.Error("a get has succeeded")
	}
}
