package foci

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestBuckets(t *testing.T) {
	for _, b := range []string{
		"abc", "a-b", "a.b.c", "123", "1.2.3", "1.2.3.4a", "1.2.3.4.5", "a1.2.3.4", strings.Repeat("a", MaxBucketLen),
	} {
		if err := ValidateBucket(b); err != nil {
			t.Errorf("%q is refused: %v", b, err)
		}
	}
	for _, b := range []string{
		"", "ab", strings.Repeat("a", MaxBucketLen+1), "Abc", "a_b", "a b", "ä23", "a/b", "a\x00b", "..", "...",
		"-ab", "ab-", ".ab", "ab.", "a..b", "192.168.0.1", "999.1.1.1", "1.2.3.4", "a\xffb", "abc\n",
	} {
		if err := ValidateBucket(b); KindOf(err) != Invalid || err == nil {
			t.Errorf("%q: %v, want Invalid", b, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, k := range []string{
		"a", " ", "..", "../..", "a//b", "/", "/etc/passwd", "ключ", "\n", "a\\b", "\u202e", "🦊",
		strings.Repeat("k", MaxKeyLen), strings.Repeat("ж", MaxKeyLen/2),
	} {
		if err := ValidateKey(k); err != nil {
			t.Errorf("%q is refused: %v", k, err)
		}
	}
	for _, k := range []string{
		"", strings.Repeat("k", MaxKeyLen+1), strings.Repeat("ж", MaxKeyLen/2+1), "\x00", "a\x00", "\xff", "a\xc3", "\xed\xa0\x80",
	} {
		err := ValidateKey(k)
		if KindOf(err) != Invalid || err == nil {
			t.Errorf("%q: %v, want Invalid", Clip(k), err)
		} else if len(err.Error()) > 500 {
			t.Errorf("%q: an error of %d bytes", Clip(k), len(err.Error()))
		}
	}
}

func TestParseName(t *testing.T) {
	for s, want := range map[string]Name{
		"books/emma":     {"books", "emma"},
		"books/a/b":      {"books", "a/b"},
		"books//":        {"books", "/"},
		"books/../books": {"books", "../books"},
	} {
		n, err := ParseName(s)
		if err != nil || n != want || n.String() != s {
			t.Errorf("%q is %+v (%v), want %+v", s, n, err, want)
		}
	}
	for _, s := range []string{"", "books", "books/", "/emma", "bo/emma", "books/\x00"} {
		if n, err := ParseName(s); KindOf(err) != Invalid || err == nil {
			t.Errorf("%q: %+v, %v, want Invalid", s, n, err)
		}
	}
}

// FuzzName looks for names that are accepted against the rules, or that two
// texts share.
func FuzzName(f *testing.F) {
	for _, s := range []string{"books/emma", "1.2.3.4/x", "a..b/x", "books/\x00", "books/\xff", "abc/" + strings.Repeat("k", 1025)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			if KindOf(err) != Invalid {
				t.Fatalf("%q: kind %v", s, KindOf(err))
			}
			return
		}
		switch {
		case n.String() != s:
			t.Fatalf("%q comes back as %q", s, n.String())
		case len(n.Key) == 0 || len(n.Key) > MaxKeyLen || !utf8.ValidString(n.Key) || strings.ContainsRune(n.Key, 0):
			t.Fatalf("key %q", n.Key)
		case len(n.Bucket) < 3 || len(n.Bucket) > 63 || strings.Trim(n.Bucket, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "":
			t.Fatalf("bucket %q", n.Bucket)
		}
	})
}
