// Package testcodec tests messages of package codec. It owns no state, starts no
// goroutine and takes no lock.
package testcodec

import (
	"bytes"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// Stable decodes b into one, encodes that, and does both again with two: nothing may
// change. If b is no message, the error must be of kind Protocol.
func Stable(t *testing.T, b []byte, one, two codec.Message) {
	t.Helper()
	if err := codec.Unmarshal(b, one); err != nil {
		if foci.KindOf(err) != foci.Protocol {
			t.Fatalf("error %v", err)
		}
		return
	}
	once := one.Append(nil)
	if err := codec.Unmarshal(once, two); err != nil {
		t.Fatalf("%T: %v after encoding %x as %x", one, err, b, once)
	}
	if twice := two.Append(nil); !bytes.Equal(once, twice) {
		t.Fatalf("%T: %x became %x", one, once, twice)
	}
}
