package access

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
)

func asker(t *testing.T, text string, protocol uint16) *Asker {
	t.Helper()
	r, err := rights.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return &Asker{Principal: rights.Client("web"), Rights: r, Protocol: protocol}
}

// kinds of requests, each about one object of a bucket.
var requests = []struct {
	letter string
	about  func(n foci.Name) codec.Message
}{
	{"v", func(n foci.Name) codec.Message {
		return &wire.Query{ID: foci.ObjectID(n), Scope: wire.ObjectScope(n)}
	}},
	{"q", func(n foci.Name) codec.Message {
		return &wire.Query{ID: foci.ObjectID(n), Inline: 1, Scope: wire.ObjectScope(n)}
	}},
	{"f", func(n foci.Name) codec.Message {
		return &wire.Fetch{ID: foci.ChunkID(n.Bucket, foci.UploadID{1}, 2), Scope: wire.ChunkScope(n.Bucket, foci.UploadID{1}, 2)}
	}},
	{"h", func(n foci.Name) codec.Message {
		return &wire.Have{ID: foci.ObjectID(n), Scope: wire.ObjectScope(n)}
	}},
	{"l", func(n foci.Name) codec.Message { return &wire.List{Bucket: n.Bucket} }},
	{"s", func(n foci.Name) codec.Message {
		return &wire.Store{Record: record.Record{ID: foci.ObjectID(n), Name: n}}
	}},
	{"t", func(n foci.Name) codec.Message {
		return &wire.Hint{ID: foci.ObjectID(n), Missed: 2, Scope: wire.ObjectScope(n)}
	}},
	{"n", func(n foci.Name) codec.Message {
		return &wire.Hint{ID: foci.ObjectID(n), Missed: 2, Scope: wire.ObjectScope(n), Now: true}
	}},
}

// TestRightsOfRequests: what each principal may ask about photos, music and a
// reserved bucket: v votes, q votes with content, f fetch, h have, l list,
// s store, t hint, n hint to be delivered now.
func TestRightsOfRequests(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "- - -",
		"*=r":                  "vqfhln vqfhln -",
		"*=w":                  "vhst vhst -",
		"*=rw":                 "vqfhlstn vqfhlstn -",
		"photos=r":             "vqfhln - -",
		"photos=w,music=r":     "vhst vqfhln -",
		"photos=rw":            "vqfhlstn - -",
		"admin":                "- - vqfhlstn",
		"*=rw,admin":           "vqfhlstn vqfhlstn vqfhlstn",
		"foci.policy=rw,*=r":   "vqfhln vqfhln -",
		"foci.policy=rw,admin": "- - vqfhlstn",
	} {
		var got []string
		for _, bucket := range []string{"photos", "music", "foci.policy"} {
			may := ""
			for _, r := range requests {
				m := r.about(foci.Name{Bucket: bucket, Key: "key"})
				err := Check(asker(t, text, 2), m)
				if err == nil {
					may += r.letter
				} else if foci.KindOf(err) != foci.Denied {
					t.Errorf("%q, %T: %v", text, m, err)
				}
			}
			if may == "" {
				may = "-"
			}
			got = append(got, may)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%q may %s, want %s", text, s, want)
		}
	}
}

// TestOneBucketIsNotAnother holds to the bucket that the right is on.
func TestOneBucketIsNotAnother(t *testing.T) {
	m := &wire.List{Bucket: "music"}
	if err := Check(asker(t, "photos=rw", 2), m); foci.KindOf(err) != foci.Denied || err == nil {
		t.Errorf("a right on photos lists music: %v", err)
	}
}

// TestReservedBucketsAreForAdmins holds against a right on all buckets.
func TestReservedBucketsAreForAdmins(t *testing.T) {
	m := &wire.List{Bucket: rights.Reserved + "policy"}
	if err := Check(asker(t, "*=rw", 2), m); foci.KindOf(err) != foci.Denied || err == nil {
		t.Errorf("*=rw lists a reserved bucket: %v", err)
	}
	if err := Check(asker(t, "admin", 2), m); err != nil {
		t.Error(err)
	}
}

// TestForgedScope: a request that names an object of one bucket and asks for
// one of another is refused.
func TestForgedScope(t *testing.T) {
	mine, other := foci.Name{Bucket: "photos", Key: "key"}, foci.Name{Bucket: "music", Key: "key"}
	for _, m := range []codec.Message{
		&wire.Query{ID: foci.ObjectID(other), Scope: wire.ObjectScope(mine)},
		&wire.Fetch{ID: foci.ObjectID(other), Scope: wire.ObjectScope(mine)},
		&wire.Have{ID: foci.ObjectID(other), Scope: wire.ObjectScope(mine)},
		&wire.Hint{ID: foci.ObjectID(other), Scope: wire.ObjectScope(mine)},
	} {
		if err := Check(asker(t, "photos=rw", 2), m); foci.KindOf(err) != foci.Denied || err == nil {
			t.Errorf("%T: %v", m, err)
		}
	}
}

