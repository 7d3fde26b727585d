package quorum

import (
	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// Verify validates the answer to a fetch: it must fit the request, and payloads must
// match their hashes. If it fails, another group is asked. Verify hashes the body, so the
// shell calls it before the machine's event and outside of its locks.
func Verify(f *wire.Fetch, m *wire.FetchReply, body []byte) error {
	if most := int(f.Limit); most > 0 && len(m.Entries) > most {
		return foci.Errorf(foci.Protocol, "%d entries received, at most %d requested", len(m.Entries), most)
	}
	rest := body
	for i := range m.Entries {
		e := &m.Entries[i]
		offset := uint32(0)
		if i == 0 {
			offset = min(f.Offset, e.Length)
		}
		switch {
		case int(e.Bytes) > len(rest) || e.Bytes > e.Length-offset:
			return foci.Errorf(foci.Protocol, "version %v: %d bytes of its %d from byte %d on, %d received", e.Version, e.Bytes, e.Length, offset, len(rest))
		case !e.Manifest && e.Size != uint64(e.Length):
			return foci.Errorf(foci.Corrupt, "version %v: its size %d is not its length %d", e.Version, e.Size, e.Length)
		case i == 0 && e.Bytes < min(f.MaxBytes, e.Length-offset):
			return foci.Errorf(foci.Protocol, "version %v: %d bytes received, want %d", e.Version, e.Bytes, min(f.MaxBytes, e.Length-offset))
		case i > 0 && !m.Entries[i-1].Version.Less(e.Version), e.Version.Less(f.From), !f.To.IsZero() && f.To.Less(e.Version):
			return foci.Errorf(foci.Protocol, "version %v is out of order", e.Version)
		}
		data := rest[:e.Bytes]
		rest = rest[e.Bytes:]
		if e.Length > 0 && e.Bytes == e.Length && e.Hash != record.ContentHash(e.Op, e.Manifest, e.Meta, data) {
			return foci.Errorf(foci.Corrupt, "version %v: its content does not match its hash", e.Version)
		}
	}
	if len(rest) > 0 {
		return foci.Errorf(foci.Protocol, "%d bytes received that belong to no entry", len(rest))
	}
	return nil
}
