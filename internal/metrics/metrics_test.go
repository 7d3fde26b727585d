package metrics

import (
	"crypto/rand"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testwait"
)

var update = flag.Bool("update", false, "write docs/metrics.md")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestScrape serves the metrics of a real node that has a link to another, and
// finds every documented family in them.
func TestScrape(t *testing.T) {
	a := pair(t)
	s, err := Serve("127.0.0.1:0", nil, a, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var text string
	testwait.True(t, 10*time.Second, "a ping and its answer, which make the last ones appear", func() bool {
		text = scrape(t, s)
		return strings.Contains(text, "foci_mesh_channel_rtt_p99_seconds{") && strings.Contains(text, "foci_mesh_incoming_channels{")
	})
	for _, m := range all {
		if !strings.Contains(text, "\n"+m.name+" ") && !strings.Contains(text, "\n"+m.name+"{") {
			t.Errorf("%s is missing", m.name)
		}
	}
	for _, want := range []string{"go_goroutines ", "process_resident_memory_bytes ", `foci_mesh_link_up{peer="b"} 1`, `foci_node_info{id="`} {
		if !strings.Contains(text, "\n"+want) {
			t.Errorf("no line begins with %s", want)
		}
	}
}

func scrape(t *testing.T, s *Server) string {
	t.Helper()
	r, err := http.Get("http://" + s.Addr().String() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v", r.StatusCode, err)
	}
	http.DefaultClient.CloseIdleConnections()
	return string(text)
}

// TestTooManyScrapers: connections over the limit are closed, and those within
// it go on.
func TestTooManyScrapers(t *testing.T) {
	s, err := Serve("127.0.0.1:0", nil, pair(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var held []net.Conn
	for range maxConns {
		held = append(held, dial())
	}
	over := dial()
	if n, err := over.Read(make([]byte, 1)); err == nil {
		t.Errorf("connection %d: %d bytes came, want it closed", maxConns+1, n)
	}
	over.Close()
	for _, c := range held {
		c.Close()
	}
	// Their places are free again as soon as the server has seen the ends.
	testwait.True(t, 5*time.Second, "a place to be freed", func() bool {
		c := dial()
		defer c.Close()
		fmt.Fprint(c, "GET /metrics HTTP/1.0\r\n\r\n")
		text, _ := io.ReadAll(c)
		return strings.Contains(string(text), "foci_layout_epoch")
	})
}

func TestAddresses(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for addr, want := range map[string]foci.Kind{"9100": foci.Invalid, "localhost:9100": foci.Invalid, "": foci.Invalid, taken.Addr().String(): foci.Busy, "0.0.0.0:0": foci.Denied, "[::]:0": foci.Denied} {
		if _, err := Serve(addr, nil, nil, slog.Default()); foci.KindOf(err) != want {
			t.Errorf("%q: %v, want %v", addr, err, want)
		}
	}
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "0.0.0.0:1": false, "10.0.0.1:1": false, "x": false} {
		if Loopback(addr) != want {
			t.Errorf("loopback %q: %v", addr, !want)
		}
	}
}

// TestDocument compares docs/metrics.md with what there is.
func TestDocument(t *testing.T) {
	const path = "../../docs/metrics.md"
	var b strings.Builder
	b.WriteString(preface)
	for _, m := range all {
		kind := "gauge"
		if m.kind == prometheus.CounterValue {
			kind = "counter"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, kind, strings.Join(m.labels, ", "), m.help)
	}
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("docs/metrics.md is out of date: go test ./internal/metrics -run Document -update")
	}
}

const preface = `# Metrics

A node serves metrics in the format of Prometheus at ` + "`/metrics`" + ` of the address in ` + "`" + `metrics = "127.0.0.1:9100"` + "`" + ` of foci.toml, or in
` + "`foci serve --metrics`" + `; without one it serves none. It takes at most 16 connections and serves 2 scrapes at a time.

On an address that other machines reach, scrapers must send a token; without one the node does not start. The token is one line of
16 characters or more in a file that other users of the machine cannot read, named by ` + "`" + `metrics_token = "FILE"` + "`" + ` in foci.toml or
` + "`--metrics-token`" + `. It is read at the start. Where it is set, scrapers on loopback must send it too:

` + "```" + `
openssl rand -hex 32 > metrics.token && chmod 600 metrics.token
curl -H "Authorization: Bearer $(cat metrics.token)" http://10.0.0.17:9100/metrics
` + "```" + `

In Prometheus that is ` + "`authorization: {credentials_file: metrics.token}`" + `. The token and the metrics travel in plain text: on a network that
is not yours, listen on loopback behind a proxy with TLS.

A peer's label is its name in the layout, or its id. Series of channels are of those that this node has opened; incoming channels
are summed by class, table and role, because transport clients come and go by the thousand. At most 4,096 channels have series of
their own. Counters of a channel begin at 0 again with the next channel in its place.

The ` + "`go_*`" + ` and ` + "`process_*`" + ` metrics of the Go runtime and the process come with them. ` + "`go test ./internal/metrics -run Document -update`" + `
writes this list.

| name | kind | labels | meaning |
|---|---|---|---|
`

// pair is node a of two that are linked.
func pair(t *testing.T) *node.Node {
	t.Helper()
	p := &layout.Plan{Cluster: "metrics"}
	for i, name := range []string{"a", "b"} {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr, err := route.ParseAddress(fmt.Sprintf("127.0.0.1:%d:2-0", ln.Addr().(*net.TCPAddr).Port))
		if err != nil {
			t.Fatal(err)
		}
		ln.Close()
		p.Nodes = append(p.Nodes, layout.PlanNode{Name: name, Addrs: []route.Address{addr}, Backends: []layout.PlanBackend{{Group: foci.Group(i + 1)}}})
	}
	l, err := layout.Init(p, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var first *node.Node
	for _, name := range []string{"a", "b"} {
		n, err := node.New(node.Config{
			Cluster: "metrics", Name: name, Dir: "/" + name, Layout: l, Role: foci.RoleData, FS: vfs.NewCrashable(), Grace: time.Millisecond,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { n.Close() })
		if first == nil {
			first = n
		}
	}
	return first
}
