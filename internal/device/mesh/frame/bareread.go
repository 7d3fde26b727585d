//go:build unix

package frame

import (
	"io"
	"net"
	"os"
	"syscall"
)

// bareReader reads from a TCP connection and takes a buffer only when there is
// something to be read into it.
type bareReader struct {
	conn syscall.RawConn
	try  func(fd uintptr) bool // made once, so that a read allocates nothing

	pool *Buffer
	size int
	got  int
	err  error
}

// newBareReader returns nil when the connection gives no access to its file descriptor.
func newBareReader(tcp *net.TCPConn) *bareReader {
	conn, err := tcp.SyscallConn()
	if err != nil {
		return nil // closed: the ordinary read will say so
	}
	r := &bareReader{conn: conn}
	r.try = r.read
	return r
}

// wait reads once, waiting first when there is nothing yet, into the given
// buffer or, when that is nil, a new one of size bytes. It returns the buffer
// and how much is in it; at an error, and while it waits, there is none.
func (r *bareReader) wait(pool *Buffer, size int) (*Buffer, int, error) {
	r.pool, r.size, r.got, r.err = pool, size, 0, nil
	err := r.conn.Read(r.try)
	if err == nil {
		err = r.err
	}
	if err != nil || r.got <= 0 {
		r.pool.Free()
		r.pool, r.got = nil, 0
	}
	pool, r.pool = r.pool, nil
	return pool, r.got, err
}

// read is called when the connection may be readable; false: wait until it is.
func (r *bareReader) read(fd uintptr) bool {
	if r.pool == nil {
		r.pool = NewBuffer(r.size)
	}
	for {
		r.got, r.err = syscall.Read(int(fd), r.pool.B[:r.size])
		if r.err != syscall.EINTR {
			break
		}
	}
	switch {
	case r.err == syscall.EAGAIN:
		r.pool.Free()
		r.pool = nil
		return false
	case r.err != nil:
		r.err = os.NewSyscallError("read", r.err)
	case r.got == 0:
		r.err = io.EOF
	}
	return true
}
