package store

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/store/storetest"
	"github.com/foci-store/foci/internal/device/vfs"
)

// appendLog makes an object of appends of x.
func appendLog(t *testing.T, b *Backend, appends, size int) {
	t.Helper()
	payload := bytes.Repeat([]byte("x"), size)
	done := make(chan error, appends)
	for i := range appends {
		r := storetest.Record(record.OpAppend, "log", storetest.Now+int64(i), payload, nil)
		b.Put(&wire.Store{Record: r}, func(_ bool, err error) { done <- err })
	}
	for range appends {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// TestFetchCopiesOnce: an answer of many small payloads takes memory for what it
// holds, not for each payload anew.
func TestFetchCopiesOnce(t *testing.T) {
	const appends, size = 500, 1 << 10
	o := testOptions(vfs.NewCrashable())
	o.SegmentBytes = 4 << 20
	b := open(t, o)
	defer b.Close()
	appendLog(t, b, appends, size)
	f := &wire.Fetch{ID: foci.ObjectID(foci.Name{Bucket: "bucket", Key: "log"}), MaxBytes: foci.MaxPayload}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, body, err := b.Fetch(f, nil)
	runtime.ReadMemStats(&after)
	if err != nil || len(body) != appends*size {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	if took, most := after.TotalAlloc-before.TotalAlloc, uint64(4*len(body)); took > most {
		t.Errorf("%d bytes of memory were taken for %d, at most %d are expected", took, len(body), most)
	}
}

// TestNoInlineOfNothing: a query for no content gets no record, even if the
// object's content is empty; a query for some gets it.
func TestNoInlineOfNothing(t *testing.T) {
	b := open(t, testOptions(vfs.NewCrashable()))
	defer closeIt(t, b)
	r := storetest.Record(record.OpPut, "empty", 1, nil, []byte("secret"))
	if _, err := storetest.Put(b, r); err != nil {
		t.Fatal(err)
	}
	if v, rec, err := b.Query(r.ID, 0); err != nil || rec != nil || v.Count != 1 {
		t.Errorf("without content: %+v, %+v, %v", v, rec, err)
	}
	if _, rec, err := b.Query(r.ID, 1); err != nil || rec == nil || string(rec.Meta) != "secret" {
		t.Errorf("with content: %+v, %v", rec, err)
	}
}
