package auth

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

func testKey(n byte) Key { return Key{n, 2, 3} }

func TestKeyText(t *testing.T) {
	k, err := NewKey(bytes.NewReader(bytes.Repeat([]byte{7}, KeySize)))
	if err != nil || k != Key(bytes.Repeat([]byte{7}, KeySize)) {
		t.Fatalf("%v %v", k, err)
	}
	if got, err := ParseKey(k.Text()); err != nil || got != k {
		t.Errorf("%v %v", got, err)
	}
	two := []Key{testKey(2), testKey(1)}
	if got, err := ParseKeys(KeysText(two...)); err != nil || !slices.Equal(got, two) {
		t.Errorf("%v %v", got, err)
	}
}

// TestWrongFiles: each kind of file is told apart, and each damage is seen.
func TestWrongFiles(t *testing.T) {
	k := testKey(1)
	text := string(k.Text())
	for name, tc := range map[string]struct{ text, want string }{
		"empty":     {"", "no cluster key"},
		"comments":  {"# nothing\n\n", "no cluster key"},
		"client's":  {oldClientPrefix + "web:AAAA\n", "client's credential"},
		"pem":       {"-----BEGIN CERTIFICATE-----\n", "not a cluster key"},
		"cut":       {strings.TrimRight(text, "\n")[:len(text)-9], "damaged"},
		"changed":   {strings.Replace(text, ":1:A", ":1:B", 1), "damaged"},
		"twice":     {text + text, "the same key twice"},
		"three":     {string(KeysText(k, testKey(2), testKey(3))), "at most 2"},
		"the whole": {strings.Repeat("x", maxText+1), "over"},
	} {
		if _, err := ParseKey([]byte(tc.text)); foci.KindOf(err) != foci.Invalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "a/b", "ü", strings.Repeat("x", MaxName+1)} {
		if err := CheckName(name); foci.KindOf(err) != foci.Invalid {
			t.Errorf("client %q: %v", name, err)
		}
	}
}

// FuzzKeyFiles: what is read is what was written.
func FuzzKeyFiles(f *testing.F) {
	k := testKey(1)
	f.Add(k.Text())
	f.Add(KeysText(k, testKey(2)))
	f.Add([]byte("# x\nfoci-cluster-key:1:AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if keys, err := ParseKeys(b); err == nil {
			if again, err := ParseKeys(KeysText(keys...)); err != nil || !slices.Equal(again, keys) {
				t.Errorf("%v %v", again, err)
			}
		}
	})
}
