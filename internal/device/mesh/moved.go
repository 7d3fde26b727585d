package mesh

// Moved is how far the bodies of a request and of its reply have come: own is
// how many bytes of a long request have been given to its channel, and of a long
// reply have arrived. While it changes the request is alive, however slow the
// link; messages short enough for one frame do not count.
//
// Before that, a body may wait for its turn on the channel: others is how many
// bytes of other long messages have moved there, in the direction that the
// request waits for; 0 when it does not wait.
func (q *Request) Moved() (own, others int64) {
	ch := q.channel.Load()
	if ch == nil {
		return 0, 0
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if q.channel.Load() != ch { // lost, and sent again from the beginning
		return 0, 0
	}
	o := q.out
	leaving := o != nil && !o.dead && o.off < o.size
	if o != nil {
		own = o.off
		if o.busy > 0 { // the writer has a part of it: what leaves may be that
			own += ch.count.bytesOut.Load()
		}
	}
	s := ch.streams.get(q.id)
	switch {
	case s == nil || s.req != q:
	case s.body != nil:
		own += int64(s.body.headLen) + s.body.size - s.left
	case leaving:
		others = ch.count.longOut.Load()
	default:
		others = ch.took
	}
	return own, others
}
