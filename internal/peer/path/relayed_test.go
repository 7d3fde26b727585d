package path

import (
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// TestWhatARelaySends: the asker goes along unless the relay may ask for itself
// all that he may, or the node cannot read it.
func TestWhatARelaySends(t *testing.T) {
	f := &wire.Forward{Method: wire.MethodQuery, Head: []byte("a query")}
	for name, c := range map[string]struct {
		who      mesh.Identity
		protocol uint16
		want     wire.Method
	}{
		"client":              {mesh.Identity{Principal: rights.Client("web"), Rights: rights.Data()}, 2, wire.MethodRelayed},
		"client without any":  {mesh.Identity{Principal: rights.Client("web")}, 2, wire.MethodRelayed},
		"administrator":       {mesh.Identity{Principal: rights.Client("root"), Rights: rights.Full()}, 2, wire.MethodRelayed},
		"member":              {mesh.Identity{Principal: rights.Node(foci.NodeID{1}), Rights: rights.Full()}, 2, wire.MethodQuery},
		"nothing is proved":   {mesh.Identity{Rights: rights.Full()}, 2, wire.MethodQuery},
		"to an older node":    {mesh.Identity{Principal: rights.Client("web"), Rights: rights.Data()}, 1, wire.MethodQuery},
		"without a principal": {mesh.Identity{Rights: rights.Data()}, 2, wire.MethodRelayed},
	} {
		method, head := relayed(&mesh.Incoming{From: c.who}, c.protocol, f)
		if method != c.want {
			t.Errorf("%s: %v, want %v", name, method, c.want)
		}
		if method == wire.MethodQuery {
			if string(head) != string(f.Head) {
				t.Errorf("%s: the head became %q", name, head)
			}
			continue
		}
		var m wire.Relayed
		if err := codec.Unmarshal(head, &m); err != nil || m.Asker != c.who.Principal || m.Rights.String() != c.who.Rights.String() || string(m.Head) != string(f.Head) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}
