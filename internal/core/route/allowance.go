package route

import (
	"time"

	"github.com/foci-store/foci/internal/core/mutant"
)

// How many bytes of routes transport clients may ask for: at once, and in a second.
// The first answer in the largest cluster is less than 1 MiB, and a client that
// watches asks only for what it lacks.
const (
	allowedBurst  = 32 << 20
	allowedRate   = 4 << 20
	allowedMin    = 1 << 10 // the least that a question costs
	maxAllowances = 4096    // sources with a debt of their own
)

// Allowance limits what questions of transport clients about routes cost. It is a
// token bucket for each source: a principal or, of unauthenticated peers, a host. A
// source may ask while its debt is below the burst; the answer is charged when its
// length is known. The zero value is ready. It is a machine: not safe for
// concurrent use.
type Allowance struct {
	debts map[string]debt
}

type debt struct {
	bytes int64
	at    time.Duration
}

// left is what remains of a debt at now.
func (d debt) left(now time.Duration) int64 {
	return max(0, d.bytes-int64((now-d.at).Seconds()*allowedRate))
}

// Ask reports whether a source may ask now.
func (a *Allowance) Ask(source string, now time.Duration) bool {
	return a.debts[source].left(now) < allowedBurst || mutant.On(mutant.FreeRouteQuestions)
}

// Charge adds the length of an answer to a source's debt.
func (a *Allowance) Charge(source string, bytes int, now time.Duration) {
	if a.debts == nil {
		a.debts = map[string]debt{}
	}
	d, known := a.debts[source]
	if !known && len(a.debts) >= maxAllowances {
		a.makeRoom(now)
	}
	a.debts[source] = debt{d.left(now) + int64(max(bytes, allowedMin)), now}
}

// makeRoom forgets the sources without a debt, else any source.
func (a *Allowance) makeRoom(now time.Duration) {
	some := ""
	for s, d := range a.debts {
		if some = s; d.left(now) == 0 {
			delete(a.debts, s)
		}
	}
	if len(a.debts) >= maxAllowances {
		delete(a.debts, some)
	}
}
