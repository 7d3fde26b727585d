package wire

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

func TestScopeIsOfTheID(t *testing.T) {
	name := foci.Name{Bucket: "photos", Key: "2026/a.jpg"}
	object, chunk := ObjectScope(name), ChunkScope("photos", foci.UploadID{7}, 1<<24+5)
	long := ObjectScope(foci.Name{Bucket: strings.Repeat("b", foci.MaxBucketLen), Key: strings.Repeat("k", foci.MaxKeyLen)})
	if len(long.Preimage) != MaxScope {
		t.Errorf("the longest preimage has %d bytes, want %d", len(long.Preimage), MaxScope)
	}
	for _, c := range []struct {
		what  string
		scope Scope
		id    foci.ID
		ok    bool
	}{
		{"an object", object, foci.ObjectID(name), true},
		{"a chunk", chunk, foci.ChunkID("photos", foci.UploadID{7}, 1<<24+5), true},
		{"another id", object, foci.ObjectID(foci.Name{Bucket: "photos", Key: "b"}), false},
		{"a chunk for an object", chunk, foci.ObjectID(name), false},
		{"nothing", Scope{}, foci.ObjectID(name), false},
		{"no bucket", Scope{[]byte("\x00key")}, foci.ObjectID(foci.Name{Key: "key"}), false},
	} {
		bucket, ok := c.scope.Within(c.id)
		if ok != c.ok || ok && bucket != "photos" {
			t.Errorf("%s: %q, %v", c.what, bucket, ok)
		}
	}
}

// BenchmarkScope is what the naming of an object costs a replica per request.
func BenchmarkScope(b *testing.B) {
	name := foci.Name{Bucket: "photos", Key: "2026/11/24/a.jpg"}
	s, id := ObjectScope(name), foci.ObjectID(name)
	for b.Loop() {
		if _, ok := s.Within(id); !ok {
			b.Fatal("not of the id")
		}
	}
}
