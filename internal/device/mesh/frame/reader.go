package frame

import (
	"io"
	"net"
)

// Reader reads frames from a connection through a buffer, so that one
// read yields many small frames, while long contents go straight to where they
// belong. It has a buffer only while there is something in it: a channel that
// is idle holds none.
type Reader struct {
	src  io.Reader
	bare *bareReader // instead of src, when the connection is TCP and nothing more
	few  [HeaderSize]byte
	pool *Buffer // where buf is from; nil when buf is few, or nothing
	buf  []byte
	r, w int
	size int  // of the next buffer: grows while reads fill it
	long bool // the last contents were long; so are, probably, the next
}

const (
	// peekLong is how much is read ahead between long contents: bytes read into the
	// buffer must be copied, bytes left out cost another read.
	peekLong = 1 << 10

	// A reader begins with a small buffer and grows it while reads fill it.
	readLeast = 1 << 10
	readMost  = 64 << 10
)

// NewReader returns a reader of the frames that come from src.
func NewReader(src io.Reader) *Reader {
	f := &Reader{src: src, size: readLeast}
	if tcp, ok := src.(*net.TCPConn); ok {
		f.bare = newBareReader(tcp)
	}
	return f
}

// Header reads the next header.
func (f *Reader) Header(h *Header) error {
	b, err := f.peek(HeaderSize)
	if err != nil {
		return err
	}
	f.r += HeaderSize
	return ParseHeader(b, h)
}

// peek makes n bytes available, at most readMost, without taking them. They
// stay valid until the next call.
func (f *Reader) peek(n int) ([]byte, error) {
	for f.w-f.r < n {
		if err := f.more(n); err != nil {
			if f.w > f.r && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			f.drop()
			return nil, err
		}
	}
	return f.buf[f.r : f.r+n], nil
}

// more reads once, into a buffer that has room for n bytes in all.
func (f *Reader) more(n int) error {
	if f.r == f.w {
		f.r, f.w = 0, 0
		if f.bare != nil {
			return f.first(n)
		}
		f.drop()
		f.buf = f.few[:]
		if n <= len(f.few) {
			return f.read(len(f.few))
		}
	}
	if n > len(f.buf) || f.r > 0 {
		f.room(n)
	}
	most := len(f.buf)
	if f.long {
		most = max(n, min(peekLong, most))
	}
	return f.read(most)
}

// first waits without a buffer until there is something to read.
func (f *Reader) first(n int) error {
	most := max(n, f.size)
	if f.long {
		most = max(n, peekLong)
	}
	if f.pool != nil && len(f.buf) < most {
		f.drop()
	}
	pool, got, err := f.bare.wait(f.pool, most)
	f.pool, f.buf, f.w = pool, nil, got
	if pool != nil {
		f.buf = pool.B
	}
	f.size = readSize(f.size, got)
	return err
}

// read reads once, up to the given fill of the buffer.
func (f *Reader) read(most int) error {
	got, err := f.src.Read(f.buf[f.w:most])
	f.w += got
	if f.pool != nil && got == most {
		f.size = min(4*f.size, readMost)
	}
	if got > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// readSize is how much to read the next time after a read of size bytes yielded
// got: much while it fills what there is.
func readSize(size, got int) int {
	switch {
	case got >= size:
		return min(4*size, readMost)
	case got < readLeast:
		return readLeast
	}
	return size
}

// room moves what was not taken to the beginning of a buffer for n bytes.
func (f *Reader) room(n int) {
	if len(f.buf) < n || f.pool == nil {
		v := NewBuffer(max(n, f.size))
		copy(v.B, f.buf[f.r:f.w])
		f.pool.Free()
		f.pool, f.buf = v, v.B
	} else {
		copy(f.buf, f.buf[f.r:f.w])
	}
	f.r, f.w = 0, f.w-f.r
}

// drop gives the buffer back.
func (f *Reader) drop() {
	f.pool.Free()
	f.pool, f.buf, f.r, f.w = nil, nil, 0, 0
}

// Small takes n bytes of contents, few enough for the buffer. They stay valid until
// the next call.
func (f *Reader) Small(n int) ([]byte, error) {
	b, err := f.peek(n)
	if err == nil {
		f.r += n
	}
	return b, err
}

// Full fills dst with contents.
func (f *Reader) Full(dst []byte) error {
	f.long = len(dst) > readMost/4
	n := copy(dst, f.buf[f.r:f.w])
	f.r += n
	if n == len(dst) {
		return nil
	}
	_, err := io.ReadFull(f.src, dst[n:])
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// Skip throws n bytes of contents away.
func (f *Reader) Skip(n int) error {
	for n > 0 {
		k := min(n, readLeast)
		if have := f.w - f.r; have > 0 {
			k = min(n, have)
		}
		if _, err := f.Small(k); err != nil {
			return err
		}
		n -= k
	}
	return nil
}
