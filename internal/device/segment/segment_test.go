package segment

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/device/vfs"
)

const dir = "/segments"

var backend = foci.BackendID{1, 2, 3}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func object(i, size int) *Record {
	n := foci.Name{Bucket: "bucket", Key: fmt.Sprint("key", i)}
	r := &Record{Kind: Object, Record: record.Record{ID: foci.ObjectID(n), Name: n, Meta: []byte("meta")}}
	r.Version, r.Op = foci.Version{Time: int64(i + 1), Nonce: 1}, record.OpPut
	r.Payload = bytes.Repeat([]byte{byte(i + 1)}, size)
	r.Entry.Size = uint64(size)
	r.Seal()
	return r
}

// newDisk returns a directory for segments.
func newDisk(t testing.TB) *vfs.Crashable {
	fs := vfs.NewCrashable()
	must(t, vfs.MkdirAll(fs, dir))
	return fs
}

// create makes the segment after prev.
func create(t testing.TB, fs vfs.FS, prev uint64, prevLen uint32) *Writer {
	h := NewHeader(backend, prev, prevLen)
	var none Batch
	none.ResetFirst(h)
	w, err := Create(fs, dir, h, &none)
	must(t, err)
	return w
}

// write appends records as one batch, synced or not, and returns their places.
func write(t testing.TB, w *Writer, sync bool, records ...*Record) []Loc {
	var b Batch
	var locs []Loc
	b.Reset(w)
	for _, r := range records {
		locs = append(locs, b.Append(r))
	}
	must(t, w.Write(&b))
	if sync {
		must(t, w.Sync())
	}
	return locs
}

// replay loads and replays the chain: the places of its records, and the tail.
func replay(t testing.TB, fs vfs.FS, from Pos) ([]Loc, Tail, error) {
	t.Helper()
	c, err := Load(fs, dir, backend)
	if err != nil {
		return nil, Tail{}, err
	}
	var locs []Loc
	tail, err := c.Replay(from, func(_ *Head, loc Loc) error {
		locs = append(locs, loc)
		return nil
	})
	return locs, tail, err
}

func TestRecordsComeBack(t *testing.T) {
	fs := newDisk(t)
	w := create(t, fs, 0, 0)
	var records []*Record
	for i, size := range []int{0, 1, 8, 4096, Block, Block + 1, 3*Block - 5, foci.MaxPayload} {
		records = append(records, object(i, size))
	}
	locs := write(t, w, true, records...)
	f, err := OpenFile(fs, dir, 1)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	for i, loc := range locs {
		h, err := f.Read(loc)
		must(t, err)
		got, want := &h.Record, records[i]
		if got.Kind != want.Kind || got.Entry != want.Entry || got.ID != want.ID || got.Name != want.Name ||
			!bytes.Equal(got.Meta, want.Meta) || !bytes.Equal(got.Payload, want.Payload) {
			t.Fatalf("record %d: got %+v of %v", i, got.Entry, got.Name)
		}
		for range 20 {
			off := rand.Uint32N(want.Length + 1)
			n := rand.Uint32N(want.Length - off + 1)
			b, err := f.AppendRange([]byte("before"), h, off, n)
			must(t, err)
			if string(b[:6]) != "before" || !bytes.Equal(b[6:], want.Payload[off:off+n]) {
				t.Fatalf("record %d: wrong bytes %d+%d", i, off, n)
			}
		}
		if _, err := f.AppendRange(nil, h, want.Length, 1); foci.KindOf(err) != foci.Invalid {
			t.Fatalf("beyond the payload: %v", err)
		}
	}
}

