package handshake

import (
	"net"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh/frame"
	"github.com/foci-store/foci/internal/testcodec"
)

func sampleHello() *Hello {
	return &Hello{
		MinProtocol: 1, MaxProtocol: 1, Cluster: "home", Node: foci.NodeID{1}, Incarnation: 5, Role: foci.RoleData,
		Expect: foci.NodeID{2}, Class: foci.Bulk, Index: 2, Table: 7, Window: frame.DefWindow, Proof: []byte("x"),
	}
}

func sampleWelcome() *Welcome {
	return &Welcome{
		Protocol: 1, Cluster: "home", Node: foci.NodeID{1}, Incarnation: 5, Role: foci.RoleData, Table: 7,
		Window: frame.DefWindow, Streams: 4096, Proof: []byte("x"),
	}
}

func TestHelloTruncated(t *testing.T) {
	for _, m := range []codec.Message{sampleHello(), sampleWelcome()} {
		b := m.Append(nil)
		if len(b) > frame.MaxHello {
			t.Fatalf("%d bytes", len(b))
		}
		if err := codec.Unmarshal(b, m); err != nil {
			t.Fatal(err)
		}
		for n := range len(b) - 1 { // the last byte was appended later
			if err := codec.Unmarshal(b[:n], m); err == nil {
				t.Fatalf("%T accepted with %d of %d bytes", m, n, len(b))
			}
		}
	}
}

func TestCommonProtocol(t *testing.T) {
	ours := wire.Protocols{Min: 2, Max: 3}
	for _, c := range []struct {
		lo, hi, want uint16
		ok           bool
	}{{2, 3, 3, true}, {1, 2, 2, true}, {3, 9, 3, true}, {1, 9, 3, true}, {4, 9, 0, false}, {0, 1, 0, false}} {
		h := Hello{MinProtocol: c.lo, MaxProtocol: c.hi}
		if v, ok := ours.Common(h.Protocols()); ok != c.ok || ok && v != c.want {
			t.Errorf("%d to %d: %d %v", c.lo, c.hi, v, ok)
		}
	}
}

// TestEarlyWelcome: a welcome of the first builds is shorter, and is refused.
func TestEarlyWelcome(t *testing.T) {
	e := New(Config{Role: foci.RoleTransport, Protocols: wire.Spoken(), Window: frame.DefWindow})
	ours, theirs := net.Pipe()
	go func() {
		_, _, _ = ReadFrame(theirs)
		w := Welcome{Protocol: 1, Node: foci.NodeID{2}, Window: frame.DefWindow, Streams: 1, Early: true}
		_, _ = theirs.Write(frame.Append(nil, &frame.Header{Type: frame.Welcome}, w.Append(nil), nil))
		_ = theirs.Close()
	}()
	if _, err := e.Dial(ours, Target{}); foci.KindOf(err) != foci.Protocol || !strings.Contains(err.Error(), "older") {
		t.Errorf("an early welcome: %v", err)
	}
}

// FuzzHello: a hello or welcome is refused, or says the same when encoded again.
func FuzzHello(f *testing.F) {
	f.Add(true, sampleHello().Append(nil))
	f.Add(false, sampleWelcome().Append(nil))
	f.Fuzz(func(t *testing.T, hello bool, b []byte) {
		if hello {
			testcodec.Stable(t, b, new(Hello), new(Hello))
		} else {
			testcodec.Stable(t, b, new(Welcome), new(Welcome))
		}
	})
}
