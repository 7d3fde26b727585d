package mesh

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/share"
	"github.com/foci-store/foci/internal/core/wire"
)

// passes is a node that counts each request as one of the client that its head
// names, and a link of a member, the relay, to it.
func passes(t *testing.T, change func(*Limits)) (nd *node, relay *Link) {
	t.Helper()
	nd = startNode(t, 1, func(c *Config) {
		change(&c.Limits)
		serve := c.Handler
		c.Handler = HandlerFunc(func(in *Incoming) {
			if asker := string(in.Head); asker != "" {
				if err := in.Rebill(share.Who{Principal: rights.Client(asker)}); err != nil {
					in.Fail(err)
					return
				}
			}
			serve.Serve(in)
		})
	})
	return nd, connect(t, startNode(t, 2, oneChannel), nd, false)
}

// passed is a request that is passed on for a client; "" is the relay itself.
func passed(asker string, method wire.Method, size int) *Request {
	return &Request{Class: foci.Bulk, Method: method, Head: []byte(asker), Body: make([]byte, size)}
}

// fill passes requests on until one is refused, and returns those that nd holds.
func fill(t *testing.T, relay *Link, nd *node, asker string, size int) (held []*Incoming, err error) {
	t.Helper()
	return hold(t, relay, nd, 200, func() *Request { return passed(asker, methodHold, size) })
}

// spent reports whether an error says that a client holds all that it may.
func spent(err error, asker string) bool {
	return foci.KindOf(err) == foci.Busy && strings.Contains(err.Error(), "client/"+asker+" holds its share")
}

// TestRelayedRequestsAreTheAskers: a client whose requests come by way of a
// member holds an eighth at most, all such clients leave a quarter to members,
// and what is refused is given back.
func TestRelayedRequestsAreTheAskers(t *testing.T) {
	nd, relay := passes(t, func(l *Limits) { l.Requests = 80 })
	held, err := fill(t, relay, nd, "web", 10)
	if len(held) != 10 || !spent(err, "web") {
		t.Fatalf("%d requests of one client are held, then: %v", len(held), err)
	}
	if top := nd.Stats().Shares.Requests.Top; len(top) != 1 || top[0].Principal != "client/web" || top[0].Used != 10 {
		t.Errorf("stats: %+v", top)
	}
	for _, asker := range []string{"a", "b", "c", "d", "e", "f"} {
		more, _ := fill(t, relay, nd, asker, 10)
		held = append(held, more...)
	}
	own, err := fill(t, relay, nd, "", 10)
	if len(held) != 60 || len(own) != 20 || foci.KindOf(err) != foci.Busy {
		t.Errorf("clients hold %d requests, the relay %d, then: %v", len(held), len(own), err)
	}
	for _, in := range append(held, own...) {
		in.Reply(nil, nil)
	}
	idle(t, nd.Mesh)
}

// TestRelayedBytesAreTheAskers: those that come first, and those that come later.
func TestRelayedBytesAreTheAskers(t *testing.T) {
	nd, relay := passes(t, func(l *Limits) { l.Bytes = 8 << 20 })
	held, err := fill(t, relay, nd, "web", 60<<10)
	if len(held) != 17 || !spent(err, "web") {
		t.Fatalf("%d of 60 KiB are held, then: %v", len(held), err)
	}
	if o := get(t, ask(t, relay, passed("web", methodSink, 4<<20))); foci.KindOf(o.err) != foci.Busy {
		t.Errorf("a long one: %v", o.err)
	}
	if o := get(t, ask(t, relay, passed("db", methodSink, 4<<20))); o.err != nil {
		t.Errorf("another client's: %v", o.err)
	}
	for _, in := range held[1:] {
		in.Reply(nil, nil)
	}
	// One is held, so this one must grow within an eighth.
	if o := get(t, ask(t, relay, passed("web", methodEcho, 4<<20))); !spent(o.err, "web") {
		t.Errorf("a long one grew beyond the share: %v", o.err)
	}
	held[0].Reply(nil, nil)
	idle(t, nd.Mesh)
}

