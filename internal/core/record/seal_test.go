package record

import (
	"bytes"
	"testing"
)

// TestSealFrom: a hash that is made as the content is read is the same as one of
// content in memory, and content that is too short has none.
func TestSealFrom(t *testing.T) {
	for _, size := range []int{0, 1, 17, 240, 241, 1 << 10, 1<<20 + 3} {
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(i * 7)
		}
		for _, meta := range []string{"", "meta"} {
			for _, manifest := range []bool{false, true} {
				a := Record{Entry: Entry{Op: OpPut, Manifest: manifest}, Meta: []byte(meta), Payload: payload}
				b := a
				b.Payload = nil
				a.Seal()
				if err := b.SealFrom(bytes.NewReader(append(payload, 9)), int64(size)); err != nil || a.Hash != b.Hash || a.Length != b.Length {
					t.Errorf("%d bytes, meta %q, manifest %v: %x and %x, %v", size, meta, manifest, a.Hash, b.Hash, err)
				}
				if err := b.SealFrom(bytes.NewReader(payload), int64(size)+1); err == nil {
					t.Error("content that is too short was sealed")
				}
			}
		}
	}
}
