package mesh

import (
	"io"
	"net"

	"github.com/foci-store/foci/internal/core/wire"
)

// frameReader reads frames from a connection through a buffer, so that one
// read yields many small frames, while long contents go straight to where they
// belong. It has a buffer only while there is something in it: a channel that
// is idle holds none.
type frameReader struct {
	src  io.Reader
	bare *bareReader // instead of src, when the connection is TCP and nothing more
	few  [wire.HeaderSize]byte
	pool *buffer // where buf is from; nil when buf is few, or nothing
	buf  []byte
	r, w int
	size int  // of the next buffer: more is read at a time while more comes
	long bool // the last contents were long: so are the next, probably
}

const (
	// peekLong is how much is read ahead between long contents: what is read
	// into the buffer must be copied from there, what is not costs another read.
	peekLong = 1 << 10

	// A reader begins with little and takes much while that fills.
	readLeast = 1 << 10
	readMost  = 64 << 10
)

func newFrameReader(src io.Reader) *frameReader {
	f := &frameReader{src: src, size: readLeast}
	if tcp, ok := src.(*net.TCPConn); ok {
		f.bare = newBareReader(tcp)
	}
	return f
}

// header reads the next header.
func (f *frameReader) header(h *wire.Header) error {
	b, err := f.peek(wire.HeaderSize)
	if err != nil {
		return err
	}
	f.r += wire.HeaderSize
	return wire.ParseHeader(b, h)
}

// peek makes n bytes available, at most readMost, without taking them. They
// stay valid until the next call.
func (f *frameReader) peek(n int) ([]byte, error) {
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
func (f *frameReader) more(n int) error {
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
func (f *frameReader) first(n int) error {
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
		f.buf = pool.b
	}
	f.size = readSize(f.size, got)
	return err
}

// read reads once, up to the given fill of the buffer.
func (f *frameReader) read(most int) error {
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
func (f *frameReader) room(n int) {
	if len(f.buf) < n || f.pool == nil {
		v := newBuffer(max(n, f.size))
		copy(v.b, f.buf[f.r:f.w])
		f.pool.free()
		f.pool, f.buf = v, v.b
	} else {
		copy(f.buf, f.buf[f.r:f.w])
	}
	f.r, f.w = 0, f.w-f.r
}

// drop gives the buffer back.
func (f *frameReader) drop() {
	f.pool.free()
	f.pool, f.buf, f.r, f.w = nil, nil, 0, 0
}

// small takes n bytes, few enough for the buffer, valid until the next call.
func (f *frameReader) small(n int) ([]byte, error) {
	b, err := f.peek(n)
	if err == nil {
		f.r += n
	}
	return b, err
}

// full fills dst.
func (f *frameReader) full(dst []byte) error {
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

// skip throws n bytes away.
func (f *frameReader) skip(n int) error {
	for n > 0 {
		k := min(n, readLeast)
		if have := f.w - f.r; have > 0 {
			k = min(n, have)
		}
		if _, err := f.small(k); err != nil {
			return err
		}
		n -= k
	}
	return nil
}
