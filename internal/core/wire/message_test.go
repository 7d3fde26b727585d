package wire

import (
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/testcodec"
)

// samples is one of every message, with something in every field.
func samples() []codec.Message {
	v := foci.Version{Time: 12345, Nonce: 67}
	target := Target{Epoch: 3, Group: 2, Backend: foci.BackendID{9}}
	entry := record.Entry{Version: v, Op: record.OpPut, Size: 5, Length: 5, Hash: record.Hash{1, 2}}
	name := foci.Name{Bucket: "photos", Key: "2026/a.jpg"}
	vote := record.Vote{Base: v, BaseOp: record.OpPut, Count: 3, Sum: record.Hash{5}, Size: 77, Newest: v, Watermark: record.Watermark{Version: v, Drops: 2}}
	return []codec.Message{
		&Error{Kind: foci.Busy, Epoch: 4, RetryAfter: time.Second, Text: "full", From: foci.NodeID{7}},
		&Routes{Epoch: 2, Routes: []Route{{Node: foci.NodeID{1}, Incarnation: 2, Counter: 3, Role: foci.RoleData, Addrs: []string{"10.0.0.1:1025:2-0"}}}},
		&Routes{Epoch: 2, All: true, Want: []foci.NodeID{{1}, {2}}},
		&Routes{Epoch: 2, Routes: []Route{
			{Node: foci.NodeID{1}, Incarnation: 2, Counter: 3, Role: foci.RoleData, Addrs: []string{}, Proof: RouteProof{Cert: []byte("certificate"), Sig: []byte("signature")}},
			{Node: foci.NodeID{2}, Incarnation: 2, Counter: 3, Role: foci.RoleData, Addrs: []string{}},
		}},
		&Digest{Epoch: 2, Sums: []uint64{7, 8}},
		&Versions{Epoch: 2, Sums: []uint64{7, 8}, Versions: []RouteVersion{{Node: foci.NodeID{1}, Incarnation: 2, Counter: 3}}},
		&Watch{Epoch: 2, Sums: []uint64{7}, Ups: 9, Wait: time.Second, Authorities: []byte("12345678")},
		&Watched{Epoch: 2, Sums: []uint64{7}, Ups: 9, Up: []foci.NodeID{{1}}, Routes: []Route{{Node: foci.NodeID{1}, Addrs: []string{}}}, Authorities: []byte("12345678")},
		&Beacon{Time: 12345, Nonce: 6, Cluster: "c", Route: Route{Node: foci.NodeID{1}, Incarnation: 2, Counter: 3, Role: foci.RoleData, Addrs: []string{"10.0.0.1:1025:2-0"}}},
		&Empty{},
		&Ask{What: "mesh"},
		&Query{Target: target, ID: foci.ID{1}, Inline: MaxInline, Scope: ObjectScope(name)},
		&QueryReply{Epoch: 3, Clock: 99, Vote: vote, Inline: true, Entry: entry, Meta: []byte("type=jpeg")},
		&Store{Target: target, Seen: 5, Repair: true, Watermark: record.Watermark{Version: v, Drops: 2}, Record: record.Record{Entry: entry, ID: foci.ID{1}, Name: name, Meta: []byte("m")}},
		&StoreReply{Epoch: 3, Clock: 99, Dup: true},
		&Have{Target: target, ID: foci.ID{1}, Version: v, Hash: record.Hash{3}, Scope: ChunkScope("photos", foci.UploadID{1}, 4)},
		&HaveReply{Epoch: 3, State: HaveStored},
		&Hint{Target: Target{Epoch: 3, Group: 1}, ID: foci.ID{7}, Missed: 2, Scope: ObjectScope(name), Now: true},
		&HintReply{Epoch: 3},
		&Fetch{Target: target, ID: foci.ID{1}, From: v, To: v, Limit: 10, Offset: 1, MaxBytes: 1 << 20, Scope: ObjectScope(name)},
		&FetchReply{Epoch: 3, Name: name, Entries: []FetchedEntry{{Entry: entry, Bytes: 5, Meta: []byte("m")}}, More: true},
		&List{Target: target, Bucket: "photos", Prefix: "2026/", After: "2026/0", Limit: 100},
		&ListReply{Epoch: 3, Keys: []Listed{{Key: "2026/a.jpg", Vote: vote}}, More: true},
		&record.Manifest{Upload: foci.UploadID{1}, Chunk: 1 << 20, Size: 5 << 20, Version: v},
		&record.ChunkMeta{Upload: foci.UploadID{1}, Index: 4},
		&Forward{Node: foci.NodeID{4}, Method: MethodStore, Class: foci.Bulk, Head: []byte("a store")},
		sampleRelayed(),
		&Renew{PublicKey: []byte("public key")},
		&Renewed{Certificate: []byte("certificate"), Authorities: [][]byte{[]byte("one"), []byte("two")}},
	}
}

