package sim

import (
	"strconv"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/check"
	"github.com/foci-store/foci/internal/core/quorum"
	"github.com/foci-store/foci/internal/core/record"
	"github.com/foci-store/foci/internal/core/wire"
)

// get resolves the object and then reads its content from a holder. If the content
// does not match the resolved vote, because an append came between or the version
// was destroyed, get starts again.
func (c *client) get(i int, level foci.Level, then func()) {
	cfg := c.config(level)
	r := quorum.NewRead(cfg, objectID(c.history[i].Key), uint32(c.Rand.IntN(2)*wire.MaxInline))
	c.run(r, cfg.Deadline, func() {
		found, err := r.Result()
		if err != nil {
			c.history[i].Outcome = check.Failed
			c.history[i].TestNote = foci.KindOf(err).String()
			then()
			return
		}
		g := &getting{client: c, op: i, found: found, read: []string{""}, then: then}
		g.retry = func() { c.get(i, level, then) }
		if found.Inline {
			g.take(&wire.FetchReply{Entries: []wire.FetchedEntry{{Entry: found.Entry, Bytes: found.Entry.Length}}}, found.Payload)
			g.end(nil)
			return
		}
		g.page(found.Vote.Base)
	})
}

// getting is a get whose content is being read.
type getting struct {
	*client
	op    int
	found quorum.Found
	got   record.Vote
	read  []string
	retry func()
	then  func()
}

// page reads the holder's log from a version on.
func (g *getting) page(from foci.Version) {
	if g.found.Vote.Count == 0 {
		g.end(nil)
		return
	}
	cfg := g.config(foci.Quorum)
	cfg.Plan.Groups = g.found.Holders
	id := objectID(g.history[g.op].Key)
	y := quorum.NewAny(cfg, wire.Fetch{ID: id, From: from, To: g.found.Vote.Newest, Limit: 16, MaxBytes: foci.MaxPayload})
	g.run(y, cfg.Deadline, func() {
		m, body, err := y.Result()
		if err != nil {
			g.end(err)
			return
		}
		g.take(m, body)
		if last := m.Entries[len(m.Entries)-1].Version; m.More {
			g.page(last.Next())
			return
		}
		g.end(nil)
	})
}

// take keeps the resolved base and the appends above it. It ignores another base,
// which is newer than the resolved vote.
func (g *getting) take(m *wire.FetchReply, body []byte) {
	for k := range m.Entries {
		e := &m.Entries[k]
		value := string(body[:e.Bytes])
		body = body[e.Bytes:]
		switch {
		case !e.Op.IsBase():
			g.read = append(g.read, value)
		case e.Version == g.found.Vote.Base:
			g.read[0] = value
		default:
			continue
		}
		g.got.Sum = g.got.Sum.Add(e.Sum())
		g.got.Count++
	}
}

func (g *getting) end(err error) {
	v := &g.found.Vote
	switch {
	case err != nil && foci.KindOf(err) != foci.NotFound:
		g.history[g.op].Outcome = check.Failed
		g.history[g.op].TestNote = foci.KindOf(err).String()
		g.then()
	case (g.got.Sum != v.Sum || g.got.Count != v.Count) && g.mutant != NewestOnly && g.mutant != NoWriteBack:
		g.retry()
	default:
		g.history[g.op].Read = g.read
		g.finish(g.op, v.Newest, nil)
		g.then()
		if g.early() && g.Chance(0.15) && !g.over {
			g.After(0, g.blackout) // a value that a get returned must survive
		}
	}
}

// early reports whether the newest value read is of a write that is still pending.
func (g *getting) early() bool {
	i, err := strconv.Atoi(strings.TrimSuffix(g.read[len(g.read)-1], "."))
	return err == nil && g.history[i].Return == 0
}
