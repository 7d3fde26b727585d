package mesh

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/device/mesh/stream"
)

// TestOneReset: the busiest of six channels is reset under the load of 256
// callers. No request fails, no other channel closes, those that were on it are
// answered by its siblings. It shows the p99 of the requests that were on other
// channels, after and before, the median of five.
func TestOneReset(t *testing.T) {
	server := startNode(t, 1)
	client := startNode(t, 2, func(cfg *Config) { cfg.Eager = true })
	l := connect(t, client, server, true)
	waitFor(t, "all channels", func() bool { return openOf(l, foci.Reg) == DefaultChannels[foci.Reg] })
	load := newResetLoad(t, l)
	const window = 200 * time.Millisecond
	var ratios []float64
	for range 5 {
		load.window()
		time.Sleep(window) // of measuring
		before := load.window()
		ch := busiest(l)
		others := slices.DeleteFunc(ids(l), func(id link.Conn) bool { return id == ch.ID })
		_ = ch.Conn.(*net.TCPConn).SetLinger(0)
		_ = ch.Conn.Close()
		time.Sleep(window)
		after := load.window()
		now := ids(l)
		for _, id := range others {
			if !slices.Contains(now, id) {
				t.Errorf("channel %d was closed too", id)
			}
		}
		ratios = append(ratios, float64(after)/float64(before))
		waitFor(t, "it to be dialled again", func() bool { return openOf(l, foci.Reg) == DefaultChannels[foci.Reg] })
	}
	slices.Sort(ratios)
	load.end()
	t.Logf("p99 of the others × %.2f (median of %.2f), %d requests moved, %d answered", ratios[2], ratios, l.Stats().Moved, load.answered)
	if l.Stats().Moved == 0 {
		t.Error("nothing was on the channel that was reset")
	}
}

// resetLoad are callers who ask all the time.
type resetLoad struct {
	stop  chan struct{}
	tasks sync.WaitGroup

	mu       sync.Mutex
	took     []time.Duration // of requests that stayed where they were
	answered int
}

func newResetLoad(t *testing.T, l *Link) *resetLoad {
	v := &resetLoad{stop: make(chan struct{})}
	for range 256 {
		v.tasks.Go(func() {
			got := make(chan error, 1)
			for {
				select {
				case <-v.stop:
					return
				default:
				}
				q := &Request{Class: foci.Reg, Method: methodEcho, Body: make([]byte, 1000)}
				q.Done = func(_ *Reply, err error) { got <- err }
				began := time.Now()
				err := l.Send(q)
				if err == nil {
					err = <-got
				}
				if err != nil {
					t.Errorf("a request failed: %v", err)
					return
				}
				v.mu.Lock()
				v.answered++
				if _, moves := q.Waiting(); moves == 0 {
					v.took = append(v.took, time.Since(began))
				}
				v.mu.Unlock()
			}
		})
	}
	return v
}

// window is the p99 since it was last asked.
func (v *resetLoad) window() time.Duration {
	v.mu.Lock()
	all := v.took
	v.took = nil
	v.mu.Unlock()
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)*99/100]
}

func (v *resetLoad) end() {
	close(v.stop)
	v.tasks.Wait()
}

func openOf(l *Link, class foci.Class) int { return len(*l.open[class].Load()) }

func ids(l *Link) []link.Conn {
	var list []link.Conn
	for _, ch := range l.channelList() {
		list = append(list, ch.ID)
	}
	return list
}

func busiest(l *Link) *stream.Client {
	list := *l.open[foci.Reg].Load()
	return slices.MaxFunc(list, func(a, b *stream.Client) int { return int(inFlight(a) - inFlight(b)) })
}

