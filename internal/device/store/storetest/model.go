package storetest

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// testModel does random things to a store and to a map of logs, which must
// always look the same.
func testModel(t *testing.T, open func(t testing.TB) Store) {
	s := open(t)
	defer func() { must(t, s.Close()) }()
	m := NewModel()
	run := 0 // every run has keys of its own: opening a store costs more than a run
	rapid.Check(t, func(rt *rapid.T) {
		run++
		rt.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) {},
			"put": func(rt *rapid.T) {
				r := drawRecord(rt, run)
				wantDup, wantErr := m.Add(r)
				dup, err := Put(s, r)
				if dup != (wantDup && wantErr == nil) || foci.KindOf(err) != foci.KindOf(wantErr) {
					rt.Fatalf("put %v %v: %v, %v; want %v, %v", r.Op, r.Version, dup, err, wantDup, wantErr)
				}
				if err := CompareObject(s, m, r.ID); err != nil {
					rt.Fatal(err)
				}
			},
		})
	})
	must(t, Compare(s, m))
}

func drawRecord(t *rapid.T, run int) record.Record {
	op := rapid.SampledFrom([]record.Op{record.OpPut, record.OpAppend, record.OpAppend, record.OpRemove}).Draw(t, "op")
	key := fmt.Sprintf("%d/%d", run, rapid.IntRange(0, 2).Draw(t, "key"))
	var payload []byte
	if op != record.OpRemove {
		payload = bytes.Repeat([]byte{byte(rapid.IntRange(0, 1).Draw(t, "byte"))}, rapid.SampledFrom([]int{0, 3, 500, 70_000}).Draw(t, "size"))
	}
	return Record(op, key, int64(rapid.IntRange(1, 12).Draw(t, "time")), payload, nil)
}

// testManyWriters has many callers at once, who repeat one another.
func testManyWriters(t *testing.T, open func(t testing.TB) Store) {
	s := open(t)
	defer func() { must(t, s.Close()) }()
	m := NewModel()
	const writers, each = 16, 40
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				// Two writers each send the same records of a shared log.
				r := Record(record.OpAppend, fmt.Sprint(i%5), int64(w/2*each+i+1), []byte{byte(w / 2), byte(i)}, nil)
				if _, err := Put(s, r); err != nil {
					t.Error(err)
					return
				}
				if state, err := s.Have(r.ID, r.Version, r.Hash); state != wire.HaveStored || err != nil {
					t.Errorf("acknowledged, but have says %v, %v", state, err)
				}
				if _, err := m.Add(r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(Patience):
		t.Fatal("writers hang")
	}
	must(t, Compare(s, m))
}
