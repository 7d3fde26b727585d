package foci

import (
	"encoding/hex"
	"io"
	"strings"
)

// Group is the number of a ring of backends. The backends of a group together
// hold one replica of each object of its buckets. Groups count from 1.
type Group uint32

// Table is the number of a logical route table: addresses with the same number
// can reach one another.
type Table uint32

// Epoch is the number of a layout; 0 means no layout.
type Epoch uint64

// Incarnation numbers the starts of a node; each is larger than the one before.
type Incarnation uint64

// NodeID identifies a server process across restarts and changes of address.
type NodeID [16]byte

// BackendID identifies one directory on one disk of a node.
type BackendID [16]byte

// IsZero reports whether the id names no node.
func (n NodeID) IsZero() bool { return n == NodeID{} }

// IsZero reports whether the id names no backend.
func (b BackendID) IsZero() bool { return b == BackendID{} }

// String is the usual form of a UUID.
func (n NodeID) String() string { return uuidString(n) }

// String is the usual form of a UUID.
func (b BackendID) String() string { return uuidString(b) }

// Short is the first group of the UUID, for tables that people read.
func (n NodeID) Short() string { return hex.EncodeToString(n[:4]) }

// Short is the first group of the UUID, for tables that people read.
func (b BackendID) Short() string { return hex.EncodeToString(b[:4]) }

// MarshalText makes ids readable in JSON.
func (n NodeID) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// MarshalText makes ids readable in JSON.
func (b BackendID) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads the usual form of a UUID.
func (n *NodeID) UnmarshalText(t []byte) error { return parseUUID((*[16]byte)(n), t) }

// UnmarshalText reads the usual form of a UUID.
func (b *BackendID) UnmarshalText(t []byte) error { return parseUUID((*[16]byte)(b), t) }

// NewUUID draws a random UUID, version 4, for a [NodeID] or [BackendID]. Production
// code passes crypto/rand.Reader. NewUUID fails only if random does.
func NewUUID(random io.Reader) ([16]byte, error) {
	var u [16]byte
	if _, err := io.ReadFull(random, u[:]); err != nil {
		return u, Errorf(Internal, "drawing an identity: %w", err)
	}
	u[6] = u[6]&0x0f | 0x40
	u[8] = u[8]&0x3f | 0x80
	return u, nil
}

func uuidString(u [16]byte) string {
	h := hex.EncodeToString(u[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

func parseUUID(dst *[16]byte, text []byte) error {
	s := string(text)
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return Errorf(Invalid, "%q is not a UUID", Clip(s))
	}
	b, err := hex.DecodeString(strings.ReplaceAll(s, "-", ""))
	if err != nil || len(b) != len(dst) {
		return Errorf(Invalid, "%q is not a UUID", Clip(s))
	}
	copy(dst[:], b)
	return nil
}
