package handshake

import (
	"container/list"
	"net"
	"sync"
)

// connSet is a bounded set of connections in the order in which they entered; above
// the bound the oldest is closed.
type connSet struct {
	most int

	mu    sync.Mutex
	conns list.List // guarded by mu, as is shut
	shut  bool
}

// enter adds a connection; the returned function removes it.
func (s *connSet) enter(conn net.Conn) (leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut {
		_ = conn.Close() // the set is closed
		return func() {}
	}
	if s.conns.Len() >= s.most {
		oldest := s.conns.Front()
		s.conns.Remove(oldest)
		_ = oldest.Value.(net.Conn).Close() // nothing was served on it
	}
	e := s.conns.PushBack(conn)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.conns.Remove(e)
	}
}

func (s *connSet) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conns.Len()
}

// close closes all connections of the set, and those that enter later.
func (s *connSet) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = true
	for e := s.conns.Front(); e != nil; e = e.Next() {
		_ = e.Value.(net.Conn).Close() // nothing was served on it
	}
}
