package storetest

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

func testFetchWindows(t *testing.T, s Store) {
	base := make([]byte, 150_000)
	for i := range base {
		base[i] = byte(i * 7 >> 3)
	}
	records := []record.Record{
		Record(record.OpPut, "k", 10, base, []byte("base")),
		Record(record.OpAppend, "k", 20, []byte("hello"), []byte("first")),
		Record(record.OpAppend, "k", 30, nil, nil),
		Record(record.OpAppend, "k", 40, []byte("world"), nil),
	}
	check(t, s, records...)
	id := records[0].ID
	for _, c := range []struct {
		f     wire.Fetch
		bytes []uint32 // of each entry
		body  []byte
		more  bool
	}{
		{wire.Fetch{}, []uint32{0, 0, 0, 0}, nil, false},
		{wire.Fetch{Limit: 2}, []uint32{0, 0}, nil, true},
		{wire.Fetch{To: records[1].Version}, []uint32{0, 0}, nil, false},
		{wire.Fetch{From: records[3].Version}, []uint32{0}, nil, false},
		{wire.Fetch{From: records[3].Version, MaxBytes: 100}, []uint32{5}, []byte("world"), false},
		{wire.Fetch{From: records[3].Version.Next()}, nil, nil, false},
		{wire.Fetch{MaxBytes: 10}, []uint32{10, 0, 0, 0}, base[:10], false},
		{wire.Fetch{MaxBytes: 65_540, Offset: 65_530}, []uint32{65_540, 0, 0, 0}, base[65_530 : 65_530+65_540], false},
		{wire.Fetch{MaxBytes: 100_000, Offset: 149_999, Limit: 3}, []uint32{1, 5, 0}, append(base[149_999:150_000:150_000], "hello"...), true},
		{wire.Fetch{MaxBytes: 150_007}, []uint32{150_000, 5, 0, 0}, append(slices.Clip(base), "hello"...), false},
		{wire.Fetch{MaxBytes: 150_010}, []uint32{150_000, 5, 0, 5}, append(slices.Clip(base), "helloworld"...), false},
		{wire.Fetch{MaxBytes: 9, Offset: 4_000_000}, []uint32{0, 5, 0, 0}, []byte("hello"), false},
	} {
		c.f.ID = id
		rep, body, err := s.Fetch(&c.f, []byte("what the buffer held"))
		must(t, err)
		var got []uint32
		for _, e := range rep.Entries {
			got = append(got, e.Bytes)
		}
		if !slices.Equal(got, c.bytes) || !bytes.Equal(body, c.body) || rep.More != c.more {
			t.Errorf("fetch %+v: bytes %v, %d in the body, more %v; want %v, %d, %v", c.f, got, len(body), rep.More, c.bytes, len(c.body), c.more)
		}
		if len(rep.Entries) > 0 && rep.Name != records[0].Name {
			t.Errorf("fetch %+v: name %v", c.f, rep.Name)
		}
	}
}

func testList(t *testing.T, s Store) {
	keys := []string{"a", "a/", "a/1", "a/2", "a/2/x", "a0", "b", "ä", "\xf4\x8f\xbf\xbf"}
	var records []record.Record
	for i, k := range keys {
		records = append(records, Record(record.OpPut, k, int64(i+1), []byte(k), nil))
	}
	other := records[0]
	other.Name.Bucket = "bucket2"
	other.ID = foci.ObjectID(other.Name)
	check(t, s, append(records, other)...)
	for _, c := range []struct {
		prefix, after string
		limit         uint32
		want          []string
		more          bool
	}{
		{"", "", 0, keys, false},
		{"", "", 3, keys[:3], true},
		{"", "a/2", 0, keys[4:], false},
		{"a/", "", 0, keys[1:5], false},
		{"a/", "a/1", 1, keys[3:4], true},
		{"a/", "Z", 0, keys[1:5], false},
		{"a/", "b", 0, nil, false},
		{"\xf4\x8f\xbf\xbf", "", 0, keys[8:], false},
		{"zzz", "", 0, nil, false},
	} {
		rep, err := s.List(&wire.List{Bucket: "bucket", Prefix: c.prefix, After: c.after, Limit: c.limit})
		must(t, err)
		var got []string
		for _, k := range rep.Keys {
			got = append(got, k.Key)
		}
		if !slices.Equal(got, c.want) || rep.More != c.more {
			t.Errorf("list %q after %q: %q more %v, want %q %v", c.prefix, c.after, got, rep.More, c.want, c.more)
		}
	}
}

func testScan(t *testing.T, s Store) {
	var records []record.Record
	for i := range 20 {
		records = append(records, Record(record.OpPut, fmt.Sprint(i), int64(i+1), nil, nil))
	}
	check(t, s, records...)
	slices.SortFunc(records, func(a, b record.Record) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	var got []foci.ID
	must(t, s.Scan(records[3].ID, records[9].ID, func(id foci.ID, _ record.Vote) bool {
		got = append(got, id)
		return len(got) < 100
	}))
	if len(got) != 7 || got[0] != records[3].ID || got[6] != records[9].ID {
		t.Fatalf("scan of 7 with both ends: %d", len(got))
	}
	n := 0
	must(t, s.Scan(foci.ID{}, highest(), func(foci.ID, record.Vote) bool { n++; return n < 4 }))
	if n != 4 {
		t.Fatalf("scan went on after false: %d", n)
	}
}
