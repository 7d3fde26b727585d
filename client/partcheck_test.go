package client_test

import (
	"errors"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// TestPartOfAnotherObject is refused, also when it is empty or came as text.
func TestPartOfAnotherObject(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	u := beginUpload(t, s, "k")
	mine := putPart(t, u, 1, []byte("mine"))
	for _, n := range []foci.Name{{Bucket: "other", Key: "k"}, name("other")} {
		other, err := s.Upload(n)
		if err != nil {
			t.Fatal(err)
		}
		for _, content := range []string{"", "other"} {
			p := putPart(t, other, 2, []byte(content))
			var back client.Part
			if err := back.UnmarshalText(must(p.MarshalText())); err != nil {
				t.Fatal(err)
			}
			if _, err := u.Complete(t.Context(), []client.Part{mine, back}, client.PutOptions{}); !errors.Is(err, foci.Invalid) {
				t.Errorf("complete with a part of %v: %v", n, err)
			}
			if err := u.Abort(t.Context(), back); !errors.Is(err, foci.Invalid) {
				t.Errorf("abort of a part of %v: %v", n, err)
			}
		}
	}
	if _, err := u.Complete(t.Context(), []client.Part{mine}, client.PutOptions{}); err != nil {
		t.Error(err)
	}
}

// TestChangedPart: a part that the caller made or changed is refused.
func TestChangedPart(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	u := beginUpload(t, s, "k")
	p := putPart(t, u, 1, []byte("content"))
	changed := func(change func(p *client.Part)) client.Part {
		p := p
		change(&p)
		return p
	}
	for what, bad := range map[string]client.Part{
		"zero": {}, "made": {Number: 1, Size: 5}, "made, empty": {Number: 1},
		"emptied":      changed(func(p *client.Part) { p.Size = 0 }),
		"longer":       changed(func(p *client.Part) { p.Size++ }),
		"number 0":     changed(func(p *client.Part) { p.Number = 0 }),
		"large number": changed(func(p *client.Part) { p.Number = foci.MaxParts + 1 }),
	} {
		if _, err := u.Complete(t.Context(), []client.Part{bad}, client.PutOptions{}); !errors.Is(err, foci.Invalid) {
			t.Errorf("%s: complete: %v", what, err)
		}
		if err := u.Abort(t.Context(), bad); !errors.Is(err, foci.Invalid) {
			t.Errorf("%s: abort: %v", what, err)
		}
		if text, err := bad.MarshalText(); !errors.Is(err, foci.Invalid) {
			t.Errorf("%s: text %q, %v", what, text, err)
		}
	}
	if _, err := u.Complete(t.Context(), []client.Part{p}, client.PutOptions{}); err != nil {
		t.Error(err)
	}
}
