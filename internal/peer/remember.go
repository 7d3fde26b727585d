package peer

import (
	"math/rand/v2"

	"github.com/foci-store/foci/internal/core/route"
)

// MaxRemembered is the most addresses that are remembered from run to run: enough
// to find somebody, few enough to try them all.
const MaxRemembered = 64

// keepKnown has the known peers remembered when they have changed.
func (j *join) keepKnown() {
	if j.cfg.Remember == nil {
		return
	}
	j.keeping.Lock()
	defer j.keeping.Unlock()
	j.mu.Lock()
	if !j.unkept {
		j.mu.Unlock()
		return
	}
	j.unkept = false
	var all []route.Remote
	for _, e := range j.routes.Present() {
		if e.Node != j.cfg.Mesh.Node {
			addrs, err := j.routes.Reach(e.Node, j.tables)
			for _, a := range addrs {
				if err == nil {
					all = append(all, a.Remote())
				}
			}
		}
	}
	j.mu.Unlock()
	rand.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	if all = all[:min(len(all), MaxRemembered)]; len(all) > 0 {
		j.cfg.Remember(all)
	}
}
