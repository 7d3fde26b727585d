package record

import (
	"encoding/hex"
	"slices"
	"testing"

	"github.com/foci-store/foci"
)

// TestHeadIsOfManifests: what a head of one manifest is has not changed, and a
// head of several is these in order. The bytes are docs/storage-format.md's.
func TestHeadIsOfManifests(t *testing.T) {
	one := Manifest{Upload: foci.UploadID{1, 15: 2}, Chunk: 4 << 20, Size: 9 << 20, Version: foci.Version{Time: 3, Nonce: 4}}
	two := Manifest{Upload: foci.UploadID{5}, Chunk: 4 << 20, Size: 7, Version: foci.Version{Time: 6, Nonce: 7}}
	const oneText = "01" + "01000000000000000000000000000002" + "00004000" + "0000900000000000" + "0300000000000000" + "0400000000000000"
	const twoText = "01" + "05000000000000000000000000000000" + "00004000" + "0700000000000000" + "0600000000000000" + "0700000000000000"
	for want, h := range map[string]Head{oneText: {one}, oneText + twoText: {one, two}} {
		b := h.Append(nil)
		if got := hex.EncodeToString(b); got != want {
			t.Errorf("head of %d manifests:\n%s, want\n%s", len(h), got, want)
		}
		back, err := DecodeHead(b)
		if err != nil || !slices.Equal(back, h) {
			t.Errorf("decoded %+v, want %+v: %v", back, h, err)
		}
	}
	if h := (Head{one, two}); h.Size() != 9<<20+7 || h.Chunks() != 4 {
		t.Errorf("%d bytes in %d chunks", h.Size(), h.Chunks())
	}
}

// TestMalformedHeads are refused.
func TestMalformedHeads(t *testing.T) {
	m := Manifest{Chunk: 1, Size: foci.MaxChunks, Version: foci.Version{Time: 1, Nonce: 1}}
	good := m.Append(nil)
	for what, b := range map[string][]byte{
		"empty": {}, "cut": good[:len(good)-1], "one and a half": append(m.Append(nil), good[:20]...), "noughts": make([]byte, 2*ManifestSize),
		"too many chunks": Head{m, m}.Append(nil), "too many parts": make(Head, foci.MaxParts+1).Append(nil),
	} {
		if h, err := DecodeHead(b); err == nil {
			t.Errorf("%s: decoded as %+v", what, h)
		}
	}
}
