package store

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/segment"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

// opened is a backend with a put of 300 KiB and two appends, and the question
// for all of it.
func opened(t *testing.T) (disk *vfs.Crashable, b *Backend, f *wire.Fetch, all []byte) {
	t.Helper()
	disk = vfs.NewCrashable()
	b = open(t, testOptions(disk))
	m := storetest.NewModel()
	for i, n := range []int{300 << 10, 10, 100 << 10} {
		op := record.OpAppend
		if i == 0 {
			op = record.OpPut
		}
		p := make([]byte, n)
		for j := range p {
			p[j] = byte(rand.Uint32())
		}
		r := storetest.Record(op, "key", int64(i+1), p, nil)
		stores(t, b, m, r)
		f = &wire.Fetch{ID: r.ID, MaxBytes: foci.MaxPayload}
		all = append(all, p...)
	}
	return disk, b, f, all
}

// TestContentIsRead in pieces of any size, from any offset, as it is at once.
func TestContentIsRead(t *testing.T) {
	_, b, f, all := opened(t)
	defer closeIt(t, b)
	for _, piece := range []int{1000, segment.Block, segment.Block - 100, 200 << 10, len(all)} {
		for _, off := range []uint32{0, 1, 70 << 10, 299 << 10} {
			q := *f
			q.Offset = off
			_, c, err := b.Open(&q)
			if err != nil {
				t.Fatal(err)
			}
			if c.Held() > segment.Block {
				t.Errorf("%d bytes are held", c.Held())
			}
			got, err := io.ReadAll(io.NewSectionReader(sized{c, piece}, 0, c.Size()))
			if err != nil || !bytes.Equal(got, all[off:]) {
				t.Fatalf("pieces of %d from %d: %d bytes, %v", piece, off, len(got), err)
			}
			if n, err := c.ReadAt(make([]byte, 1), c.Size()); n != 0 || err != io.EOF {
				t.Errorf("behind its end: %d, %v", n, err)
			}
		}
	}
}

// sized reads in pieces of at most a size.
type sized struct {
	*Content
	most int
}

func (s sized) ReadAt(p []byte, off int64) (int, error) {
	return s.Content.ReadAt(p[:min(len(p), s.most)], off)
}

// TestDamageInContent: what is damaged in the first block is known before the
// answer, what is damaged later ends the reading; no wrong byte comes out.
func TestDamageInContent(t *testing.T) {
	disk, b, f, all := opened(t)
	defer closeIt(t, b)
	rep, _, err := b.Fetch(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	p, _, err := b.index.Version(&f.ID, rep.Entries[0].Version)
	loc := p.Loc
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/backend/segments/%016x.seg", loc.Segment)
	at := int(loc.Offset+loc.Head) + 2*segment.Block + 5
	flip(t, disk, path, at)
	_, c, err := b.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(all))
	n, err := c.ReadAt(got, 0)
	if foci.KindOf(err) != foci.Corrupt || n != 2*segment.Block || !bytes.Equal(got[:n], all[:n]) {
		t.Errorf("%d bytes, %v", n, err)
	}
	flip(t, disk, path, at)
	flip(t, disk, path, int(loc.Offset+loc.Head)+5)
	if _, _, err := b.Open(f); foci.KindOf(err) != foci.Corrupt {
		t.Errorf("the first block: %v", err)
	}
}

// TestContentOfAClosedBackend ends; nothing is held open.
func TestContentOfAClosedBackend(t *testing.T) {
	_, b, f, _ := opened(t)
	_, c, err := b.Open(f)
	if err != nil {
		t.Fatal(err)
	}
	closeIt(t, b)
	if n, err := c.ReadAt(make([]byte, 2*segment.Block), 0); n != segment.Block || foci.KindOf(err) != foci.Closed {
		t.Errorf("%d bytes, %v", n, err)
	}
	_ = c.Close()
}

// BenchmarkFetch4M reads a payload of 4 MiB at once, as it was before, and in the
// pieces in which a channel sends it.
func BenchmarkFetch4M(b *testing.B) {
	s := open(b, benchOptions(b))
	defer s.Close()
	f := &wire.Fetch{ID: fill(b, s, 1, foci.MaxPayload)[0], MaxBytes: foci.MaxPayload}
	for _, piece := range []int{foci.MaxPayload, frame.MaxPiece} {
		b.Run(fmt.Sprintf("%dKiB", piece>>10), func(b *testing.B) {
			b.SetBytes(foci.MaxPayload)
			p := make([]byte, piece)
			for b.Loop() {
				_, c, err := s.Open(f)
				off := int64(0)
				for err == nil && off < c.Size() {
					var n int
					n, err = c.ReadAt(p, off)
					off += int64(n)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