func TestDamageIsSeenWhereItIs(t *testing.T) {
	fs := newDisk(t)
	w := create(t, fs, 0, 0)
	loc := write(t, w, true, object(1, 3*Block))[0]
	f, err := OpenFile(fs, dir, 1)
	must(t, err)
	defer func() { must(t, f.Close()) }()
	h, err := f.ReadHead(loc)
	must(t, err)
	flip(t, fs, 1, int(loc.Offset+loc.Head+Block+77))
	if _, err := f.Read(loc); foci.KindOf(err) != foci.Corrupt {
		t.Fatalf("read of a damaged record: %v", err)
	}
	for block, want := range []foci.Kind{foci.Internal, foci.Corrupt, foci.Internal} {
		_, err := f.AppendRange(nil, h, uint32(block*Block+10), 20)
		if foci.KindOf(err) != want || want == foci.Internal && err != nil {
			t.Errorf("block %d: %v", block, err)
		}
	}
	for at := range loc.Head {
		flip(t, fs, 1, int(loc.Offset+at))
		if _, err := f.ReadHead(loc); foci.KindOf(err) != foci.Corrupt {
			t.Fatalf("byte %d of the head flipped: %v", at, err)
		}
		flip(t, fs, 1, int(loc.Offset+at))
	}
}

// flip changes one byte of a segment.
func flip(t testing.TB, fs vfs.FS, number uint64, at int) {
	t.Helper()
	edit(t, fs, number, func(b []byte) []byte { b[at] ^= 0x40; return b })
}

// edit replaces what a segment's file holds.
func edit(t testing.TB, fs vfs.FS, number uint64, change func(b []byte) []byte) {
	t.Helper()
	path := fs.PathJoin(dir, fileName(number))
	b, err := vfs.ReadFile(fs, path, MaxSize)
	must(t, err)
	b = change(b)
	f, err := fs.OpenReadWrite(path, "")
	must(t, err)
	info, err := f.Stat()
	must(t, err)
	if info.Size() > int64(len(b)) {
		must(t, f.Close())
		f, err = vfs.Create(fs, path)
		must(t, err)
	}
	_, err = f.WriteAt(b, 0)
	must(t, err)
	must(t, f.Sync())
	must(t, f.Close())
	must(t, vfs.SyncDir(fs, dir))
}

func TestTornTailIsNoDamage(t *testing.T) {
	fs := newDisk(t)
	w := create(t, fs, 0, 0)
	first := write(t, w, true, object(1, 100), object(2, 200))
	write(t, w, false, object(3, 300), object(4, 70_000), object(5, 10))
	end := int(w.Len())
	for _, cut := range []int{0, 1, 50, 135, 136, 300, 600, 70_000, end - int(first[1].end()) - 1} {
		torn := fs.Clone(vfs.Crash{Keep: 100, Unit: vfs.Page, Source: 1})
		at := int(first[1].end()) + cut
		edit(t, torn, 1, func(b []byte) []byte { return b[:at] })
		_, tail, err := replay(t, torn, Pos{})
		if err != nil {
			t.Fatalf("cut at +%d: %v", cut, err)
		}
		// Only the second batch says that the first was synced.
		if known := tail.Proven == first[1].end(); known != (cut >= 160) {
			t.Errorf("cut at +%d: %d proven", cut, tail.Proven)
		}
		edit(t, torn, 1, func(b []byte) []byte { return append(b, make([]byte, 5000)...) }) // a hole
		if _, _, err := replay(t, torn, Pos{}); err != nil {
			t.Errorf("hole at +%d: %v", cut, err)
		}
	}
}

func TestRotIsNeverTakenForATornTail(t *testing.T) {
	fs := newDisk(t)
	w := create(t, fs, 0, 0)
	var locs []Loc
	for i := range 4 {
		locs = append(locs, write(t, w, true, object(2*i, 100+i), object(2*i+1, 50))...)
	}
	write(t, w, true, &Record{Kind: Mark})
	for i, loc := range locs {
		for _, at := range []uint32{0, 9, 30, 70, loc.Head - 1} {
			rotten := fs.Clone(vfs.Crash{})
			flip(t, rotten, 1, int(loc.Offset+at))
			if _, _, err := replay(t, rotten, Pos{}); foci.KindOf(err) != foci.Corrupt {
				t.Errorf("record %d, byte %d flipped: %v", i, at, err)
			}
		}
	}
	last := locs[len(locs)-1]
	cut := fs.Clone(vfs.Crash{})
	edit(t, cut, 1, func(b []byte) []byte { return b[:last.Offset] })
	if _, _, err := replay(t, cut, last.End()); foci.KindOf(err) != foci.Corrupt {
		t.Errorf("the log ends before the cursor: %v", err)
	}
}

