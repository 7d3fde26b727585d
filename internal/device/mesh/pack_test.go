package mesh

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh/frame"
)

// packing has the classes compress: reg by LZ4, bulk by zstd.
func packing(c *Config) {
	c.Classes[foci.Reg].Compress, c.Classes[foci.Bulk].Compress = LZ4, Zstd
}

// text shrinks well, noise not at all.
func text(n int) []byte { return []byte(strings.Repeat("what shrinks ", n/13+1)[:n]) }

func noise(n int) []byte {
	rng := rand.New(rand.NewPCG(3, uint64(n)))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// TestPacking: bodies of every length come back as they were, compressed by
// both sides, by one, or by none; what shrinks takes less of the wire, what does
// not takes what it did, and no credit is lost.
func TestPacking(t *testing.T) {
	for name, changes := range map[string][2]func(*Config){
		"both":   {packing, packing},
		"client": {packing, func(*Config) {}},
		"server": {func(*Config) {}, packing},
	} {
		t.Run(name, func(t *testing.T) {
			server, client := startNode(t, 1, oneChannel, changes[1]), startClient(t, oneChannel, changes[0])
			l := connect(t, client, server, false)
			for _, class := range []foci.Class{foci.Reg, foci.Bulk} {
				for _, n := range []int{0, 1, packLeast, packLeast + 1, copyMax + 1, 64 << 10, frame.MaxFrame - 10, frame.MaxFrame, 300 << 10, 2<<20 + 7} {
					for _, head := range []int{0, 10, 100 << 10} {
						for what, body := range map[string][]byte{"text": text(n), "noise": noise(n)} {
							r, err := l.Call(t.Context(), class, methodEcho, text(head), body)
							if err != nil {
								t.Fatalf("%v %s, head %d, body %d: %v", class, what, head, n, err)
							}
							if !bytes.Equal(r.Body, body) || !bytes.Equal(r.Head, text(head)) {
								t.Fatalf("%v %s, head %d, body %d: another came back", class, what, head, n)
							}
						}
					}
				}
			}
			idle(t, client.Mesh, server.Mesh)
		})
	}
}

// TestPackingPays: how much travels.
func TestPackingPays(t *testing.T) {
	for how := range numCompressions {
		server, client := startNode(t, 1, oneChannel), startClient(t, oneChannel, func(c *Config) { c.Classes[foci.Bulk].Compress = how })
		l := connect(t, client, server, false)
		const size = 1 << 20
		sent := func(body []byte) int64 {
			before := bytesOut(l, foci.Bulk)
			if _, err := l.Call(t.Context(), foci.Bulk, methodSink, nil, body); err != nil {
				t.Fatal(err)
			}
			return bytesOut(l, foci.Bulk) - before
		}
		if n := sent(text(size)); how != NotCompressed && n > size/20 || how == NotCompressed && n < size {
			t.Errorf("%v: %d bytes of text travel as %d", how, size, n)
		}
		if n := sent(noise(size)); n < size || n > size+size/100 {
			t.Errorf("%v: %d bytes of noise travel as %d", how, size, n)
		}
	}
}

func bytesOut(l *Link, class foci.Class) (n int64) {
	for _, ch := range l.channelList() {
		if ch.Class == class {
			n += ch.Stats().BytesOut
		}
	}
	return n
}
