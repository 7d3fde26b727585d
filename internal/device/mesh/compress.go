package mesh

import (
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// packed is the most that n bytes may take for compression to pay.
func packed(n int) int { return n - n/10 }

var zstdWriter = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(wire.MaxPiece))
	if err != nil {
		panic(err) // the options above are good or bad for ever
	}
	return e
})

var zstdReader = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(wire.MaxFrame+64<<10), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // the options above are good or bad for ever
	}
	return d
})

// pack compresses src into dst, which is as long as src, and returns what to
// send, or nil when it does not pay.
func pack(how wire.Packing, dst, src []byte) []byte {
	most := packed(len(src))
	switch how {
	case wire.PackLZ4:
		if n, err := lz4.CompressBlock(src, dst[:most], nil); err == nil && n > 0 {
			return dst[:n]
		}
	case wire.PackZstd:
		if out := zstdWriter().EncodeAll(src, dst[:0]); len(out) <= most {
			return out
		}
	}
	return nil
}

// unpack fills dst with what src was made from, neither more nor less.
func unpack(how wire.Packing, dst, src []byte) error {
	n, err := 0, error(nil)
	switch how {
	case wire.PackLZ4:
		n, err = lz4.UncompressBlock(src, dst)
	case wire.PackZstd:
		var out []byte
		out, err = zstdReader().DecodeAll(src, dst[:0:len(dst)])
		n = len(out)
	}
	if err != nil {
		return foci.Errorf(foci.Protocol, "compressed contents cannot be read: %w", err)
	}
	if n != len(dst) {
		return foci.Errorf(foci.Protocol, "compressed contents become %d bytes, announced were %d", n, len(dst))
	}
	return nil
}

// contents reads those of a frame into dst, which is as long as they are when
// not compressed, and reports whether they were damaged on their way.
func (f *frameReader) contents(h *wire.Header, dst []byte) (damaged bool, err error) {
	if h.Packing() == 0 {
		if err := f.full(dst); err != nil {
			return false, err
		}
		return wire.Checksum(0, dst) != h.Sum, nil
	}
	v := newBuffer(int(h.Size))
	defer v.free()
	if err := f.full(v.b); err != nil {
		return false, err
	}
	if wire.Checksum(0, v.b) != h.Sum {
		return true, nil
	}
	return false, unpack(h.Packing(), dst, v.b)
}
