package frame

import (
	"runtime"
	"sync"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/foci-store/foci"
)

// most returns the compressed length up to which compressing n bytes pays.
func most(n int) int { return n - n/10 }

var zstdWriter = sync.OnceValue(func() *zstd.Encoder {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(MaxPiece))
	if err != nil {
		panic(err) // the options above are good or bad for ever
	}
	return e
})

var zstdReader = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(runtime.GOMAXPROCS(0)), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxFrame+64<<10), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		panic(err) // the options above are good or bad for ever
	}
	return d
})

// Compress compresses src into dst, which is as long as src, and returns the part
// of dst to send, or nil when compression does not pay.
func Compress(how Packing, dst, src []byte) []byte {
	limit := most(len(src))
	switch how {
	case LZ4:
		if n, err := lz4.CompressBlock(src, dst[:limit], nil); err == nil && n > 0 {
			return dst[:n]
		}
	case Zstd:
		if out := zstdWriter().EncodeAll(src, dst[:0]); len(out) <= limit {
			return out
		}
	}
	return nil
}

// decompress fills dst exactly; it fails when src holds more or less than that.
func decompress(how Packing, dst, src []byte) error {
	n, err := 0, error(nil)
	switch how {
	case LZ4:
		n, err = lz4.UncompressBlock(src, dst)
	case Zstd:
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

// Contents reads the contents of a frame into dst, which is as long as they are
// when not compressed. It reports whether they were damaged in transit.
func (f *Reader) Contents(h *Header, dst []byte) (damaged bool, err error) {
	if h.Packing() == 0 {
		if err := f.Full(dst); err != nil {
			return false, err
		}
		return Checksum(0, dst) != h.Sum, nil
	}
	v := NewBuffer(int(h.Size))
	defer v.Free()
	if err := f.Full(v.B); err != nil {
		return false, err
	}
	if Checksum(0, v.B) != h.Sum {
		return true, nil
	}
	return false, decompress(h.Packing(), dst, v.B)
}
