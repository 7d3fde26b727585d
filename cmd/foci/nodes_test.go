package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/foci-store/foci/client"
)

// TestSickNodeIsShown: a node that answers but takes no writes must not look
// like one that is well.
func TestSickNodeIsShown(t *testing.T) {
	node := func(backends ...client.BackendReport) *client.NodeStatus {
		n := &client.NodeStatus{Name: "n1", Up: true, Node: &client.NodeReport{}}
		for _, b := range backends {
			b.Group = 1
			n.Node.Backends = append(n.Node.Backends, b)
		}
		return n
	}
	full, broken := client.BackendReport{ReadOnly: "the disk is full"}, client.BackendReport{NotReady: "damaged", ReadOnly: "damaged"}
	astray := node(full)
	astray.Node.NotVoting = "its clock is wrong"
	for _, c := range []struct {
		n     *client.NodeStatus
		state string
		why   string
	}{
		{node(client.BackendReport{}), "up", ""},
		{node(client.BackendReport{}, full), "read only", "node n1, group 1: the disk is full"},
		{node(broken, full), "not ready", "node n1, group 1: damaged"},
		{astray, "wrong clock", "node n1: its clock is wrong"},
	} {
		var out bytes.Buffer
		a := &app{stderr: &out}
		a.complain(c.n)
		if got := nodeRow(c.n)[2]; got != c.state || !strings.Contains(out.String(), c.why) || c.why == "" && out.Len() > 0 {
			t.Errorf("state %q and %q, want %q and %q", got, out.String(), c.state, c.why)
		}
	}
}
