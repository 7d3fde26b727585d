package rights

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

func parse(t *testing.T, text string) Rights {
	t.Helper()
	r, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAllows(t *testing.T) {
	for text, want := range map[string]string{ // what each may do to: all, photos, music, foci.policy; and admin
		"":                    "- - - - -",
		"*=r":                 "r r r - -",
		"*=rw":                "rw rw rw - -",
		"*=r,photos=w":        "r rw r - -",
		"music=rw,photos=r":   "- r rw - -",
		"admin":               "- - - rw a",
		"*=rw,admin":          "rw rw rw rw a",
		"photos=r,admin":      "- r - rw a",
		"foci.policy=rw,*=rw": "rw rw rw - -",
		Full().String():       "rw rw rw rw a",
		Data().String():       "rw rw rw - -",
	} {
		r := parse(t, text)
		var got []string
		for _, bucket := range []string{"", "photos", "music", Reserved + "policy"} {
			s := ""
			if r.Allows(Read, bucket) {
				s += "r"
			}
			if r.Allows(Write, bucket) {
				s += "w"
			}
			got = append(got, s)
		}
		s := ""
		if r.Allows(Admin, "") {
			s = "a"
		}
		got = append(got, s)
		for i := range got {
			if got[i] == "" {
				got[i] = "-"
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q allows %s, want %s", text, s, want)
		}
		if again := parse(t, r.String()); again.String() != r.String() {
			t.Errorf("%q became %q and then %q", text, r, again)
		}
	}
}

func TestScoped(t *testing.T) {
	for text, want := range map[string]bool{"": true, "*=r": true, "*=r,photos=w": true, "*=rw": false, "*=rw,admin": false} {
		if got := parse(t, text).Scoped(); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	many := strings.Repeat("bucket=r,", MaxBuckets+1)
	for text, want := range map[string]foci.Kind{
		"photos": foci.Invalid, "photos=x": foci.Invalid, "photos=": foci.Invalid, "=r": foci.Invalid, ",": foci.Invalid,
		"PHOTOS=r": foci.Invalid, "photos=r,photos=w": foci.Invalid, "root": foci.Invalid,
		many[:len(many)-1]: foci.TooLarge, strings.Repeat("x", MaxText+1): foci.Invalid,
	} {
		if _, err := Parse(text); err == nil || foci.KindOf(err) != want {
			t.Errorf("%q: %v, want %v", foci.Clip(text), err, want)
		}
	}
}

func TestPrincipal(t *testing.T) {
	if p := Node(foci.NodeID{1}); !p.IsNode() || p != "node/01000000-0000-0000-0000-000000000000" {
		t.Error(p)
	}
	if p := Client("web"); p.IsNode() || p != "client/web" {
		t.Error(p)
	}
}

// FuzzParse: what is read is what was written.
func FuzzParse(f *testing.F) {
	f.Add("*=rw,photos=r,admin")
	f.Add("a.b=w")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := Parse(s)
		if err != nil {
			return
		}
		if again, err := Parse(r.String()); err != nil || again.String() != r.String() {
			t.Errorf("%q became %q, %v", s, again, err)
		}
	})
}
