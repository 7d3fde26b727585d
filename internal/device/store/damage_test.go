package store

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

// damaged is a closed backend with ten records; at is where the fifth one's
// payload lies in the first segment.
func damaged(t *testing.T) (disk *vfs.Crashable, m *storetest.Model, head, payload int) {
	disk = vfs.NewCrashable()
	b := open(t, testOptions(disk))
	m = storetest.NewModel()
	for i := range 10 {
		stores(t, b, m, storetest.Record(record.OpPut, "key", int64(i+1), []byte{byte(i), 1, 2, 3, 4, 5, 6, 7}, nil))
	}
	r := storetest.Record(record.OpPut, "key", 5, []byte{4, 1, 2, 3, 4, 5, 6, 7}, nil)
	p, _, err := b.index.Version(&r.ID, r.Version)
	loc := p.Loc
	if err != nil || loc.Segment != 1 && loc.Segment != 2 {
		t.Fatalf("%+v, %v", loc, err)
	}
	closeIt(t, b)
	return disk, m, int(loc.Offset), int(loc.Offset + loc.Head)
}

// firstSegment is where damaged wrote: the segment after the empty first one.
const firstSegment = "/backend/segments/0000000000000002.seg"

func flip(t *testing.T, fs vfs.FS, path string, at int) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, "")
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err = f.ReadAt(b[:], int64(at)); err == nil {
		b[0] ^= 1
		_, err = f.WriteAt(b[:], int64(at))
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestRotInSyncedDataStopsABackend damages the head of a record that had been
// acknowledged, and rebuilds the index, which has to find it.
func TestRotInSyncedDataStopsABackend(t *testing.T) {
	disk, _, head, _ := damaged(t)
	flip(t, disk, firstSegment, head+40)
	if err := disk.RemoveAll("/backend/index"); err != nil {
		t.Fatal(err)
	}
	b := open(t, testOptions(disk))
	r := storetest.Record(record.OpPut, "key", 5, nil, nil)
	_, _, err := b.Query(r.ID, 0)
	wantKind(t, err, foci.NotReady)
	_, err = b.Have(r.ID, r.Version, r.Hash)
	wantKind(t, err, foci.NotReady)
	_, _, err = b.Fetch(&wire.Fetch{ID: r.ID}, nil)
	wantKind(t, err, foci.NotReady)
	_, err = b.List(&wire.List{Bucket: "bucket"})
	wantKind(t, err, foci.NotReady)
	wantKind(t, b.Scan(foci.ID{}, foci.ID{0xff}, nil), foci.NotReady)
	_, err = storetest.Put(b, r)
	wantKind(t, err, foci.NotReady)
	wantKind(t, b.SetEpoch(1), foci.NotReady)
	if s := b.Stats(); s.NotReady == "" || s.ReadOnly == "" {
		t.Errorf("stats: %+v", s)
	}
	closeIt(t, b)
}

// TestRotIsServedToNobody damages one payload: that record is Corrupt, never
// another version in its place, and the others are as they were.
func TestRotIsServedToNobody(t *testing.T) {
	disk, m, _, payload := damaged(t)
	flip(t, disk, firstSegment, payload+3)
	for _, lose := range []bool{false, true} {
		if lose {
			if err := disk.RemoveAll("/backend/index"); err != nil {
				t.Fatal(err)
			}
		}
		b := open(t, testOptions(disk))
		for id, log := range m.Logs {
			for _, r := range log.From(foci.Version{}) {
				rep, body, err := b.Fetch(&wire.Fetch{ID: id, From: r.Version, To: r.Version, MaxBytes: 100}, nil)
				if r.Version.Time == 5 {
					wantKind(t, err, foci.Corrupt)
				} else if err != nil || len(rep.Entries) != 1 || string(body) != string(r.Payload) {
					t.Errorf("fetch %v: %+v %x %v", r.Version, rep, body, err)
				}
			}
		}
		closeIt(t, b)
	}
}

func TestMissingSegmentStopsABackend(t *testing.T) {
	for _, missing := range []string{firstSegment, "/backend/segments/0000000000000001.seg"} {
		disk, _, _, _ := damaged(t)
		if err := disk.Remove(missing); err != nil {
			t.Fatal(err)
		}
		b := open(t, testOptions(disk))
		_, _, err := b.Query(foci.ID{}, 0)
		wantKind(t, err, foci.NotReady)
		closeIt(t, b)
	}
}

func TestDamagedIndexIsRebuilt(t *testing.T) {
	disk, m, _, _ := damaged(t)
	names, err := disk.List("/backend/index")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := disk.PathJoin("/backend/index", name)
		info, err := disk.Stat(path)
		if err != nil || info.Size() == 0 {
			continue
		}
		clone := disk.Clone(vfs.Crash{Keep: 100, Unit: vfs.Page})
		flip(t, clone, path, int(info.Size()/2))
		// Not every damage is met while opening; what is met later is Corrupt,
		// never a wrong answer, and mended by the next start.
		b := open(t, testOptions(clone))
		if err := storetest.Compare(b, m); err != nil {
			wantKind(t, err, foci.Corrupt)
			closeIt(t, b)
			b = open(t, testOptions(clone))
			compare(t, b, m)
		}
		closeIt(t, b)
	}
}