func TestChainMustBeWhole(t *testing.T) {
	build := func() *vfs.Crashable {
		fs := newDisk(t)
		w := create(t, fs, 0, 0)
		for i := range 3 {
			write(t, w, true, object(i, 100))
			must(t, w.Close())
			w = create(t, fs, uint64(i)+1, w.Synced())
		}
		return fs
	}
	if locs, _, err := replay(t, build(), Pos{}); err != nil || len(locs) != 3 {
		t.Fatalf("whole: %d records, %v", len(locs), err)
	}
	for name, spoil := range map[string]func(fs vfs.FS){
		"first missing":       func(fs vfs.FS) { must(t, fs.Remove(dir+"/"+fileName(1))) },
		"middle missing":      func(fs vfs.FS) { must(t, fs.Remove(dir+"/"+fileName(2))) },
		"shorter than sealed": func(fs vfs.FS) { edit(t, fs, 2, func(b []byte) []byte { return b[:len(b)-1] }) },
		"header flipped":      func(fs vfs.FS) { flip(t, fs, 3, 20) },
		"sealed record rots":  func(fs vfs.FS) { flip(t, fs, 2, HeaderSize+20) },
		"empty file":          func(fs vfs.FS) { edit(t, fs, 4, func([]byte) []byte { return nil }) },
		"two of one number": func(fs vfs.FS) {
			edit(t, fs, 3, func([]byte) []byte {
				b, err := vfs.ReadFile(fs, dir+"/"+fileName(2), MaxSize)
				must(t, err)
				return b
			})
		},
	} {
		fs := build()
		spoil(fs)
		if _, _, err := replay(t, fs, Pos{}); foci.KindOf(err) != foci.Corrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Load(build(), dir, foci.BackendID{9}); foci.KindOf(err) != foci.Corrupt {
		t.Errorf("of another backend: %v", err)
	}
}

func TestPayloadCannotPassForARecord(t *testing.T) {
	fs := newDisk(t)
	w := create(t, fs, 0, 0)
	write(t, w, true, object(1, 10))
	forged := object(2, 0)
	// A payload that looks like the head of a record at its own position and claims
	// a synced position; only the salt, which is secret, is wrong.
	at := w.pos + uint32(object(3, 0).Space()) + 8
	head := appendHead(nil, forged, w.header.Salt+1, at, at)
	r := object(3, 0)
	r.Payload = append(make([]byte, 8), head...)
	r.Seal()
	locs := write(t, w, false, r)
	torn := fs.Clone(vfs.Crash{Keep: 100, Unit: vfs.Page, Source: 1})
	flip(t, torn, 1, int(locs[0].Offset))
	if _, _, err := replay(t, torn, Pos{}); err != nil {
		t.Fatalf("a client's payload made the log look damaged: %v", err)
	}
}

// TestNoSegmentIsReplaced: creating a segment whose number exists leaves the existing
// records as they are.
func TestNoSegmentIsReplaced(t *testing.T) {
	fs := newDisk(t)
	w := create(t, fs, 0, 0)
	write(t, w, true, object(1, 10))
	must(t, w.Close())
	h := NewHeader(backend, 0, 0)
	var none Batch
	none.ResetFirst(h)
	if _, err := Create(fs, dir, h, &none); foci.KindOf(err) != foci.ReadOnly || !errors.Is(err, os.ErrExist) {
		t.Errorf("a second segment 1: %v", err)
	}
	if names, err := fs.List(dir); err != nil || len(names) != 1 {
		t.Errorf("files %q, %v", names, err)
	}
	if _, tail, err := replay(t, fs, Pos{}); err != nil || len(tail.Whole) != 1 {
		t.Errorf("%d records are left, %v", len(tail.Whole), err)
	}
}
