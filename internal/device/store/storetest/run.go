package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/version"
	"github.com/foci-store/foci/internal/core/wire"
)

// Run tests a store. open makes an empty one, whose clock says [Now].
func Run(t *testing.T, open func(t testing.TB) Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s Store)
	}{
		{"Empty", testEmpty},
		{"PutQueryFetch", testPut},
		{"Repeat", testRepeat},
		{"AppendOutOfOrder", testAppendOutOfOrder},
		{"RemoveKeepsHistory", testRemove},
		{"FetchWindows", testFetchWindows},
		{"ChunksAreNotListed", testChunks},
		{"ListPages", testList},
		{"Scan", testScan},
		{"Clock", testClock},
		{"Watermark", testWatermark},
		{"Epoch", testEpoch},
		{"Refusals", testRefusals},
		{"Close", testClose},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t)
			defer func() { must(t, s.Close()) }()
			c.test(t, s)
		})
	}
	t.Run("Model", func(t *testing.T) { testModel(t, open) })
	t.Run("ManyWriters", func(t *testing.T) { testManyWriters(t, open) })
}

// check stores the records and compares with the model.
func check(t *testing.T, s Store, records ...record.Record) *Model {
	t.Helper()
	m := NewModel()
	for _, r := range records {
		dup, err := Put(s, r)
		must(t, err)
		want, err := m.Add(r)
		must(t, err)
		if dup != want {
			t.Fatalf("put %v: dup %v, want %v", r.Version, dup, want)
		}
	}
	must(t, Compare(s, m))
	return m
}

func wantKind(t *testing.T, err error, k foci.Kind) {
	t.Helper()
	if foci.KindOf(err) != k || err == nil {
		t.Fatalf("error %v of kind %v, want kind %v", err, foci.KindOf(err), k)
	}
}

func testEmpty(t *testing.T, s Store) {
	r := Record(record.OpPut, "nobody", 5, nil, nil)
	v, rec, err := s.Query(r.ID, 100)
	if err != nil || rec != nil || v != (record.Vote{}) {
		t.Fatalf("query: %+v %v %v", v, rec, err)
	}
	state, err := s.Have(r.ID, r.Version, r.Hash)
	if err != nil || state != wire.HaveNo {
		t.Fatalf("have: %v %v", state, err)
	}
	rep, body, err := s.Fetch(&wire.Fetch{ID: r.ID, MaxBytes: 10}, nil)
	if err != nil || len(rep.Entries) != 0 || rep.More || len(body) != 0 {
		t.Fatalf("fetch: %+v %q %v", rep, body, err)
	}
	must(t, Compare(s, NewModel()))
}

func testPut(t *testing.T, s Store) {
	var records []record.Record
	for i, size := range []int{0, 1, 7, 8, 9, 1000, 64 << 10, 64<<10 + 1, 200_000, foci.MaxPayload} {
		payload := bytes.Repeat([]byte{byte(i + 1)}, size)
		for k := range payload {
			payload[k] += byte(k >> 8)
		}
		records = append(records, Record(record.OpPut, fmt.Sprintf("size/%d", size), int64(i+1), payload, []byte("meta")))
	}
	records = append(records, Record(record.OpPut, "size/8", 100, []byte("newer"), bytes.Repeat([]byte("m"), foci.MaxMetaLen)))
	check(t, s, records...)
}

func testRepeat(t *testing.T, s Store) {
	a := Record(record.OpPut, "k", 5, []byte("a"), nil)
	check(t, s, a, a, a)
	other := Record(record.OpPut, "k", 5, []byte("b"), nil)
	_, err := Put(s, other)
	wantKind(t, err, foci.Conflict)
	if state, err := s.Have(other.ID, other.Version, other.Hash); state != wire.HaveConflict || err != nil {
		t.Fatalf("have: %v %v", state, err)
	}
	b := Record(record.OpPut, "k", 6, []byte("b"), nil)
	for i, r := range []record.Record{b, b, a} {
		if dup, err := Put(s, r); err != nil || dup != (i > 0) {
			t.Fatalf("put %d: dup %v, %v", i, dup, err)
		}
	}
}

func testAppendOutOfOrder(t *testing.T, s Store) {
	p := func(op record.Op, at int64, text string) record.Record {
		return Record(op, "log", at, []byte(text), nil)
	}
	check(t, s,
		p(record.OpAppend, 30, "three"), p(record.OpAppend, 10, "one"), p(record.OpAppend, 20, "two"),
		p(record.OpPut, 15, "base under two of them"), p(record.OpPut, 5, "old base"),
		p(record.OpAppend, 12, "history"), p(record.OpAppend, 40, ""), p(record.OpPut, 50, "new base"),
	)
}

func testRemove(t *testing.T, s Store) {
	put := Record(record.OpPut, "k", 1, []byte("x"), nil)
	m := check(t, s, put, Record(record.OpRemove, "k", 2, nil, nil))
	if v := m.Logs[put.ID].Vote(); v.Exists() {
		t.Fatal("a removed object exists")
	}
	gone := Record(record.OpRemove, "other", 2, nil, []byte("why"))
	_, err := Put(s, gone)
	must(t, err)
	rep, err := s.List(&wire.List{Bucket: "bucket"})
	if err != nil || len(rep.Keys) != 2 || rep.Keys[0].Vote.Exists() || rep.Keys[1].Vote.Exists() {
		t.Fatalf("list: %+v %v: tombstones must be in it", rep, err)
	}
}

