package record

import (
	"errors"
	"testing"

	"github.com/foci-store/foci"
)

// TestChunkInAnObjectsPlace: chunks are outside of the rules of order, so one
// must not be able to take the place of an object, or of another chunk.
func TestChunkInAnObjectsPlace(t *testing.T) {
	name := foci.Name{Bucket: "bucket", Key: "key"}
	place := ChunkMeta{Upload: foci.UploadID{1}, Index: 7}
	chunk := func(id foci.ID, meta []byte) error {
		r := Record{Entry: Entry{Op: OpChunk, Version: foci.Version{Time: 1, Nonce: 1}, Size: 3}, ID: id, Name: name, Meta: meta, Payload: []byte("abc")}
		r.Seal()
		return r.Check()
	}
	if err := chunk(foci.ChunkID("bucket", place.Upload, 7), place.Append(nil)); err != nil {
		t.Fatal(err)
	}
	for what, err := range map[string]error{
		"an object's id":      chunk(foci.ObjectID(name), place.Append(nil)),
		"another chunk's id":  chunk(foci.ChunkID("bucket", place.Upload, 8), place.Append(nil)),
		"another bucket's id": chunk(foci.ChunkID("bucket2", place.Upload, 7), place.Append(nil)),
		"no place":            chunk(foci.ChunkID("bucket", place.Upload, 7), nil),
	} {
		if !errors.Is(err, foci.Invalid) {
			t.Errorf("a chunk with %s: %v", what, err)
		}
	}
}
