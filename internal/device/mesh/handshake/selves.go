package handshake

import (
	"crypto/rand"
	"sync"

	"github.com/foci-store/foci"
)

// ErrSelf is the error of a connection of a process to itself, for [errors.Is]. The
// address is not at fault: it is the process's own.
var ErrSelf = foci.Errorf(foci.Denied, "that is this node itself")

// selves are the nonces of the hellos that this process has sent and that are not
// answered. If a listener of its own receives one, the process has dialled itself;
// another process that merely has its node id sends another nonce.
type selves struct {
	mu  sync.Mutex
	out map[[NonceSize]byte]bool // guarded by mu; true: received
}

// begin draws a nonce for a hello.
func (s *selves) begin() (nonce [NonceSize]byte) {
	_, _ = rand.Read(nonce[:]) // never fails
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out == nil {
		s.out = map[[NonceSize]byte]bool{}
	}
	s.out[nonce] = false
	return nonce
}

// end forgets a nonce.
func (s *selves) end(nonce [NonceSize]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.out, nonce)
}

// recognise records the nonce of a received hello, if this process has sent it.
func (s *selves) recognise(claim []byte) {
	if len(claim) < NonceSize {
		return
	}
	nonce := [NonceSize]byte(claim)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ours := s.out[nonce]; ours {
		s.out[nonce] = true
	}
}

// received reports whether a listener of this process has received a nonce.
func (s *selves) received(nonce [NonceSize]byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out[nonce]
}
