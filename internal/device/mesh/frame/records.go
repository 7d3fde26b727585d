package frame

import (
	"net"
	"sync"
)

// recordConn is a TCP connection that carries TLS. It reads through a buffer of
// its own, which it has only while something is in it, and hands out no more
// than one record at a time, so that package tls keeps memory for one record
// and not for three; and it writes several records with one call.
type recordConn struct {
	*net.TCPConn
	bare *bareReader
	buf  *Buffer
	r, w int
	size int     // of the next read
	head [5]byte // of the record that is being handed out
	at   int     // bytes of head that were
	left int     // and bytes of its contents that were not

	mu     sync.Mutex // guards what follows
	corked bool
	out    []byte  // records that wait for uncork
	kept   *Buffer // where out begins
}

// UnderTLS is the connection to give to package tls in place of conn.
func UnderTLS(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	bare := newBareReader(tcp)
	if bare == nil {
		return conn
	}
	return &recordConn{TCPConn: tcp, bare: bare, size: readLeast}
}

// below unwraps a connection until it finds one of type T.
func below[T net.Conn](conn net.Conn) (found T, ok bool) {
	for {
		if found, ok = conn.(T); ok {
			return found, true
		}
		over, more := conn.(interface{ NetConn() net.Conn })
		if !more {
			return found, false
		}
		conn = over.NetConn()
	}
}

// NetConn is the TCP connection.
func (c *recordConn) NetConn() net.Conn { return c.TCPConn }

// tcpBelow is the TCP connection under another; nil when there is none.
func tcpBelow(conn net.Conn) *net.TCPConn {
	tcp, _ := below[*net.TCPConn](conn)
	return tcp
}

// Read reads at most to the end of a record's header, or of its contents.
func (c *recordConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if c.r == c.w {
		c.r, c.w = 0, 0
		if c.buf != nil && len(c.buf.B) < c.size {
			c.buf.Free()
			c.buf = nil
		}
		var err error
		if c.buf, c.w, err = c.bare.wait(c.buf, c.size); err != nil {
			return 0, err
		}
		c.size = readSize(c.size, c.w)
	}
	if c.at == len(c.head) && c.left == 0 {
		c.at = 0
	}
	have := c.buf.B[c.r:c.w]
	n := 0
	if c.at < len(c.head) {
		n = copy(p, have[:min(len(have), len(c.head)-c.at)])
		c.at += copy(c.head[c.at:], p[:n])
		c.left = int(c.head[3])<<8 | int(c.head[4])
	} else {
		n = copy(p, have[:min(len(have), c.left)])
		c.left -= n
	}
	c.r += n
	return n, nil
}

// Write writes p, or keeps it until uncork while the connection is corked.
func (c *recordConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.corked {
		c.out = append(c.out, p...)
		return len(p), nil
	}
	return c.TCPConn.Write(p)
}

// recordMost is the most that TLS puts into one record, in bytes.
const recordMost = 16 << 10

// corkMost is what the records of one corked write take at most, usually.
const corkMost = 80 << 10

// cork keeps later writes back until uncork.
func (c *recordConn) cork() {
	c.mu.Lock()
	c.corked, c.kept = true, NewBuffer(corkMost)
	c.out = c.kept.B[:0]
	c.mu.Unlock()
}

// uncork writes the kept bytes.
func (c *recordConn) uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.TCPConn.Write(c.out)
	c.kept.Free()
	c.corked, c.out, c.kept = false, nil, nil
	return err
}
