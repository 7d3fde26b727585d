package mesh

import (
	"crypto/rand"
	"sync"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// ErrSelf is why a connection to this very process fails, found by [errors.Is].
// It is no failure of the address, which is our own.
var ErrSelf = foci.Errorf(foci.Denied, "that is this node itself")

// selves are the nonces of the hellos that we are just saying. If one of them
// comes in by a listener of ours, we have dialled ourselves; another process
// that merely has our node id says another.
type selves struct {
	mu  sync.Mutex
	out map[[handshake.NonceSize]byte]bool // true: it came in
}

// begin draws a nonce for a hello.
func (s *selves) begin() (nonce [handshake.NonceSize]byte) {
	_, _ = rand.Read(nonce[:]) // never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		s.out = map[[handshake.NonceSize]byte]bool{}
	}
	s.out[nonce] = false
	return nonce
}

// end forgets it.
func (s *selves) end(nonce [handshake.NonceSize]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.out, nonce)
}

// recognise notes a nonce that came in, if it is one of ours.
func (s *selves) recognise(claim []byte) {
	if len(claim) < handshake.NonceSize {
		return
	}
	nonce := [handshake.NonceSize]byte(claim)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ours := s.out[nonce]; ours {
		s.out[nonce] = true
	}
}

// came reports whether it came in.
func (s *selves) came(nonce [handshake.NonceSize]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out[nonce]
}
