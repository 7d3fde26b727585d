package route

import "github.com/foci-store/foci"

// upLogSize is how many of the links that came up last can still be named.
const upLogSize = 64

// UpLog numbers the links that come up, so that a client that watches learns
// which did since it asked last. The zero value is ready; it is not safe for
// concurrent use.
type UpLog struct {
	count uint64
	last  [upLogSize]foci.NodeID // by number
}

// Add records that a link to a node came up.
func (u *UpLog) Add(id foci.NodeID) {
	u.last[u.count%upLogSize] = id
	u.count++
}

// Count is how many links came up so far.
func (u *UpLog) Count() uint64 { return u.count }

// Since lists the nodes whose links came up after the first count ones, as far as
// they can still be named. A count of 0, or of an earlier run, has none.
func (u *UpLog) Since(count uint64) []foci.NodeID {
	if count == 0 || count > u.count {
		return nil
	}
	var out []foci.NodeID
	for n := max(count, u.count-min(u.count, upLogSize)); n < u.count; n++ {
		out = append(out, u.last[n%upLogSize])
	}
	return out
}
