package foci

import (
	"strings"
	"unicode/utf8"
)

// Name is the name of an object.
type Name struct {
	Bucket string
	Key    string
}

// String is bucket/key, which [ParseName] reads.
func (n Name) String() string { return n.Bucket + "/" + n.Key }

// ParseName splits s at its first slash into bucket and key, and validates them.
// The key may contain slashes; "." and ".." have no meaning.
func ParseName(s string) (Name, error) {
	bucket, key, ok := strings.Cut(s, "/")
	if !ok {
		return Name{}, Errorf(Invalid, "key %q: want bucket/key", Clip(s))
	}
	n := Name{Bucket: bucket, Key: key}
	return n, n.Validate()
}

// Validate returns an error of kind [Invalid] if the name breaks a rule of
// [ValidateBucket] or [ValidateKey].
func (n Name) Validate() error {
	if err := ValidateBucket(n.Bucket); err != nil {
		return err
	}
	return ValidateKey(n.Key)
}

// ValidateBucket checks a bucket's name by S3's rules: 3 to 63 of a-z, 0-9, '-'
// and '.', a letter or digit at both ends, no two dots in a row, no IPv4 address.
func ValidateBucket(b string) error {
	if len(b) < MinBucketLen || len(b) > MaxBucketLen {
		return Errorf(Invalid, "bucket %q: %d bytes long, want %d to %d", Clip(b), len(b), MinBucketLen, MaxBucketLen)
	}
	digitsAndDots := true
	for i := range len(b) {
		c := b[i]
		alnum := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		edge := i == 0 || i == len(b)-1
		switch {
		case !alnum && c != '-' && c != '.':
			return Errorf(Invalid, "bucket %q: only a-z, 0-9, '-' and '.' are allowed", Clip(b))
		case !alnum && edge:
			return Errorf(Invalid, "bucket %q: must begin and end with a letter or a digit", Clip(b))
		case c == '.' && b[i-1] == '.':
			return Errorf(Invalid, "bucket %q: two dots in a row", Clip(b))
		}
		if c != '.' && (c < '0' || c > '9') {
			digitsAndDots = false
		}
	}
	if digitsAndDots && strings.Count(b, ".") == 3 {
		return Errorf(Invalid, "bucket %q: looks like an IPv4 address", Clip(b))
	}
	return nil
}

// ValidateKey checks a key: 1 to [MaxKeyLen] bytes of UTF-8 without NUL.
func ValidateKey(k string) error {
	switch {
	case k == "":
		return Errorf(Invalid, "key is empty, want 1 to %d bytes", MaxKeyLen)
	case len(k) > MaxKeyLen:
		return Errorf(Invalid, "key %q: %d bytes long, want at most %d", Clip(k), len(k), MaxKeyLen)
	case !utf8.ValidString(k):
		return Errorf(Invalid, "key %q: not valid UTF-8", Clip(k))
	case strings.IndexByte(k, 0) >= 0:
		return Errorf(Invalid, "key %q: contains NUL", Clip(k))
	}
	return nil
}

// Clip cuts a received string to 80 bytes, for error messages.
func Clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}
