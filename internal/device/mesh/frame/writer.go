package frame

import (
	"crypto/tls"
	"net"
	"sync/atomic"
)

// Writer writes frames to a connection with few system calls: over TCP all
// slices with one, over TLS through one buffer and several records at a time.
type Writer struct {
	conn    net.Conn
	written *atomic.Int64
	vectors bool        // the connection takes many slices in one write
	records *recordConn // under TLS, if it is
	joint   *Buffer     // where slices are put together for TLS
	left    net.Buffers // of those being written
}

// Init makes it write to conn, and add to written the bytes that it has written.
func (w *Writer) Init(conn net.Conn, written *atomic.Int64) {
	w.conn, w.written = conn, written
	switch c := conn.(type) {
	case *net.TCPConn:
		w.vectors = true
	case *tls.Conn:
		w.records, _ = below[*recordConn](c.NetConn())
	}
}

// WriteAll writes the slices, one after the other, and uses them up.
func (w *Writer) WriteAll(slices net.Buffers) error {
	if !w.vectors {
		return w.join(slices)
	}
	w.left = slices // WriteTo moves the slice on that it is called on
	n, err := w.left.WriteTo(w.conn)
	w.written.Add(n)
	return err
}

// join writes the slices through one buffer: TLS would make a record of each,
// however short, and four of full size fill the buffer.
func (w *Writer) join(slices net.Buffers) error {
	if w.joint == nil {
		w.joint = NewBuffer(MaxPiece)
	}
	b := w.joint.B[:0]
	for _, s := range slices {
		for len(s) > 0 {
			n := min(len(s), cap(w.joint.B)-len(b))
			b, s = append(b, s[:n]...), s[n:]
			if len(b) < cap(w.joint.B) {
				continue
			}
			if err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
	}
	if len(b) == 0 {
		return nil
	}
	return w.Write(b)
}

// Write writes b; over TLS its records with one call.
func (w *Writer) Write(b []byte) error {
	if w.records != nil && len(b) > recordMost {
		w.records.cork()
	}
	n, err := w.conn.Write(b)
	w.written.Add(int64(n))
	if w.records != nil && len(b) > recordMost {
		if late := w.records.uncork(); err == nil {
			err = late
		}
	}
	return err
}

// Rest returns the buffer to its pool until the next write.
func (w *Writer) Rest() {
	w.joint.Free()
	w.joint = nil
}
