package codec

import (
	"encoding/binary"

	"github.com/foci-store/foci"
)

// Message is a struct that travels. Append adds its encoding to b; Decode
// reads it and leaves the reader's error to be asked by [Unmarshal].
type Message interface {
	Append(b []byte) []byte
	Decode(r *Reader)
}

// Unmarshal decodes b into m, wholly or with a Protocol error.
func Unmarshal(b []byte, m Message) error {
	r := Reader{b: b}
	m.Decode(&r)
	if r.bad {
		return foci.Errorf(foci.Protocol, "malformed %T of %d bytes", m, len(b))
	}
	return nil
}

// Reader takes values off the front of a message. After the first value that
// does not fit, it is bad and yields zeros; nothing it returns is larger than
// the bytes that are really there.
type Reader struct {
	b   []byte
	bad bool
}

// NewReader reads from b, which the values it returns may alias.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Bad reports whether something did not fit.
func (r *Reader) Bad() bool { return r.bad }

// Fail marks the message as malformed.
func (r *Reader) Fail() { r.bad, r.b = true, nil }

// More reports whether there are bytes left: a field that a later protocol
// appended is there.
func (r *Reader) More() bool { return len(r.b) > 0 }

func (r *Reader) take(n int) []byte {
	if n > len(r.b) {
		r.Fail()
		return nil
	}
	v := r.b[:n]
	r.b = r.b[n:]
	return v
}

// U8 reads one byte.
func (r *Reader) U8() uint8 {
	if v := r.take(1); v != nil {
		return v[0]
	}
	return 0
}

// Bool reads a byte that must be 0 or 1.
func (r *Reader) Bool() bool {
	v := r.U8()
	if v > 1 {
		r.Fail()
	}
	return v == 1
}

// U16 reads two bytes.
func (r *Reader) U16() uint16 {
	if v := r.take(2); v != nil {
		return binary.LittleEndian.Uint16(v)
	}
	return 0
}

// U32 reads four bytes.
func (r *Reader) U32() uint32 {
	if v := r.take(4); v != nil {
		return binary.LittleEndian.Uint32(v)
	}
	return 0
}

// U64 reads eight bytes.
func (r *Reader) U64() uint64 {
	if v := r.take(8); v != nil {
		return binary.LittleEndian.Uint64(v)
	}
	return 0
}

// I64 reads eight bytes as a signed number.
func (r *Reader) I64() int64 { return int64(r.U64()) }

// Fixed fills dst.
func (r *Reader) Fixed(dst []byte) { copy(dst, r.take(len(dst))) }

// Bytes reads a length and that many bytes, at most limit; it aliases the message.
func (r *Reader) Bytes(limit int) []byte {
	n := int(r.U32())
	if n > limit {
		r.Fail()
		return nil
	}
	return r.take(n)
}

// String reads a string of at most limit bytes.
func (r *Reader) String(limit int) string { return string(r.Bytes(limit)) }

// Count reads the length of a list of at most limit elements that take at
// least size bytes each, so that a short message cannot ask for a long list.
func (r *Reader) Count(limit, size int) int {
	n := int(r.U32())
	if n > limit || n*size > len(r.b) {
		r.Fail()
		return 0
	}
	return n
}

// Version reads a version whose time is in range.
func (r *Reader) Version() foci.Version {
	v := foci.Version{Time: r.I64(), Nonce: r.U64()}
	if v.Time < 0 || v.Time >= foci.MaxTime {
		r.Fail()
		return foci.Version{}
	}
	return v
}

// AppendBool adds v as a byte, 0 or 1.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendU16 adds two bytes.
func AppendU16(b []byte, v uint16) []byte { return binary.LittleEndian.AppendUint16(b, v) }

// AppendU32 adds four bytes.
func AppendU32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }

// AppendU64 adds eight bytes.
func AppendU64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// AppendBytes adds the length of v and v.
func AppendBytes(b, v []byte) []byte {
	return append(AppendU32(b, uint32(len(v))), v...)
}

// AppendString adds the length of v and v.
func AppendString(b []byte, v string) []byte {
	return append(AppendU32(b, uint32(len(v))), v...)
}

// AppendVersion adds the time and the nonce of v.
func AppendVersion(b []byte, v foci.Version) []byte {
	return AppendU64(AppendU64(b, uint64(v.Time)), v.Nonce)
}
