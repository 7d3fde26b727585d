package mesh

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
)

// lose closes the channel that a link's only request is on, and gives the
// request as it then comes in a second time.
func lose(t *testing.T, l *Link, server *node) (first, second *Incoming) {
	t.Helper()
	first = <-server.held
	for _, ch := range l.channelList() {
		if ch.Class == foci.Reg {
			_ = ch.Conn.Close()
		}
	}
	return first, <-server.held
}

// TestRefusedTheSecondTime: a request whose channel was lost is sent again, and
// the peer refuses that copy. It need not have refused the first one.
func TestRefusedTheSecondTime(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	for _, twice := range []bool{false, true} {
		got := ask(t, l, &Request{Class: foci.Reg, Method: methodHold})
		var last *Incoming
		if twice {
			_, last = lose(t, l, server)
		} else {
			last = <-server.held
		}
		last.Fail(foci.Errorf(foci.Busy, "full"))
		o := get(t, got)
		var said *PeerError
		if !errors.As(o.err, &said) || foci.KindOf(o.err) != foci.Busy || said.Moved != twice {
			t.Errorf("sent twice: %v; answered %v", twice, o.err)
		}
	}
}

// TestRelayRefusedTheSecondTime: the same behind a forwarder. The asker cannot
// know of it, so it is told that it is not known what was done.
func TestRelayRefusedTheSecondTime(t *testing.T) {
	c := startChain(t, oneChannel)
	f := wire.Forward{Node: c.server.id, Method: methodHold, Class: foci.Reg}
	got := ask(t, c.toVia, &Request{Class: foci.Reg, Method: wire.MethodForward, Head: f.Append(nil)})
	_, last := lose(t, c.toServer, c.server)
	last.Fail(foci.Errorf(foci.Busy, "full"))
	if o := get(t, got); foci.KindOf(o.err) != foci.Unreachable {
		t.Errorf("answered %v", o.err)
	}
}

// TestPatienceBeginsAnew: how long a request waited for its first channel does
// not count when that is lost later and it waits for another.
func TestPatienceBeginsAnew(t *testing.T) {
	server, client := startNode(t, 1), startClient(t, oneChannel)
	l := connect(t, client, server, false)
	if _, err := l.Call(testContext(t), foci.Reg, methodEcho, nil, nil); err != nil { // now there is a channel
		t.Fatal(err)
	}
	q := &Request{Class: foci.Reg, Method: methodHold}
	q.Wait(-time.Hour)
	got := ask(t, l, q)
	_, last := lose(t, l, server)
	last.Reply(nil, nil)
	if o := get(t, got); o.err != nil {
		t.Error(o.err)
	}
}

// TestMovedWhileMoving: progress may be asked for at any time.
func TestMovedWhileMoving(t *testing.T) {
	server, client := startNode(t, 1), startClient(t)
	l := connect(t, client, server, false)
	for range 20 {
		q := &Request{Class: foci.Reg, Method: methodHold, Body: make([]byte, 32<<10)}
		got := ask(t, l, q)
		stop := make(chan struct{})
		var looks sync.WaitGroup
		for range 2 {
			looks.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = q.Moved()
					}
				}
			})
		}
		_, last := lose(t, l, server)
		close(stop)
		looks.Wait()
		last.Reply(nil, nil)
		if o := get(t, got); o.err != nil {
			t.Error(o.err)
		}
	}
}
