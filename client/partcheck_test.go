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
