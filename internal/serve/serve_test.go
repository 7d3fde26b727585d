package serve

import (
	"strings"
	"testing"

	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestOneHandlerForEachMethod: a process with a gap, with two handlers for one
// method, or with a handler of none does not start.
func TestOneHandlerForEachMethod(t *testing.T) {
	var all []Handler
	for _, r := range wire.Methods() {
		all = append(all, Handler{method: r.Method, serve: func(*mesh.Incoming) {}})
	}
	if _, err := New(nil, all...); err != nil {
		t.Fatal(err)
	}
	for want, handlers := range map[string][]Handler{
		"method hint has no handler":     all[:len(all)-1],
		"method ping has two handlers":   append([]Handler{all[0]}, all...),
		"is not in the table of methods": append([]Handler{On(func(*mesh.Incoming, *wire.QueryReply) {})}, all...),
	} {
		if _, err := New(nil, handlers...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if n := len(Refuse(nil)); n != 6 {
		t.Errorf("%d methods ask a replica", n)
	}
}
