package mesh

import (
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// TestRepliesPerPrincipal: a client that reads none of its replies is told busy
// once they fill what it may hold, other clients are served, and short replies
// are never refused.
func TestRepliesPerPrincipal(t *testing.T) {
	home := newPKI(t, "test")
	nd := startNode(t, 1, with(home.node(nodeID(1), time.Now())), func(c *Config) { c.Limits.ReplyBytes = 8 << 20 })
	l := connect(t, startClient(t, with(home.client("web")), oneChannel), nd, false)
	var open []*Body
	var err error
	for len(open) < 4 && err == nil { // four use up the credit of the channel
		// The reply's window of credit is used up, and the rest waits at the node.
		o := get(t, ask(t, l, &Request{Class: foci.Reg, Method: methodEcho, Body: make([]byte, 400<<10), Stream: true}))
		if err = o.err; err == nil {
			open = append(open, o.reply.Stream)
		}
	}
	if len(open) != 2 || foci.KindOf(err) != foci.Busy || !strings.Contains(err.Error(), "client/web holds its share") {
		t.Fatalf("%d unread replies of 400 KiB, then: %v", len(open), err)
	}
	if _, err := l.Call(testContext(t), foci.Reg, methodEcho, nil, make([]byte, 4000)); err != nil {
		t.Errorf("a short reply: %v", err)
	}
	db := connect(t, startClient(t, with(home.client("db")), oneChannel), nd, false)
	if _, err := db.Call(testContext(t), foci.Reg, methodEcho, nil, make([]byte, 400<<10)); err != nil {
		t.Errorf("another client: %v", err)
	}
	if s := nd.Stats().Shares.Replies; s.Used < 800<<10 || s.Used > 1<<20 || s.Top[0].Principal != "client/web" {
		t.Errorf("stats: %+v", s)
	}
	for _, b := range open {
		if _, err := b.ReadAll(); err != nil {
			t.Error(err)
		}
	}
	idle(t, nd.Mesh)
}

// TestCloggedChannelIsReadNoFurther: short replies are never refused, so a peer
// that does not read them is not asked for more requests.
func TestCloggedChannelIsReadNoFurther(t *testing.T) {
	nd := startNode(t, 1, func(c *Config) { c.Limits.ReplyBytes = 1 << 20 })
	r := rawDial(t, nd.addr)
	r.hello(nil)
	request := func(i int) []byte {
		return frame.Append(nil, &frame.Header{Type: frame.Request, Method: methodEcho, Stream: uint32(i)<<16 | 1, Head: 4000}, make([]byte, 4000), nil)
	}
	_ = r.conn.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
	sent := 0
	for ; sent < 20000; sent++ {
		if _, err := r.conn.Write(request(sent%60000 + 1)); err != nil {
			break // nothing is read there any more
		}
	}
	if sent == 20000 {
		t.Fatal("80 MB of requests were taken in while no reply was read")
	}
	if used := nd.Stats().Shares.Replies.Used; used > 2<<20 {
		t.Errorf("%d bytes of replies are in memory", used)
	}
	// Whoever begins to read gets all of them.
	for range sent {
		if h, _ := r.await(frame.Reply); h.Flags != 0 {
			t.Fatalf("%+v", h)
		}
	}
	_ = r.conn.Close()
	idle(t, nd.Mesh)
}

// TestDamagedSource: what a source fails with is what the one who asked is told,
// in the middle of the reply too.
func TestDamagedSource(t *testing.T) {
	server := startNode(t, 1, func(c *Config) {
		c.Handler = HandlerFunc(func(in *Incoming) { in.ReplySource(nil, &damagedSource{pattern(1 << 20)}) })
	})
	l := connect(t, startClient(t, oneChannel), server, false)
	if _, err := l.Call(testContext(t), foci.Reg, methodGive, nil, nil); foci.KindOf(err) != foci.Corrupt || !strings.Contains(err.Error(), "the disk is damaged") {
		t.Errorf("%v", err)
	}
}

type damagedSource struct{ pattern }

func (s *damagedSource) ReadAt(p []byte, off int64) (int, error) {
	if off > 500<<10 {
		return 0, foci.Errorf(foci.Corrupt, "the disk is damaged")
	}
	return s.pattern.ReadAt(p, off)
}