// TestRelayedRepliesAreTheAskers: replies that a relay's client does not read use
// up its own share of the memory for replies.
func TestRelayedRepliesAreTheAskers(t *testing.T) {
	nd, relay := passes(t, func(l *Limits) { l.ReplyBytes = 8 << 20 })
	unread := func(asker string) (*Body, error) {
		q := passed(asker, methodEcho, 400<<10)
		q.Stream = true
		o := get(t, ask(t, relay, q))
		if o.err != nil {
			return nil, o.err
		}
		return o.reply.Stream, nil
	}
	var open []*Body
	b, err := unread("web")
	for ; err == nil && len(open) < 3; b, err = unread("web") {
		open = append(open, b)
	}
	if len(open) != 2 || !spent(err, "web") {
		t.Fatalf("%d unread replies of 400 KiB, then: %v", len(open), err)
	}
	if o := get(t, ask(t, relay, passed("web", methodEcho, 4000))); o.err != nil {
		t.Errorf("a short reply: %v", o.err)
	}
	if b, err = unread("db"); err != nil {
		t.Fatalf("another client: %v", err)
	}
	if s := nd.Stats().Shares.Replies; s.Used < 1200<<10 || len(s.Top) != 2 || s.Top[0].Principal != "client/web" {
		t.Errorf("stats: %+v", s)
	}
	for _, b := range append(open, b) {
		if _, err := b.ReadAll(); err != nil {
			t.Error(err)
		}
	}
	idle(t, nd.Mesh)
}

// TestRelayedRequestsGiveBack: whatever becomes of relayed requests (answered,
// canceled, refused, cut off with their channel before or after the answer), in
// the end no asker is counted for anything and nothing is kept of any.
func TestRelayedRequestsGiveBack(t *testing.T) {
	nd, relay := passes(t, func(l *Limits) { l.Requests, l.Bytes, l.ReplyBytes = 400, 32<<20, 32<<20 })
	askers := []string{"web", "db", "", "mail"}
	for i := range 200 {
		q := passed(askers[i%len(askers)], methodEcho, []int{0, 10, 5000, 20 << 10, 300 << 10}[i%5])
		q.Stream = i%3 == 0
		o := get(t, ask(t, relay, q))
		if o.err != nil {
			t.Fatal(o.err)
		}
		if o.reply.Stream != nil {
			_ = o.reply.Stream.Close() // half of them before the end
		}
	}
	var held []*Incoming
	begin := func(by *Link) (all []*Request) {
		for i := range 40 {
			q := passed(askers[i%len(askers)], methodHold, []int{10, 20 << 10, 10, 10, 100 << 10, 20 << 10, 10}[i%7]) // 100 KiB arrive in parts
			ask(t, by, q)
			held, all = append(held, <-nd.held), append(all, q)
		}
		return all
	}
	for i, q := range begin(relay) {
		if i%3 > 0 {
			q.Cancel()
		}
	}
	dies := startNode(t, 3, oneChannel)
	link := connect(t, dies, nd, false)
	begin(link)
	for range 3 {
		q := passed("mail", methodEcho, 400<<10)
		q.Stream = true // and it is not read
		if o := get(t, ask(t, link, q)); o.err != nil {
			t.Fatal(o.err)
		}
	}
	more, err := fill(t, relay, nd, "web", 10)
	if !spent(err, "web") {
		t.Fatal(err)
	}
	_ = dies.Close()
	waitFor(t, "its channels to be lost", func() bool { return nd.Stats().Shares.Conns.Used == 2 }) // of relay
	for _, in := range append(held, more...) {
		in.Reply(make([]byte, len(in.Head)), nil)
	}
	idle(t, nd.Mesh)
	if n := nd.shares.Parts(); n != 1 { // that of members
		t.Errorf("%d parts are kept: %+v", n, nd.shares.Stats())
	}
}
