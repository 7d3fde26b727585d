package peer

import "time"

// LingerFor sets how long legs go on once their callers were answered. It is
// called before the first operation.
func (p *Peer) LingerFor(d time.Duration) { p.lingers = d }
