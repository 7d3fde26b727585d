package foci

import (
	"cmp"
	"encoding/binary"
)

// Version orders the transactions of an object totally: by time, then by a random
// nonce, which makes versions unique. The zero Version is older than all others.
type Version struct {
	Time  int64  // nanoseconds since 1970, 0 ≤ Time < MaxTime
	Nonce uint64 // random, not 0 in a real version
}

// VersionLen is the length of a printed version.
const VersionLen = 26

// versionDigits is Crockford's base 32 in lower case: printed versions sort as
// versions do.
const versionDigits = "0123456789abcdefghjkmnpqrstvwxyz"

// Compare is negative when v is older than w.
func (v Version) Compare(w Version) int {
	if c := cmp.Compare(v.Time, w.Time); c != 0 {
		return c
	}
	return cmp.Compare(v.Nonce, w.Nonce)
}

// Less reports whether v is older than w.
func (v Version) Less(w Version) bool { return v.Compare(w) < 0 }

// Next is the smallest version above v, from which a reader of a log continues.
func (v Version) Next() Version {
	if v.Nonce++; v.Nonce == 0 {
		v.Time++
	}
	return v
}

// IsZero reports whether v is the zero Version.
func (v Version) IsZero() bool { return v == Version{} }

// Bytes is the 16-byte big-endian form; it sorts as versions do.
func (v Version) Bytes() [16]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(v.Time))
	binary.BigEndian.PutUint64(b[8:], v.Nonce)
	return b
}

// VersionFromBytes is the inverse of [Version.Bytes].
func VersionFromBytes(b [16]byte) Version {
	return Version{
		Time:  int64(binary.BigEndian.Uint64(b[:8])),
		Nonce: binary.BigEndian.Uint64(b[8:]),
	}
}

// String prints 26 characters that sort as versions do.
func (v Version) String() string {
	b := v.Bytes()
	hi, lo := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	var out [VersionLen]byte
	for i := VersionLen - 1; i >= 0; i-- {
		out[i] = versionDigits[lo&31]
		lo = lo>>5 | hi<<59
		hi >>= 5
	}
	return string(out[:])
}

// ParseVersion reads what [Version.String] prints.
func ParseVersion(s string) (Version, error) {
	if len(s) != VersionLen {
		return Version{}, Errorf(Invalid, "version %q: want %d characters", Clip(s), VersionLen)
	}
	var hi, lo uint64
	for i := range len(s) {
		d := versionDigit(s[i])
		if d < 0 || i == 0 && d > 7 {
			return Version{}, Errorf(Invalid, "version %q: bad character %q", s, s[i])
		}
		hi = hi<<5 | lo>>59
		lo = lo<<5 | uint64(d)
	}
	v := Version{Time: int64(hi), Nonce: lo}
	if v.Time < 0 || v.Time >= MaxTime {
		return Version{}, Errorf(Invalid, "version %q: time out of range", s)
	}
	return v, nil
}

func versionDigit(c byte) int {
	for i := range len(versionDigits) {
		if versionDigits[i] == c {
			return i
		}
	}
	return -1
}
