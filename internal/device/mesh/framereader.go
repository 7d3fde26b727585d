package mesh

import (
	"io"

	"github.com/foci-store/foci/internal/core/wire"
)

// frameReader reads frames from a connection through a buffer, so that one
// read yields many small frames, while long contents go straight to where they
// belong.
type frameReader struct {
	src  io.Reader
	buf  []byte
	r, w int
	long bool // the last contents were long: so are the next, probably
}

// peekLong is how much is read ahead between long contents: what is read into
// the buffer must be copied from there, what is not costs another read.
const peekLong = 1 << 10

func newFrameReader(src io.Reader) *frameReader {
	return &frameReader{src: src, buf: make([]byte, 64<<10)}
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

// peek makes n bytes available, at most as many as the buffer holds, without
// taking them. They stay valid until the next call.
func (f *frameReader) peek(n int) ([]byte, error) {
	if f.w-f.r < n {
		copy(f.buf, f.buf[f.r:f.w])
		f.r, f.w = 0, f.w-f.r
		most := len(f.buf)
		if f.long {
			most = max(n, peekLong)
		}
		got, err := io.ReadAtLeast(f.src, f.buf[f.w:most], n-f.w)
		if f.w += got; err != nil {
			if f.w > 0 && err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
	return f.buf[f.r : f.r+n], nil
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
	f.long = len(dst) > len(f.buf)/4
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
		k := min(n, len(f.buf))
		if _, err := f.small(k); err != nil {
			return err
		}
		n -= k
	}
	return nil
}
