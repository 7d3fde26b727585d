package stream

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/link"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	methodEcho wire.Method = 100 + iota // body and head come back
	methodSink                          // an empty answer once the body is there
)

// answerAll serves the methods above.
func answerAll(in *Incoming) {
	in.Collect(func(err error) {
		switch {
		case err != nil:
			in.Fail(err)
		case in.Method == methodSink:
			in.Reply(nil, nil)
		default:
			in.Reply(in.Head, in.Body)
		}
	})
}

// config is that of the channels of one test, which ends when they have.
func config(t testing.TB) *Config {
	var tasks sync.WaitGroup
	t.Cleanup(tasks.Wait)
	collecting := new(Budget)
	collecting.Limit(65536, 512<<20)
	return &Config{
		Handler: HandlerFunc(answerAll), Window: frame.DefWindow, Collecting: collecting,
		Shares:     NewShares(&Limits{Conns: 16384, Requests: 65536, Bytes: 512 << 20, ReplyBytes: 256 << 20, Relays: 4096, RelayBytes: 128 << 20}),
		Now:        func() int64 { return time.Now().UnixNano() },
		Go:         tasks.Go,
		Closed:     func(*Server, error) {},
		QueueBytes: 1 << 20, ChannelBytes: 64 << 20, WriteTimeout: 30 * time.Second, Progress: 30 * time.Second,
	}
}

func opened(conn net.Conn) *handshake.Opened {
	return &handshake.Opened{
		Conn: conn, Peer: handshake.Identity{Protocol: wire.MaxProtocol}, Class: foci.Bulk,
		Window: frame.DefWindow, Streams: 4096,
	}
}

// the channels of tests have no owner: their requests are not moved.
type nobody struct{}

func (nobody) Lost(*Client, error)                       {}
func (nobody) Orphaned(q *Request, _ *Client, why error) { q.Fail(why) }
func (nobody) Draining(*Client)                          {}
func (nobody) Pinged(time.Duration, *ClockReading)       {}

// dial serves one end of a connection as the dialling side of a channel.
func dial(t testing.TB, cfg *Config, conn net.Conn) *Client {
	c := NewClient(cfg, opened(conn))
	c.Attach(nobody{}, link.Conn(1), 0)
	cfg.Go(c.Run)
	t.Cleanup(func() { c.Close(errShutdown) })
	return c
}

// serve serves one end of a connection as the listening side of a channel.
func serve(t testing.TB, cfg *Config, conn net.Conn) *Server {
	s, err := NewServer(cfg, opened(conn))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Go(s.Run)
	t.Cleanup(func() { s.Close(errShutdown) })
	return s
}

// by is what sends to a channel, for [Call].
type by struct {
	*Client
	quota *Quota
}

func (b by) Node() foci.NodeID { return foci.NodeID{9} }

func (b by) Send(q *Request) error {
	if ok, err := q.Begin(b.quota, false); !ok {
		return err
	}
	return q.Begun(b.Client.Send(q))
}

// sender sends to a channel within ample limits.
func sender(c *Client) by {
	sent, quota := new(Sent), new(Quota)
	sent.Limit(65536, 512<<20)
	var classes [foci.NumClasses]int64
	for i := range classes {
		classes[i] = 128 << 20
	}
	quota.Init(foci.NodeID{9}, sent, 16384, 128<<20, classes)
	return by{c, quota}
}

func call(t testing.TB, to Sender, m wire.Method, head, body []byte) *Reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := Call(ctx, to, foci.Bulk, m, head, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
