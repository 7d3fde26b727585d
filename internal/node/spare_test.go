package node

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/vfs"
)

// FuzzParseSlot: whatever a slot of the spare file holds, it is one identity or
// none, and one that is saved again reads as it was.
func FuzzParseSlot(f *testing.F) {
	fs := vfs.NewCrashable()
	if err := vfs.MkdirAll(fs, "/d"); err != nil {
		f.Fatal(err)
	}
	if err := makeSpare(fs, "/d"); err != nil {
		f.Fatal(err)
	}
	id := identity{Cluster: "c", Node: foci.NodeID{1}, Incarnation: 7, Saved: 4}
	if err := id.saveSpare(fs, "/d"); err != nil {
		f.Fatal(err)
	}
	b, err := vfs.ReadFile(fs, "/d/"+spareFile, 2*spareSlot)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:spareSlot])
	f.Add(b[spareSlot:])
	f.Add(b[:200])
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		id, ok := parseSlot(b)
		if !ok {
			return
		}
		if err := id.saveSpare(fs, "/d"); err != nil {
			return // too large for a slot
		}
		text, err := vfs.ReadFile(fs, "/d/"+spareFile, 2*spareSlot)
		if err != nil {
			t.Fatal(err)
		}
		at := int(id.Saved%2) * spareSlot
		again, ok := parseSlot(text[at : at+spareSlot])
		if !ok || again.Node != id.Node || again.Incarnation != id.Incarnation || again.Saved != id.Saved {
			t.Fatalf("%+v reads as %+v, %v", id, again, ok)
		}
	})
}
