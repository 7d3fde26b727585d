package foci

import (
	"encoding"
	"strings"
	"testing"
)

func TestObjectID(t *testing.T) {
	// SHA-512 of "books", a zero byte and "emma", by sha512sum.
	const want = "31aa83823080503d68b9a7bed6d829df6e760a0683bef721a06b089031e3c2f082c08d40d085d9ea5e7b112d828a1f5219f8e84bc2effb34e19deafb036c20cd"
	id := ObjectID(Name{"books", "emma"})
	if id.String() != want {
		t.Fatalf("id %v, want %s", id, want)
	}
	if id.Short() != want[:16] || id.Prefix() != 0x31aa83823080503d {
		t.Fatalf("short %s, prefix %x", id.Short(), id.Prefix())
	}
	long := Name{strings.Repeat("b", MaxBucketLen), strings.Repeat("k", MaxKeyLen)}
	if ObjectID(long) == ObjectID(Name{long.Bucket, long.Key[1:]}) {
		t.Fatal("long names are cut")
	}
}

// TestIDsDiffer are the pairs that a careless concatenation would confuse.
func TestIDsDiffer(t *testing.T) {
	seen := map[ID]string{}
	add := func(what string, id ID) {
		if was, twice := seen[id]; twice {
			t.Errorf("%s and %s have the same id", was, what)
		}
		seen[id] = what
	}
	add("abc/d", ObjectID(Name{"abc", "d"}))
	add("abcd/", ObjectID(Name{"abcd", ""}))
	add("abc//d", ObjectID(Name{"abc", "/d"}))
	u, v := UploadID{1}, UploadID{2}
	add("chunk 0", ChunkID("abc", u, 0))
	add("chunk 1", ChunkID("abc", u, 1))
	add("chunk 256", ChunkID("abc", u, 256))
	add("chunk 0 of another upload", ChunkID("abc", v, 0))
	add("chunk 0 of another bucket", ChunkID("abd", u, 0))
	add("the key that looks like a chunk", ObjectID(Name{"abc", string(u[:]) + "\x00\x00\x00\x00"}))
}

func TestUUIDs(t *testing.T) {
	n := NodeID{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const text = "00112233-4455-6677-8899-aabbccddeeff"
	b := BackendID(n)
	if n.String() != text || b.String() != text || n.Short() != "00112233" || b.Short() != "00112233" {
		t.Fatalf("%v %v %s %s", n, b, n.Short(), b.Short())
	}
	var n2 NodeID
	var b2 BackendID
	for _, to := range []encoding.TextUnmarshaler{&n2, &b2} {
		if err := to.UnmarshalText([]byte(strings.ToUpper(text))); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{
			"", "0", text[:35], text + "0", strings.ReplaceAll(text, "-", ""), strings.Replace(text, "-", "0", 1),
			"0011223--4455-6677-8899-aabbccddeeff", "g0112233-4455-6677-8899-aabbccddeeff", "-0112233-4455-6677-8899-aabbccddeeff",
		} {
			if err := to.UnmarshalText([]byte(bad)); KindOf(err) != Invalid || err == nil {
				t.Errorf("%q: %v, want Invalid", bad, err)
			}
		}
	}
	if n2 != n || b2 != b { // refused texts change nothing
		t.Fatalf("%v %v, want %v", n2, b2, n)
	}
	if n.IsZero() || !(NodeID{}).IsZero() || !(BackendID{}).IsZero() || b.IsZero() {
		t.Fatal("IsZero")
	}
}

func TestNamesOfNumbers(t *testing.T) {
	for c := range NumClasses {
		var back Class
		if err := back.UnmarshalText([]byte(c.String())); err != nil || back != c {
			t.Errorf("class %v comes back as %v (%v)", c, back, err)
		}
	}
	for _, l := range []Level{Quorum, One, All} {
		var back Level
		if err := back.UnmarshalText([]byte(l.String())); err != nil || back != l {
			t.Errorf("level %v comes back as %v (%v)", l, back, err)
		}
	}
	var c Class
	var l Level
	for _, bad := range []string{"", "unknown", "Ping", "high", "quorum "} {
		if c.UnmarshalText([]byte(bad)) == nil || l.UnmarshalText([]byte(bad)) == nil {
			t.Errorf("%q is taken for a class or level", bad)
		}
	}
	for r, want := range map[Role]string{RoleTransport: "transport", RoleClient: "client", RoleData: "data", NumRoles: "unknown"} {
		if r.String() != want {
			t.Errorf("role %d is called %q", r, r)
		}
	}
}

func TestNeed(t *testing.T) {
	for n, quorum := range map[int]int{1: 1, 2: 2, 3: 2, 4: 3, 5: 3, 15: 8} {
		if got := Quorum.Need(n); got != quorum || One.Need(n) != 1 || All.Need(n) != n {
			t.Errorf("of %d groups: quorum %d, one %d, all %d", n, got, One.Need(n), All.Need(n))
		}
		if 2*quorum <= n {
			t.Errorf("two quorums of %d need not meet", n)
		}
	}
}
