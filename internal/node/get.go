package node

import (
	"github.com/foci-store/foci/internal/core/access"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/serve"
)

// query answers a version query: the replica's vote on an object, with the content
// when it is small and wanted.
func (n *Node) query(in *mesh.Incoming, m *wire.Query) {
	n.noteArrival(in, &m.Target)
	b := n.voter(in, &m.Target, &m.ID)
	if b == nil {
		return
	}
	vote, rec, err := b.Query(visible(in, b, &m.Scope, m.ID), m.Inline)
	if err != nil {
		in.Fail(err)
		return
	}
	reply := wire.QueryReply{Epoch: m.Epoch, Clock: n.cfg.Now(), Vote: vote}
	if m.Inline == 0 && !access.MayRead(serve.Asker(in), &m.Scope, m.ID) && !mutant.On(mutant.WriterSums) {
		reply.Vote.Sum = record.Hash{} // it would confirm a guess of the content
	}
	var body []byte
	if rec != nil && (m.Inline > 0 || mutant.On(mutant.EmptyInline)) {
		reply.Inline, reply.Entry, reply.Meta, body = true, rec.Entry, rec.Meta, rec.Payload
	}
	in.Reply(reply.Append(make([]byte, 0, 160)), body)
}

// fetch serves an object's log and content.
func (n *Node) fetch(in *mesh.Incoming, m *wire.Fetch) {
	n.noteArrival(in, &m.Target)
	b := n.backend(in, &m.Target, &m.ID)
	if b == nil {
		return
	}
	m.ID = visible(in, b, &m.Scope, m.ID)
	reply, content, err := b.Open(m)
	var body []byte
	short := content.Size() <= wholeFetch || mutant.On(mutant.WholeFetch)
	if err == nil && short {
		body = make([]byte, content.Size())
		_, err = content.ReadAt(body, 0)
	}
	if err != nil {
		in.Fail(err)
		return
	}
	reply.Epoch = m.Epoch
	if short {
		in.Reply(reply.Append(nil), body)
		return
	}
	in.ReplySource(reply.Append(nil), content)
}

// wholeFetch is the longest payload that fetch reads at once, on a goroutine where
// waiting for a disk delays nothing else. The goroutine that writes the channel
// reads a longer payload, a block at a time as the asker grants credit: it takes
// no memory while it waits, and a slow disk slows that channel only.
const wholeFetch = 64 << 10

// list serves a page of a bucket's keys.
func (n *Node) list(in *mesh.Incoming, m *wire.List) {
	n.noteArrival(in, &m.Target)
	b := n.voter(in, &m.Target, nil)
	if b == nil {
		return
	}
	reply, err := b.List(m)
	if err != nil {
		in.Fail(err)
		return
	}
	reply.Epoch = m.Epoch
	in.Reply(reply.Append(nil), nil)
}
