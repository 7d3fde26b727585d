package mesh

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
)

// TestResendAvoidsAChannel: a request that must not take a channel takes another
// one, which is opened when there is none yet. Meanwhile the channel does.
func TestResendAvoidsAChannel(t *testing.T) {
	server, client := startNode(t, 1), startClient(t)
	l := connect(t, client, server, false)
	// by sends a request and says by which channel it went.
	by := func(avoid link.Conn) (ch link.Conn) {
		q := &Request{Class: foci.Reg, Method: methodHold, Avoid: avoid}
		got := ask(t, l, q)
		in := <-server.held
		ch, _ = q.Channel()
		in.Reply(nil, nil)
		if o := get(t, got); o.err != nil {
			t.Fatal(o.err)
		}
		return ch
	}
	stalled := by(0)
	if again := by(0); again != stalled || stalled == 0 {
		t.Fatalf("by channel %d, %d is idle", again, stalled)
	}
	if only := by(stalled); only != stalled {
		t.Fatalf("by channel %d, there is %d alone", only, stalled)
	}
	waitFor(t, "a second channel", func() bool { return len(*l.open[foci.Reg].Load()) > 1 })
	if by(stalled) == stalled {
		t.Error("by the channel to avoid, although there is another")
	}
}
