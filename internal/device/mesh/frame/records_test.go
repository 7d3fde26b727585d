package frame

import (
	"bytes"
	"crypto/tls"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/foci-store/foci/internal/device/mesh/conntest"
)

// TestRecords: what goes in on one side of TLS comes out on the other, however
// it is cut, corked or not.
func TestRecords(t *testing.T) {
	config := conntest.TLS(t)
	near, far := conntest.Pair(t)
	under := UnderTLS(near)
	client, server := tls.Client(under, config), tls.Server(UnderTLS(far), config)
	rng := rand.New(rand.NewPCG(1, 2))
	sent := make([]byte, 3<<20)
	for i := range sent {
		sent[i] = byte(rng.Uint32())
	}
	failed := make(chan error, 1)
	go func() {
		failed <- func() error {
			if err := client.Handshake(); err != nil { // which is answered, so it must not wait
				return err
			}
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), 1+rng.IntN(1<<rng.IntN(18)))
				corked := rng.IntN(2) == 0
				if corked {
					under.(*recordConn).cork()
				}
				if _, err := client.Write(rest[:n]); err != nil {
					return err
				}
				if corked {
					if err := under.(*recordConn).uncork(); err != nil {
						return err
					}
				}
				rest = rest[n:]
			}
			return client.Close()
		}()
	}()
	got, err := io.ReadAll(server)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came, or others: %v", len(got), len(sent), err)
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
	_ = server.Close()
}