// TestUnnamedObjects: only a client of protocol 1 may leave the name out, and
// only one with rights on all buckets.
func TestUnnamedObjects(t *testing.T) {
	for _, c := range []struct {
		text     string
		protocol uint16
		ok       bool
	}{
		{"*=rw", 1, true},
		{"*=rw", 2, false},
		{"*=rw,admin", 2, true},
		{"*=r", 1, false},
		{"photos=rw", 1, false},
		{"admin", 1, false},
	} {
		m := &wire.Query{ID: foci.ID{1}}
		if err := Check(asker(t, c.text, c.protocol), m); (err == nil) != c.ok {
			t.Errorf("%q by protocol %d: %v", c.text, c.protocol, err)
		}
	}
}

// TestOtherQuestions are about no object.
func TestOtherQuestions(t *testing.T) {
	for _, c := range []struct {
		text string
		m    codec.Message
		ok   bool
	}{
		{"", &wire.Ask{What: wire.AskNode}, true},
		{"", &wire.Ask{What: "mesh"}, false},
		{"photos=rw", &wire.Ask{What: "trace 0000000000000001"}, false},
		{"*=r", &wire.Ask{What: "txns"}, true},
		{"", &wire.Forward{}, true},
		{"*=rw", &wire.QueryReply{}, false}, // stands for a message without a rule
		{"admin", &wire.QueryReply{}, true},
	} {
		if err := Check(asker(t, c.text, 2), c.m); (err == nil) != c.ok {
			t.Errorf("%q, %T: %v", c.text, c.m, err)
		}
	}
}

func TestDenials(t *testing.T) {
	n := foci.Name{Bucket: "photos", Key: "key"}
	for _, c := range []struct {
		text string
		m    codec.Message
		want string
	}{
		{"music=rw", &wire.Query{ID: foci.ObjectID(n), Scope: wire.ObjectScope(n)}, "client/web lacks the right to read bucket photos (it has music=rw); use a credential with the right photos=r"},
		{"*=r", &wire.Store{Record: record.Record{Name: n}}, "client/web lacks the right to write bucket photos (it has *=r); use a credential with the right photos=w"},
		{"*=rw", &wire.List{Bucket: "foci.policy"}, "client/web lacks the right admin to list bucket foci.policy (it has *=rw); use the credential of an administrator"},
		{"", &wire.Ask{What: "mesh"}, "client/web lacks the right to read all buckets, needed to see what others do (it has none); use a credential with the right *=r"},
	} {
		if err := Check(asker(t, c.text, 2), c.m); err == nil || plain(err) != c.want {
			t.Errorf("%q, %T:\n%v, want\n%s", c.text, c.m, err, c.want)
		}
	}
}

// plain is message and remedy without the punctuation of errors.
func plain(err error) string {
	e := err.(*foci.Error)
	return e.Msg + "; " + e.Fix
}

// BenchmarkCheck is what the rights of one client cost a replica per request.
func BenchmarkCheck(b *testing.B) {
	n := foci.Name{Bucket: "photos", Key: "2026/11/24/a.jpg"}
	r, err := rights.Parse("*=rw")
	if err != nil {
		b.Fatal(err)
	}
	m := &wire.Query{ID: foci.ObjectID(n), Scope: wire.ObjectScope(n)}
	for b.Loop() {
		if err := Check(&Asker{Principal: rights.Client("web"), Rights: r, Protocol: 2}, m); err != nil {
			b.Fatal(err)
		}
	}
}

// TestMayRead: votes are asked for by the right to write, too; this tells the two
// apart.
func TestMayRead(t *testing.T) {
	n := foci.Name{Bucket: "photos", Key: "key"}
	reserved := foci.Name{Bucket: "foci.policy", Key: "key"}
	for _, c := range []struct {
		rights   string
		protocol uint16
		name     foci.Name
		scope    wire.Scope
		want     bool
	}{
		{"*=r", 2, n, wire.ObjectScope(n), true},
		{"*=w", 2, n, wire.ObjectScope(n), false},
		{"photos=w,music=rw", 2, n, wire.ObjectScope(n), false},
		{"photos=rw", 2, n, wire.ObjectScope(n), true},
		{"*=w,photos=r", 2, n, wire.ObjectScope(n), true},
		{"admin", 2, reserved, wire.ObjectScope(reserved), true},
		{"*=rw", 1, n, wire.Scope{}, true},
		{"*=rw,admin", 2, n, wire.Scope{}, true},
		{"*=w", 1, n, wire.Scope{}, false},
	} {
		if got := MayRead(asker(t, c.rights, c.protocol), &c.scope, foci.ObjectID(c.name)); got != c.want {
			t.Errorf("%q may read %v: %v, want %v", c.rights, c.name, got, c.want)
		}
	}
}
