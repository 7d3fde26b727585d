package mesh

import (
	"net"
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

// TestStatsOfEndings: each place for a channel says why its last channel ended,
// and another place's end is not its own.
func TestStatsOfEndings(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close() // nobody is there
	m, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	l, err := m.AddPeer(Peer{Node: foci.NodeID{1}, Addrs: at(ln.Addr().String())})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Call(t.Context(), foci.Reg, 1, nil, nil); foci.KindOf(err) != foci.Unreachable {
		t.Fatalf("a call to nobody: %v", err)
	}
	for _, ch := range l.Stats().Channels {
		switch tried := strings.Contains(ch.LastClose, "connection refused"); {
		case ch.Class == foci.Bulk && ch.LastClose != "":
			t.Errorf("bulk %d was never dialled, but ended: %s", ch.Index, ch.LastClose)
		case ch.Class == foci.Ping && (!tried || ch.LastAt.IsZero()):
			t.Errorf("ping: %q at %v", ch.LastClose, ch.LastAt)
		}
	}
}
