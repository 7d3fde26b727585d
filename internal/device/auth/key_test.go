package auth

import (
	"bytes"
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
	c, err := k.Client("backup.1")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseClientKey(c.Text()); err != nil || got != c {
		t.Errorf("%v %v", got, err)
	}
	if bytes.Contains(c.Text(), []byte("cluster-key")) || c.Secret == k || c.Secret == k.Derive(labelMember) {
		t.Error("the client's file holds the cluster's key")
	}
	other, _ := k.Client("backup.2")
	if other.Secret == c.Secret {
		t.Error("two clients have one key")
	}
}

// TestWrongFiles: each kind of file is told apart, and each damage is seen.
func TestWrongFiles(t *testing.T) {
	k := testKey(1)
	c, _ := k.Client("web")
	text := string(k.Text())
	for name, tc := range map[string]struct{ text, want string }{
		"empty":     {"", "no cluster key"},
		"comments":  {"# nothing\n\n", "no cluster key"},
		"client's":  {string(c.Text()), "client's credential"},
		"pem":       {"-----BEGIN CERTIFICATE-----\n", "no cluster key"},
		"cut":       {strings.TrimRight(text, "\n")[:len(text)-9], "damaged"},
		"changed":   {strings.Replace(text, ":1:A", ":1:B", 1), "damaged"},
		"twice":     {text + text, "more than one line"},
		"the whole": {strings.Repeat("x", maxText+1), "over"},
	} {
		if _, err := ParseKey([]byte(tc.text)); foci.KindOf(err) != foci.Invalid || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	renamed := strings.Replace(string(c.Text()), ":web:", ":admin:", 1)
	for name, text := range map[string]string{"cluster key": text, "renamed": renamed, "no name": strings.Replace(string(c.Text()), ":web:", "::", 1)} {
		if _, err := ParseClientKey([]byte(text)); foci.KindOf(err) != foci.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range []string{"", "a/b", "ü", strings.Repeat("x", MaxName+1)} {
		if _, err := k.Client(name); foci.KindOf(err) != foci.Invalid {
			t.Errorf("client %q: %v", name, err)
		}
	}
}

// FuzzKeyFiles: what is read is what was written.
func FuzzKeyFiles(f *testing.F) {
	k := testKey(1)
	c, _ := k.Client("web")
	f.Add(k.Text())
	f.Add(c.Text())
	f.Add([]byte("# x\nfoci-cluster-key:1:AAAA\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if k, err := ParseKey(b); err == nil {
			if again, err := ParseKey(k.Text()); err != nil || again != k {
				t.Errorf("%v %v", again, err)
			}
		}
		if c, err := ParseClientKey(b); err == nil {
			if again, err := ParseClientKey(c.Text()); err != nil || again != c {
				t.Errorf("%v %v", again, err)
			}
		}
	})
}

func FuzzClaim(f *testing.F) {
	f.Add(make([]byte, NonceSize))
	f.Add(append(make([]byte, NonceSize), "web"...))
	f.Fuzz(func(t *testing.T, b []byte) {
		if c, err := ParseClaim(b); err == nil && !bytes.Equal(c.Append(nil), b) {
			t.Errorf("%x became %x", b, c.Append(nil))
		} else if err != nil && foci.KindOf(err) != foci.Protocol {
			t.Error(err)
		}
	})
}
