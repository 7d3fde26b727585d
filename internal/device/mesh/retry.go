package mesh

// Retry lets the next attempt to reach the peer begin now: somebody has said
// that it is there.
func (l *Link) Retry() { l.revive() }
