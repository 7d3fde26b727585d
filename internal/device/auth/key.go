package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash/crc32"
	"io"
	"strings"

	"github.com/foci-store/foci"
)

// KeySize is the length of a key, in bytes.
const KeySize = 32

// MaxKeys is how many cluster keys may be valid at a time: the one in use, and
// while keys are rotated the one before or after it.
const MaxKeys = 2

// MaxName is the longest name of a client, in bytes.
const MaxName = 64

// maxText bounds the text of keys, in bytes; its file may have comments.
const maxText = 4 << 10

// The first parts of the texts of keys, so that one kind of file is never taken
// for another. The number is that of the form. A client's key belongs to
// protocol 1; it is recognised to say so.
const (
	keyPrefix       = "foci-cluster-key:1:"
	oldClientPrefix = "foci-client-key:1:"
)

// Key is the secret of a cluster: a process that has it is a member.
type Key [KeySize]byte

// NewKey draws a key from random, which is crypto/rand.Reader outside of tests.
func NewKey(random io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Key{}, foci.Errorf(foci.Internal, "drawing a cluster key: %w", err)
	}
	return k, nil
}

// Derive makes a key for one purpose, from which neither k nor the key of another
// purpose can be computed. Labels begin with "foci " and a word for the
// purpose.
func (k Key) Derive(label string) [KeySize]byte {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte(label))
	return [KeySize]byte(h.Sum(nil))
}

// Text is the content of a file with the key.
func (k Key) Text() []byte { return KeysText(k) }

// KeysText is the content of a file with one key or two.
func KeysText(keys ...Key) []byte {
	text := "# Foci cluster key: a process that has it is a member. Copy it to every node, mode 0600, and to nothing else.\n" +
		"# Of two lines the first signs, both are believed.\n"
	for _, k := range keys {
		text += seal(keyPrefix, k[:]) + "\n"
	}
	return []byte(text)
}

// ParseKey is the first key of a file.
func ParseKey(text []byte) (Key, error) {
	keys, err := ParseKeys(text)
	if err != nil {
		return Key{}, err
	}
	return keys[0], nil
}

// ParseKeys reads the content of a file with cluster keys: the first signs, all
// are believed. It fails with Invalid, saying what the file is instead.
func ParseKeys(text []byte) ([]Key, error) {
	lines, err := secretLines(text)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, line := range lines {
		rest, is := strings.CutPrefix(line, keyPrefix)
		switch {
		case strings.HasPrefix(line, oldClientPrefix) || strings.HasPrefix(line, "-----BEGIN "):
			return nil, foci.Errorf(foci.Invalid, "this is a client's credential or a certificate, not a cluster key: nodes need cluster.key as foci init made it")
		case !is:
			return nil, noKey()
		}
		k, err := unseal(keyPrefix, rest)
		if err != nil {
			return nil, err
		}
		if len(keys) > 0 && keys[0] == k {
			return nil, foci.Errorf(foci.Invalid, "the same key twice")
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, noKey()
	}
	return keys, nil
}

func noKey() error {
	return foci.Errorf(foci.Invalid, "this is no cluster key: a line that begins with %s is missing", keyPrefix)
}

// secretLines are the lines of a text that are neither empty nor comments.
func secretLines(text []byte) (found []string, err error) {
	if len(text) > maxText {
		return nil, foci.Errorf(foci.Invalid, "over %d bytes: this is no key", maxText)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case strings.HasPrefix(line, "-----BEGIN "):
			return []string{line}, nil
		case len(found) == MaxKeys:
			return nil, foci.Errorf(foci.Invalid, "more than %d lines: at most %d keys are valid at a time", MaxKeys, MaxKeys)
		default:
			found = append(found, line)
		}
	}
	return found, nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes a secret as text after a prefix, with a checksum over both.
func seal(prefix string, secret []byte) string {
	b := append([]byte(nil), secret...)
	sum := crc32.Update(crc32.Checksum([]byte(prefix), castagnoli), castagnoli, secret)
	b = append(b, byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24))
	return prefix + base64.RawURLEncoding.EncodeToString(b)
}

func unseal(prefix, sealed string) ([KeySize]byte, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || len(b) != KeySize+4 || seal(prefix, b[:KeySize]) != prefix+sealed {
		return [KeySize]byte{}, foci.Errorf(foci.Invalid, "the key is damaged: it is not whole, or its checksum does not match; copy the file again")
	}
	return [KeySize]byte(b), nil
}

// CheckName fails with Invalid for a name that a client may not have; the rule is
// that for names of nodes and clusters.
func CheckName(s string) error {
	if s == "" || len(s) > MaxName {
		return foci.Errorf(foci.Invalid, "client name %q: %d bytes long, want 1 to %d", foci.Clip(s), len(s), MaxName)
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return foci.Errorf(foci.Invalid, "client name %q: only letters, digits, '-', '.' and '_' are allowed", foci.Clip(s))
		}
	}
	return nil
}
