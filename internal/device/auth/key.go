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

// MaxName is the longest name of a client, in bytes.
const MaxName = 64

// maxText bounds the text of a key, in bytes; its file may have comments.
const maxText = 4 << 10

// The first parts of the texts of keys, so that one kind of file is never taken
// for another. The number is that of the form.
const (
	keyPrefix    = "foci-cluster-key:1:"
	clientPrefix = "foci-client-key:1:"
)

// Key is the secret of a cluster: whoever has it is a member.
type Key [KeySize]byte

// NewKey draws a key from random, which is crypto/rand.Reader outside of tests.
func NewKey(random io.Reader) (Key, error) {
	var k Key
	if _, err := io.ReadFull(random, k[:]); err != nil {
		return Key{}, foci.Errorf(foci.Internal, "drawing a cluster key: %w", err)
	}
	return k, nil
}

// Derive makes a key for one purpose, from which neither k nor the key of
// another purpose can be found. Labels begin with "foci " and a word for the
// purpose.
func (k Key) Derive(label string) [KeySize]byte {
	h := hmac.New(sha256.New, k[:])
	h.Write([]byte(label))
	return [KeySize]byte(h.Sum(nil))
}

// Text is the content of a file with the key.
func (k Key) Text() []byte {
	return []byte("# Foci cluster key: whoever has it is a member. Copy it to every node, mode 0600, and to nobody else.\n" +
		seal(keyPrefix, k[:]) + "\n")
}

// Client is the key of a client of that name.
func (k Key) Client(name string) (ClientKey, error) {
	if err := CheckName(name); err != nil {
		return ClientKey{}, err
	}
	return ClientKey{Name: name, Secret: k.Derive(labelClient + name)}, nil
}

// ClientKey is what a client proves itself with. Nodes make the same from the
// cluster key and the name that the client gives: they keep no list.
type ClientKey struct {
	Name   string
	Secret [KeySize]byte
}

// Text is the content of a credential file with the key.
func (c ClientKey) Text() []byte {
	return []byte("# Foci client credential of " + c.Name + ". Give it with --credential or FOCI_CREDENTIAL; it is not good for a node.\n" +
		seal(clientPrefix+c.Name+":", c.Secret[:]) + "\n")
}

// ParseKey reads the content of a file with a cluster key. It fails with
// Invalid, saying what the file is instead.
func ParseKey(text []byte) (Key, error) {
	line, err := secretLine(text)
	if err != nil {
		return Key{}, err
	}
	if rest, is := strings.CutPrefix(line, keyPrefix); is {
		return unseal(keyPrefix, rest)
	}
	if strings.HasPrefix(line, clientPrefix) {
		return Key{}, foci.Errorf(foci.Invalid, "this is a client's credential, not a cluster key: nodes need cluster.key as foci init made it")
	}
	return Key{}, foci.Errorf(foci.Invalid, "this is no cluster key: a line that begins with %s is missing", keyPrefix)
}

// ParseClientKey reads the content of a credential file with a client's key.
func ParseClientKey(text []byte) (ClientKey, error) {
	line, err := secretLine(text)
	if err != nil {
		return ClientKey{}, err
	}
	rest, is := strings.CutPrefix(line, clientPrefix)
	if !is {
		return ClientKey{}, foci.Errorf(foci.Invalid, "this is no client's credential: a line that begins with %s is missing", clientPrefix)
	}
	name, sealed, _ := strings.Cut(rest, ":")
	if err := CheckName(name); err != nil {
		return ClientKey{}, err
	}
	secret, err := unseal(clientPrefix+name+":", sealed)
	return ClientKey{Name: name, Secret: secret}, err
}

// secretLine is the one line of a text that is neither empty nor a comment.
func secretLine(text []byte) (string, error) {
	if len(text) > maxText {
		return "", foci.Errorf(foci.Invalid, "over %d bytes: this is no key", maxText)
	}
	found := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case found != "":
			return "", foci.Errorf(foci.Invalid, "more than one line: this is no key")
		default:
			found = line
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

// CheckName holds the rule for names of clients: that for names of nodes and
// clusters. It fails with Invalid.
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
