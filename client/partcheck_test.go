package client_test

import (
	"bytes"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

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

// TestSmallPartsMemory: a small part needs little memory, whether its size is known or
// not.
func TestSmallPartsMemory(t *testing.T) {
	const parts, most = 20, 256 << 10
	u := beginUpload(t, newCluster(t, 1, 1).dial(client.SessionOptions{}), "k")
	for _, size := range []int64{1, -1} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range parts {
			if _, err := u.Part(t.Context(), i+1, iotest.OneByteReader(strings.NewReader("x")), size); err != nil {
				t.Fatal(err)
			}
		}
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / parts
		t.Logf("size %d: %d KiB for each part of one byte", size, each>>10)
		if each > most {
			t.Errorf("size %d: %d KiB for each part of one byte, want at most %d", size, each>>10, most>>10)
		}
	}
}

// TestPartSizes is the sizes at which a part that is read once is cut differently.
func TestPartSizes(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	all := random(6*chunk+1, 7)
	for _, size := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk, 6*chunk + 1} {
		for _, told := range []int64{int64(size), -1} {
			u := beginUpload(t, s, "k")
			if p, err := u.Part(t.Context(), 1, iotest.DataErrReader(bytes.NewReader(all[:size])), told); err != nil || p.Size != int64(size) {
				t.Fatalf("%d bytes, told %d: %+v, %v", size, told, p, err)
			}
			res, err := u.Complete(t.Context(), nil, client.PutOptions{})
			if err != nil || res.Chunks != (size+chunk-1)/chunk || !bytes.Equal(get(t, s, "k", client.GetOptions{}), all[:size]) {
				t.Errorf("%d bytes, told %d: %+v, %v", size, told, res, err)
			}
		}
	}
}
