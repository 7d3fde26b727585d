package hostile

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/handshake"
)

// byStrangers are the attacks of a peer that has no credential.
var byStrangers = []attack{
	{"knock in plain", knockInPlain},
	{"hang in the handshake", hangInHandshake},
	{"send noise", sendNoise},
}

// knockInPlain says hello without TLS, as a client and as a node.
func knockInPlain(ctx context.Context, a *attacker) error {
	return a.each(ctx, func(ctx context.Context, node int) error {
		for i := 0; ctx.Err() == nil; i++ {
			c, err := open(ctx, a.remotes[node], nil, func(h *handshake.Hello) {
				if i%2 == 0 {
					h.Node, h.Incarnation, h.Role = foci.NodeID{byte(i), 1}, 1, foci.RoleData
				}
				h.Auth = uint8(i % 4)
			})
			if err == nil {
				c.close()
				return fmt.Errorf("node %d let in a peer that has proved nothing", node+1)
			}
			pause(ctx, 5*time.Millisecond)
		}
		return nil
	})
}

// hangInHandshake opens connections and stops after a few bytes, or none.
func hangInHandshake(ctx context.Context, a *attacker) error {
	const most = 2000
	return a.each(ctx, func(ctx context.Context, node int) error {
		var kept []net.Conn
		for i := 0; ctx.Err() == nil; i++ {
			conn, err := dial(ctx, a.remotes[node])
			if err != nil {
				pause(ctx, 20*time.Millisecond)
				continue
			}
			// A handshake record of TLS that announces more than comes.
			_, _ = conn.Write([]byte{0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}[:i%12])
			if kept = append(kept, conn); len(kept) > most {
				_ = kept[0].Close()
				kept = kept[1:]
			}
			pause(ctx, time.Millisecond)
		}
		for _, c := range kept {
			_ = c.Close()
		}
		return nil
	})
}

// sendNoise sends bytes that are nothing.
func sendNoise(ctx context.Context, a *attacker) error {
	return a.each(ctx, func(ctx context.Context, node int) error {
		noise := make([]byte, 64<<10)
		for ctx.Err() == nil {
			conn, err := dial(ctx, a.remotes[node])
			if err != nil {
				pause(ctx, 20*time.Millisecond)
				continue
			}
			for i := range noise {
				noise[i] = byte(rand.Uint32())
			}
			if rand.IntN(2) == 0 {
				copy(noise, "FOC1")
			}
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			_, _ = conn.Write(noise[:rand.IntN(len(noise))])
			_ = conn.Close()
			pause(ctx, 2*time.Millisecond)
		}
		return nil
	})
}

func dial(ctx context.Context, remote string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	return d.DialContext(ctx, "tcp", strings.TrimSuffix(remote, ":2"))
}
