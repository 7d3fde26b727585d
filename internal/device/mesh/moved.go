package mesh

// Moved is how many bytes of a long request have been given to its channel, and
// of a long reply have arrived. While it changes the request is alive, however
// slow the way; messages short enough for one frame do not count.
func (q *Request) Moved() int64 {
	ch := q.channel.Load()
	if ch == nil {
		return 0
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if q.channel.Load() != ch { // lost, and sent again from the beginning
		return 0
	}
	n := int64(0)
	if q.out != nil {
		n = q.out.off
		if q.out.busy > 0 { // the writer has a part of it: what leaves may be that
			n += ch.count.bytesOut.Load()
		}
	}
	if s := ch.streams.get(q.id); s != nil && s.req == q && s.body != nil {
		n += int64(s.body.headLen) + s.body.size - s.left
	}
	return n
}
