package renewal

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/auth/authtest"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestLooksDoNotPutOffTheNextAttempt: after an attempt that failed the next one
// comes when its pause is over, although the certificate was looked at meanwhile.
func TestLooksDoNotPutOffTheNextAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ca := authtest.Authority(t, auth.Key{1})
		r := New(authtest.Client(t, ca, "web", "*=rw").Certificates(), slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		attempts := make(chan time.Time, 10)
		over := make(chan struct{})
		go func() {
			defer close(over)
			r.Run(ctx, func() []*mesh.Link {
				attempts <- time.Now()
				return nil // no node is reachable
			})
		}()
		defer func() { stop(); <-over }()

		r.Observe([]byte("another.")) // authorities than ours
		first := <-attempts
		time.Sleep(minPause - time.Second)
		r.Check() // as when a link comes up
		if pause := (<-attempts).Sub(first); pause != minPause {
			t.Errorf("the next attempt comes after %v, want %v", pause, minPause)
		}
	})
}
