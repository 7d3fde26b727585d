package auth

import (
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
)

var nodeA = foci.NodeID{1, 2, 3}

func TestNames(t *testing.T) {
	for _, n := range []Name{
		{Cluster: "home", Node: nodeA, Rights: rights.Full()},
		{Cluster: "a..b_c-D.", Client: "web.1", Rights: rights.Data()},
		{Cluster: AnyCluster, Client: "web", Rights: rights.Data()},
	} {
		if got, err := ParseName(n.String()); err != nil || !got.Equal(n) {
			t.Errorf("%v: %v %v", n, got, err)
		}
	}
	for _, s := range []string{
		"", "foci:", "http:home/node/x", "foci:home", "foci:home/node", "foci:home/node/x", "foci:/client/x", "foci:home/client/",
		"foci:home/client/a/b", "foci:home/king/x", "foci:home/node/00000000-0000-0000-0000-000000000000",
		"foci:" + strings.Repeat("x", 65) + "/client/x", "foci:home/client/%2e", "foci:**/client/x",
	} {
		if _, err := ParseName(s); foci.KindOf(err) != foci.Denied {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestAdmit(t *testing.T) {
	node, client := Name{Cluster: "home", Node: nodeA}, Name{Cluster: "home", Client: "web"}
	for name, err := range map[string]error{
		"node":           node.Admit("home", nodeA, foci.RoleData),
		"node client":    node.Admit("home", nodeA, foci.RoleClient),
		"node as client": node.Admit("home", foci.NodeID{}, foci.RoleTransport),
		"client":         client.Admit("home", foci.NodeID{}, foci.RoleTransport),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range map[string]error{
		"other cluster":         node.Admit("work", nodeA, foci.RoleData),
		"other node":            node.Admit("home", foci.NodeID{9}, foci.RoleData),
		"client as node":        client.Admit("home", nodeA, foci.RoleData),
		"client as node client": client.Admit("home", nodeA, foci.RoleClient),
		"client elsewhere":      client.Admit("work", foci.NodeID{}, foci.RoleTransport),
	} {
		if foci.KindOf(err) != foci.Denied {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("foci:home/node/01020300-0000-0000-0000-000000000000")
	f.Add("foci:home/client/web")
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if again, err := ParseName(n.String()); err != nil || !again.Equal(n) {
			t.Errorf("%q became %v, %v", s, again, err)
		}
	})
}