// TestLinkedLosesAll: with linked channels the loss of one closes all, fails
// what was on them, and the link comes back with the same ones.
func TestLinkedLosesAll(t *testing.T) {
	server := startNode(t, 1)
	client := startNode(t, 2, func(cfg *Config) { cfg.Links, cfg.Eager = Linked, true })
	l := connect(t, client, server, true)
	all := func() bool {
		return l.Up() && openOf(l, foci.Reg) == 6 && openOf(l, foci.Bulk) == 3 && openOf(l, foci.Recovery) == 2
	}
	waitFor(t, "all channels", all)
	before := ids(l)
	held := ask(t, l, &Request{Class: foci.Bulk, Method: methodHold})
	<-server.held
	_ = busiest(l).Conn.Close()
	if o := get(t, held); foci.KindOf(o.err) != foci.Unreachable {
		t.Fatalf("%v", o.err)
	}
	waitFor(t, "all channels again", all)
	for _, id := range ids(l) {
		if slices.Contains(before, id) {
			t.Errorf("channel %d outlived the others", id)
		}
	}
}

// TestStates: a peer that is killed is suspected within 100 ms, and then down.
func TestStates(t *testing.T) {
	server, client := startNode(t, 1), startNode(t, 2)
	l := connect(t, client, server, true)
	if e := <-client.events; e.State != link.Up {
		t.Fatalf("%+v", e)
	}
	waitFor(t, "ping and state", func() bool { // no dial is under way then
		return openOf(l, foci.Ping) == 1 && l.open[foci.State].Load() != nil && openOf(l, foci.State) == 1
	})
	server.mu.Lock()
	began := time.Now()
	for _, ln := range server.listeners {
		_ = ln.Close()
	}
	for ch := range server.inbound {
		_ = ch.Conn.Close()
	}
	server.mu.Unlock()
	if e := <-client.events; e.State != link.Suspect || e.Err == nil || e.Up {
		t.Fatalf("%+v", e)
	}
	if d := time.Since(began); d > 100*time.Millisecond {
		t.Errorf("it took %v to suspect it", d)
	}
	if e := <-client.events; e.State != link.Down || e.Err == nil {
		t.Fatalf("%+v", e)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("it took %v to give it up", d)
	}
	if l.State() != link.Down || l.Stats().OneWay {
		t.Errorf("%+v", l.Stats())
	}
	// It has a way to us, and that is shown.
	_ = connect(t, server, client, false)
	waitFor(t, "one way only", func() bool { return l.Stats().OneWay })
}

// TestTwoTables: a peer that is reached by two tables has a ping channel by each
// and the class that prefers one goes by it. When packets vanish on that table
// what was on it moves to the other, and the peer stays up.
func TestTwoTables(t *testing.T) {
	server := startNode(t, 1, func(cfg *Config) {
		cfg.Listen = []Listener{{Addr: "127.0.0.1:0", Table: 0}, {Addr: "127.0.0.1:0", Table: 1}}
	})
	zero, one := server.Addrs()[0].String(), server.Addrs()[1].String()
	var by [2]cable
	client := startNode(t, 2, func(cfg *Config) {
		cfg.Timing.PingEvery = 100 * time.Millisecond
		cfg.Timing.Handshake = 200 * time.Millisecond
		cfg.Classes[foci.Recovery].Tables = []foci.Table{1, 0}
		cfg.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			if addr == one {
				return by[1].dial(ctx, network, addr)
			}
			return by[0].dial(ctx, network, addr)
		}
	})
	addrs := at(zero, one)
	addrs[1].Table = 1
	l, err := client.AddPeer(Peer{Node: server.id, Addrs: addrs, Eager: true})
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a ping channel by each table", func() bool { return openOf(l, foci.Ping) == 2 })
	held := ask(t, l, &Request{Class: foci.Recovery, Method: methodHold})
	if in := <-server.held; in.From.Table != 1 {
		t.Fatalf("it came by table %d", in.From.Table)
	}
	by[1].blackHole(true)
	in := <-server.held // again
	if in.From.Table != 0 || !l.Up() || l.Stats().Moved != 1 {
		t.Errorf("it came again by table %d, the peer is %v", in.From.Table, l.State())
	}
	in.Reply(nil, nil)
	if o := get(t, held); o.err != nil {
		t.Fatal(o.err)
	}
	by[1].blackHole(false)
	waitFor(t, "the second table again", func() bool { return openOf(l, foci.Ping) == 2 })
	for len(client.events) > 0 {
		if e := <-client.events; !e.Up {
			t.Errorf("%+v", e)
		}
	}
}