func testChunks(t *testing.T, s Store) {
	check(t, s, Chunk(1, 0, 10, []byte("zero")), Chunk(1, 1, 10, bytes.Repeat([]byte("1"), 100_000)),
		Record(record.OpPut, "k", 3, []byte("listed"), nil))
	rep, err := s.List(&wire.List{Bucket: "bucket"})
	if err != nil || len(rep.Keys) != 1 {
		t.Fatalf("list: %+v %v", rep, err)
	}
}

func testClock(t *testing.T, s Store) {
	r := Record(record.OpPut, "k", Now+int64(2*foci.MaxClockAhead), []byte("x"), nil)
	_, err := PutStore(s, &wire.Store{Record: r})
	wantKind(t, err, foci.ClockAhead)
	_, err = PutStore(s, &wire.Store{Record: r, Seen: r.Version.Time - 1}) // the sender's claim
	wantKind(t, err, foci.ClockAhead)
	_, err = PutStore(s, &wire.Store{Record: r, Evidence: version.Evidence{Held: r.Version.Time - 1}})
	must(t, err)
	next := Record(record.OpPut, "k", r.Version.Time+1, []byte("y"), nil)
	_, err = PutStore(s, &wire.Store{Record: next}) // this store holds the evidence
	must(t, err)
	_, err = PutStore(s, &wire.Store{Record: Record(record.OpPut, "k", next.Version.Time+2, []byte("z"), nil), Repair: true})
	wantKind(t, err, foci.ClockAhead)
	dup, err := PutStore(s, &wire.Store{Record: r}) // it is there: no rule can undo that
	if !dup || err != nil {
		t.Fatalf("repeat: %v %v", dup, err)
	}
}

func testWatermark(t *testing.T, s Store) {
	r := Record(record.OpPut, "k", 50, []byte("x"), nil)
	p := r.ID.Prefix()
	watermark := foci.Version{Time: 60, Nonce: 1}
	must(t, s.RaiseWatermark(p-1, p+1, watermark))
	_, err := Put(s, r)
	wantKind(t, err, foci.BelowWatermark)
	want := record.Watermark{}.Raise(watermark)
	v, _, err := s.Query(r.ID, 0)
	if err != nil || v.Watermark != want || v.Seen() != watermark || s.Watermark(r.ID) != want {
		t.Fatalf("query: %+v %v, watermark %v", v, err, s.Watermark(r.ID))
	}
	if f := s.Watermark(Record(record.OpPut, "elsewhere", 1, nil, nil).ID); f != (record.Watermark{}) {
		t.Fatalf("watermark elsewhere: %v", f)
	}
	repair := &wire.Store{Record: r, Repair: true, Watermark: want}
	_, err = PutStore(s, repair)
	must(t, err)
	must(t, s.RaiseWatermark(p, p, foci.Version{Time: 1, Nonce: 1}))
	if f := s.Watermark(r.ID); f != want.Raise(foci.Version{}) {
		t.Fatalf("watermark after a lower one: %v", f)
	}
	old := Record(record.OpPut, "k", 40, []byte("y"), nil)
	_, err = PutStore(s, &wire.Store{Record: old, Repair: true, Watermark: want})
	wantKind(t, err, foci.BelowWatermark) // the watermark is another than the sender saw
}

func testEpoch(t *testing.T, s Store) {
	for _, e := range []foci.Epoch{3, 3, 2, 7, 1} {
		must(t, s.SetEpoch(e))
	}
	if s.Epoch() != 7 {
		t.Fatalf("epoch %d, want 7", s.Epoch())
	}
}

func testRefusals(t *testing.T, s Store) {
	good := Record(record.OpPut, "k", 5, []byte("x"), nil)
	for name, spoil := range map[string]func(r *record.Record){
		"no version":     func(r *record.Record) { r.Version = foci.Version{} },
		"time too high":  func(r *record.Record) { r.Version.Time = foci.MaxTime },
		"negative time":  func(r *record.Record) { r.Version.Time = -1 },
		"unknown op":     func(r *record.Record) { r.Op = 9 },
		"wrong length":   func(r *record.Record) { r.Length++ },
		"wrong id":       func(r *record.Record) { r.ID[0]++ },
		"bad bucket":     func(r *record.Record) { r.Name.Bucket = "A"; r.ID = foci.ObjectID(r.Name) },
		"bad key":        func(r *record.Record) { r.Name.Key = "a\x00b"; r.ID = foci.ObjectID(r.Name) },
		"much metadata":  func(r *record.Record) { r.Meta = make([]byte, foci.MaxMetaLen+1) },
		"large payload":  func(r *record.Record) { r.Payload = make([]byte, foci.MaxPayload+1); r.Length = foci.MaxPayload + 1 },
		"large chunk id": func(r *record.Record) { r.Op = record.OpChunk; r.Name.Key = "" },
	} {
		r := good
		spoil(&r)
		if _, err := Put(s, r); !errors.Is(err, foci.Invalid) && !errors.Is(err, foci.TooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantKind(t, s.RaiseWatermark(2, 1, good.Version), foci.Invalid)
	_, err := s.List(&wire.List{Bucket: "x"})
	wantKind(t, err, foci.Invalid)
	must(t, Compare(s, NewModel()))
}

func testClose(t *testing.T, s Store) {
	r := Record(record.OpPut, "k", 5, []byte("x"), nil)
	must(t, s.Close())
	must(t, s.Close())
	_, err := Put(s, r)
	wantKind(t, err, foci.Closed)
	_, _, err = s.Query(r.ID, 0)
	wantKind(t, err, foci.Closed)
	wantKind(t, s.SetEpoch(1), foci.Closed)
}