// fresh is an empty message of the same type as samples()[i].
func fresh(i int) codec.Message {
	return []codec.Message{
		&Error{}, &Routes{}, &Routes{}, &Routes{}, &Digest{}, &Versions{}, &Watch{}, &Watched{}, &Beacon{}, &Empty{}, &Ask{}, &Query{}, &QueryReply{}, &Store{}, &StoreReply{}, &Have{}, &HaveReply{}, &Hint{}, &HintReply{},
		&Fetch{}, &FetchReply{}, &List{}, &ListReply{}, &record.Manifest{}, &record.ChunkMeta{},
		&Forward{}, &Relayed{}, &Renew{}, &Renewed{},
	}[i]
}

func sampleRelayed() *Relayed {
	r, err := rights.Parse("*=r,photos=rw")
	if err != nil {
		panic(err)
	}
	return &Relayed{Asker: rights.Client("web"), Rights: r, Protocol: 2, Method: MethodStore, Head: []byte("a store")}
}

func TestMessagesTruncated(t *testing.T) {
	for i, m := range samples() {
		b := m.Append(nil)
		got := fresh(i)
		if err := codec.Unmarshal(b, got); err != nil {
			t.Fatal(err)
		}
		if again := got.Append(nil); string(again) != string(b) {
			t.Errorf("%T: %x became %x", m, b, again)
		}
		for n := range len(b) {
			if n == len(b)-appended(m) {
				continue // it ends as in protocol 1
			}
			if codec.Unmarshal(b[:n], fresh(i)) == nil {
				t.Errorf("%T accepted with %d of %d bytes", m, n, len(b))
			}
		}
		if err := codec.Unmarshal(append(b, "from a later version"...), fresh(i)); err != nil {
			t.Errorf("%T with more at the end: %v", m, err)
		}
	}
}

// appended is how many bytes at the end of a message protocol 1 did not have.
func appended(m codec.Message) int {
	switch m := m.(type) {
	case *Routes:
		return len(appendProofs(nil, m.Routes))
	case *Watch:
		return 4 + len(m.Authorities)
	case *Watched:
		return 4 + len(m.Authorities)
	case *Query:
		return 4 + len(m.Preimage)
	case *Have:
		return 4 + len(m.Preimage)
	case *Fetch:
		return 4 + len(m.Preimage)
	case *Hint:
		return 4 + len(m.Preimage) + 1
	}
	return 0
}

// TestHeadsFit: the longest lists fit into the head of a message.
func TestHeadsFit(t *testing.T) {
	keys := ListReply{Keys: make([]Listed, MaxListed)}
	for i := range keys.Keys {
		keys.Keys[i].Key = string(make([]byte, foci.MaxKeyLen))
	}
	routes := Routes{Routes: make([]Route, MaxRoutes)}
	for i := range routes.Routes {
		for range 8 {
			routes.Routes[i].Addrs = append(routes.Routes[i].Addrs, "[2001:db8:1234:5678::1234]:11025:10-12")
		}
	}
	log := FetchReply{Entries: make([]FetchedEntry, MaxFetchEntries)}
	for _, m := range []codec.Message{&keys, &routes, &log} {
		if n := len(m.Append(nil)); n > MaxHead {
			t.Errorf("%T takes %d bytes, %d are allowed", m, n, MaxHead)
		}
	}
}

// FuzzMessages: every message is refused, or says the same when encoded again,
// and takes no more memory than its bytes account for.
func FuzzMessages(f *testing.F) {
	for i, m := range samples() {
		f.Add(uint8(i), m.Append(nil))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		i := int(which) % len(samples())
		testcodec.Stable(t, b, fresh(i), fresh(i))
	})
}

// TestMillionRoutes: who announces more than a cluster can have is refused
// before memory is taken for it.
func TestMillionRoutes(t *testing.T) {
	b := codec.AppendU32(codec.AppendU64(nil, 1), 1<<20)
	b = append(b, make([]byte, MaxHead-len(b))...)
	for _, m := range []codec.Message{&Routes{}, &Versions{}, &Watched{}} {
		if n := testing.AllocsPerRun(10, func() {
			if codec.Unmarshal(b, m) == nil {
				t.Errorf("%T takes a million", m)
			}
		}); n > 10 {
			t.Errorf("%T: %v allocations", m, n)
		}
	}
}
