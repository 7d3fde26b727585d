package mesh

import (
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// progress is how a long request arrives, as far as one look after the other
// can tell. Its zero value is that of a request that has just begun.
type progress struct {
	left int64         // bytes to come, when it last moved
	mark int64         // bytes that had come on the channel by then
	seen int64         // and at the last look
	idle time.Duration // for which its sender could have sent more of it, and did not
}

// look takes what is to be seen of a request that is arriving: bytes left,
// credit that its sender has for it and for the channel, bytes that have come on
// the channel and how many requests arrive there. It returns for how long the
// sender has had no excuse.
//
// Excuses are that we grant no credit, and that it was the turn of the others:
// senders send a piece of each in turn, which takes long on a slow path.
func (p *progress) look(left, credit, channelCredit, took int64, arriving int, passed time.Duration) time.Duration {
	moves := took > p.seen
	p.seen = took
	round := 2 * int64(arriving) * frame.MaxPiece
	switch {
	case left != p.left:
		p.left, p.mark, p.idle = left, took, 0
	case credit <= 0 || channelCredit <= 0:
	case moves && took-p.mark < round:
	default:
		p.idle += passed
	}
	return p.idle
}

// sweep ends requests of which nothing has come for too long, so that nobody
// holds places and memory with requests that never arrive.
func (ch *channel) sweep(now time.Time) {
	if ch.link != nil || mutant.On(mutant.StalledBody) {
		return
	}
	var late []*Body
	ch.mu.Lock()
	passed := now.Sub(ch.swept)
	if ch.swept.IsZero() {
		passed = 0
	}
	ch.swept = now
	arriving := 0
	ch.streams.each(func(s *stream) {
		if s.arriving() {
			arriving++
		}
	})
	if arriving > 0 {
		ch.streams.each(func(s *stream) {
			if s.arriving() && s.pace.look(s.left, s.credit, ch.credit, ch.took, arriving, passed) >= ch.mesh.cfg.Timing.Progress {
				late = append(late, s.body)
			}
		})
	}
	ch.mu.Unlock()
	for _, b := range late {
		b.stall(ch.mesh.cfg.Timing.Progress)
	}
}

// arriving reports whether more of a request is to come that is wanted.
func (s *stream) arriving() bool { return s.in != nil && s.body != nil && s.left > 0 }

// stall fails a request that does not arrive. Nothing was done for it.
func (b *Body) stall(after time.Duration) {
	err := &foci.Error{
		Kind: foci.Busy, Msg: "the request was given up: no more of it came for " + after.String(), RetryAfter: time.Second,
		Fix: "send it again",
	}
	b.mu.Lock()
	if b.served.Load() && b.arrived == b.size { // the rest has just come
		b.mu.Unlock()
		return
	}
	b.end(err)
	b.failHeadless(err)
}
