package node_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestUnreadFetchesAreNotInMemory: 192 fetches of 4 MiB whose answers are not
// read take next to no memory of the node, and their bytes come once they are.
func TestUnreadFetchesAreNotInMemory(t *testing.T) {
	cfg := config(t)
	n := start(t, cfg)
	l := dial(t, n)
	if _, err := call(t, l, store(cfg.Layout, "key", strings.Repeat("x", foci.MaxPayload))); err != nil {
		t.Fatal(err)
	}
	before := heap()
	f := &wire.Fetch{Target: target(cfg.Layout), ID: query(cfg.Layout).ID, MaxBytes: foci.MaxPayload}
	const fetches, perLink = 192, 16 // 64 MiB of answers may be on their way on one channel
	var ends [fetches]chan outcome
	var asked [fetches]*mesh.Request
	var link *mesh.Link
	for i := range fetches {
		if i%perLink == 0 {
			link = dial(t, n)
		}
		ends[i] = make(chan outcome, 1)
		q := &mesh.Request{Class: foci.Recovery, Method: wire.MethodFetch, Head: f.Append(nil), Stream: true}
		q.Done = func(r *mesh.Reply, err error) { ends[i] <- outcome{r, err} }
		if err := link.Send(q); err != nil {
			t.Fatal(err)
		}
		asked[i] = q
	}
	served := func() (sent int64) {
		for _, ch := range n.Mesh().Incoming {
			if ch.Class == foci.Recovery {
				sent += ch.Sent
			}
		}
		return sent
	}
	soon(t, "the answers", func() bool { return served() == fetches })
	// What clients have is in this process, too: four windows of each channel.
	held := n.Mesh().Shares.Replies.Used
	if grown := heap() - before; held > 40<<20 || grown > 80<<20 {
		t.Errorf("%d bytes of replies count, the heap has grown by %d", held, grown)
	}
	for _, q := range asked[perLink:] {
		q.Cancel()
	}
	readAll(t, ends[:perLink])
}

// outcome is what a fetch ended with.
type outcome struct {
	r   *mesh.Reply
	err error
}

// readAll reads the answers to some fetches all at once, for they share the credit
// of their channels.
func readAll(t *testing.T, ends []chan outcome) {
	t.Helper()
	read := make(chan error, len(ends))
	for _, end := range ends {
		go func() {
			o := <-end
			if o.err != nil {
				read <- o.err
				return
			}
			p, err := o.r.Stream.ReadAll()
			if err == nil && (len(p) != foci.MaxPayload || strings.Trim(string(p), "x") != "") {
				err = fmt.Errorf("%d bytes came, not those that were put", len(p))
			}
			read <- err
		}()
	}
	good := 0
	for range ends {
		switch err := <-read; {
		case err == nil:
			good++
		case foci.KindOf(err) != foci.Busy: // too many reads at a time
			t.Error(err)
		}
	}
	if good == 0 {
		t.Error("none was served")
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
