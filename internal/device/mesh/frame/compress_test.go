package frame

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/foci-store/foci"
)

// TestBomb: contents that become more, or less, than announced end the channel
// and take no more memory than was announced.
func TestBomb(t *testing.T) {
	large := make([]byte, MaxFrame)
	for _, how := range []Packing{Zstd, LZ4} {
		out := Compress(how, make([]byte, len(large)), large)
		if out == nil {
			t.Fatal("zeros do not shrink")
		}
		for _, n := range []int{0, 1, len(large) - 1, len(large) + 1} {
			if err := decompress(how, make([]byte, n), out); foci.KindOf(err) != foci.Protocol {
				t.Errorf("%d bytes announced, %d come: %v", n, len(large), err)
			}
		}
	}
}

// FuzzUnpack: whatever comes, nothing is read into more than was announced.
func FuzzUnpack(f *testing.F) {
	noise := make([]byte, 300)
	_, _ = rand.NewChaCha8([32]byte{3}).Read(noise)
	for _, body := range [][]byte{bytes.Repeat([]byte("what shrinks "), 400), make([]byte, 70<<10), noise} {
		f.Add(true, uint32(len(body)), zstdWriter().EncodeAll(body, nil))
		f.Add(false, uint32(len(body)), Compress(LZ4, make([]byte, len(body)), body))
	}
	f.Fuzz(func(t *testing.T, isZstd bool, n uint32, src []byte) {
		how := LZ4
		if isZstd {
			how = Zstd
		}
		room := make([]byte, n%MaxFrame+8)
		dst := room[: len(room)-8 : len(room)-8]
		_ = decompress(how, dst, src) // an error is fine
		if !bytes.Equal(room[len(dst):], make([]byte, 8)) {
			t.Error("written beyond what was announced")
		}
	})
}
