package membership

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/auth/authtest"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/testwait"
)

// authority makes certificates for tests.
type authority struct {
	*auth.Authority
	t testing.TB
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	ca, err := auth.NewAuthority("c", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return authority{ca, t}
}

// node are credentials of node n, in a folder.
func (a authority) node(n byte, dir string) *auth.Credentials {
	a.t.Helper()
	return authtest.Node(a.t, a.Authority, foci.NodeID{n}, dir)
}

// signs is what signs as node n.
func (a authority) signs(n byte) prover { return a.node(n, a.t.TempDir()).Certificates() }

// client is what signs as a client.
func (a authority) client() prover {
	a.t.Helper()
	return authtest.Client(a.t, a.Authority, "web", "*=rw").Certificates()
}

// signed is a route with a proof by the given signer.
func signed(t testing.TB, by prover, r wire.Route) wire.Route {
	t.Helper()
	var err error
	if r.Proof.Cert, r.Proof.Sig, err = by.Sign(r.Signed()); err != nil {
		t.Fatal(err)
	}
	return r
}

// proving is node n, a member with certificates that serves routes.
func proving(t testing.TB, n byte, creds *auth.Credentials, change ...func(*Config, *mesh.Config)) *process {
	t.Helper()
	p, _ := starting(t, n, creds, change...)
	return p
}

func (p *process) knows(e *wire.Route) bool {
	p.view.mu.Lock()
	defer p.view.mu.Unlock()
	known, ok := p.view.routes.Entry(e.Node)
	return ok && known.Version() == e.Version()
}

// from is a peer that tells routes.
func from(n byte, protocol uint16, principal rights.Principal) mesh.Identity {
	return mesh.Identity{Node: foci.NodeID{n}, Role: foci.RoleData, Protocol: protocol, Principal: principal}
}

// proofCase is one route that is told, and whether it is taken.
type proofCase struct {
	by    mesh.Identity
	route wire.Route
	taken bool
}

func runProofs(t *testing.T, p *process, cases map[string]proofCase) {
	t.Helper()
	for name, c := range cases {
		p.learn(&c.by, []wire.Route{c.route})
		if p.knows(&c.route) != c.taken {
			t.Errorf("%s: taken %v", name, !c.taken)
		}
	}
}

// TestUnsignedRoutesAreRefused: under certificates a route counts by its node's
// signature, except that a node of protocol 1, which signs nothing, may tell its
// own by its own channel.
func TestUnsignedRoutesAreRefused(t *testing.T) {
	home := newAuthority(t)
	p := proving(t, 1, home.node(1, t.TempDir()))
	principal := rights.Node(foci.NodeID{9})
	runProofs(t, p, map[string]proofCase{
		"signed":                             {from(9, 2, principal), signed(t, home.signs(2), told(2, 1)[0]), true},
		"unsigned":                           {from(9, 2, principal), told(3, 1)[0], false},
		"unsigned, its own":                  {from(9, 2, principal), told(9, 1)[0], false},
		"unsigned, by protocol 1":            {from(9, 1, principal), told(4, 1)[0], false},
		"its own, by protocol 1":             {from(9, 1, principal), told(9, 2)[0], true},
		"its own, by protocol 1, not proved": {from(8, 1, ""), told(8, 1)[0], false},
	})
}

// TestForgedRoutesAreRefused: a signature counts for what was signed, by a
// certificate that is believed here.
func TestForgedRoutesAreRefused(t *testing.T) {
	home, strange := newAuthority(t), newAuthority(t)
	p := proving(t, 1, home.node(1, t.TempDir()))
	by := from(9, 2, rights.Node(foci.NodeID{9}))
	n2 := home.signs(2)
	moved, raised := signed(t, n2, told(2, 1)[0]), signed(t, n2, told(2, 1)[0])
	moved.Addrs = []string{"192.0.2.66:1:2-7"}
	raised.Incarnation++
	role := signed(t, n2, told(2, 1)[0])
	role.Role = foci.RoleClient
	cut := signed(t, n2, told(2, 1)[0])
	cut.Proof.Sig = cut.Proof.Sig[:len(cut.Proof.Sig)-1]
	bare := signed(t, n2, told(2, 1)[0])
	bare.Proof.Cert = nil
	runProofs(t, p, map[string]proofCase{
		"other addresses":    {by, moved, false},
		"another version":    {by, raised, false},
		"another role":       {by, role, false},
		"half a signature":   {by, cut, false},
		"no certificate":     {by, bare, false},
		"a client's":         {by, signed(t, home.client(), told(2, 1)[0]), false},
		"another authority":  {by, signed(t, strange.signs(2), told(2, 1)[0]), false},
		"our own, by others": {by, signed(t, strange.signs(1), told(1, 9)[0]), false},
	})
	if self := p.Self(); self.Incarnation != 1 || self.Counter != 1 {
		t.Errorf("our own entry was raised by a forgery: %+v", self)
	}
	runProofs(t, p, map[string]proofCase{"the true one": {by, signed(t, n2, told(2, 1)[0]), true}})
}

// TestRoutesOfOthersAreRefused: a node's certificate signs its own route alone.
func TestRoutesOfOthersAreRefused(t *testing.T) {
	home := newAuthority(t)
	p := proving(t, 1, home.node(1, t.TempDir()))
	by := from(3, 2, rights.Node(foci.NodeID{3}))
	runProofs(t, p, map[string]proofCase{
		"of another node": {by, signed(t, home.signs(3), told(2, 1)[0]), false},
		"of its own":      {by, signed(t, home.signs(3), told(3, 1)[0]), true},
	})
	before := p.Self()
	forged := signed(t, home.signs(3), told(1, 50)[0])
	p.learn(&by, []wire.Route{forged})
	if now := p.Self(); now.Version() != before.Version() {
		t.Errorf("our own entry was raised by another node's signature: %+v", now)
	}
}

// TestProofsAreKept: what a member passes on is proved as it was told, and what it
// tells of itself is signed; transport clients get neither.
func TestProofsAreKept(t *testing.T) {
	home := newAuthority(t)
	p := proving(t, 1, home.node(1, t.TempDir()))
	entry := signed(t, home.signs(2), told(2, 1)[0])
	msg := wire.Routes{Routes: []wire.Route{entry}}
	head := msg.Append(nil)
	var got wire.Routes
	if err := codec.Unmarshal(head, &got); err != nil {
		t.Fatal(err)
	}
	by := from(9, 2, rights.Node(foci.NodeID{9}))
	p.learn(&by, got.Routes)
	clear(head) // its memory is used for something else
	p.view.mu.Lock()
	all := p.view.routes.Answer(&wire.Routes{All: true}, true)
	bare := p.view.routes.Answer(&wire.Routes{All: true}, false)
	since := p.view.routes.Since(nil)
	p.view.mu.Unlock()
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	judge := home.signs(7)
	for _, e := range all {
		if id, err := judge.VerifyMember(e.Proof.Cert, e.Signed(), e.Proof.Sig, time.Now()); err != nil || id != e.Node {
			t.Errorf("route of %v: %v, %v", e.Node, id, err)
		}
	}
	for _, e := range append(bare, since...) {
		if !e.Proof.IsZero() {
			t.Errorf("a transport client is given a proof of %v", e.Node)
		}
	}
}

// TestNewCertificateSignsAgain: a member's entry is a newer one, and signed by
// the new certificate, once its files have changed.
func TestNewCertificateSignsAgain(t *testing.T) {
	home, dir := newAuthority(t), t.TempDir()
	p := proving(t, 1, home.node(1, dir))
	before := p.Self()
	p.proofs.renew()
	if now := p.Self(); now.Version() != before.Version() {
		t.Fatal("nothing has changed, but the entry")
	}
	home.node(1, dir)
	var now wire.Route
	testwait.True(t, 20*time.Second, "the new certificate to be used: files are looked at once a second", func() bool {
		p.proofs.renew()
		now = p.Self()
		return now.Version() != before.Version()
	})
	if _, err := home.signs(7).VerifyMember(now.Proof.Cert, now.Signed(), now.Proof.Sig, time.Now()); err != nil || bytes.Equal(now.Proof.Cert, before.Proof.Cert) {
		t.Errorf("%v", err)
	}
}

// counting counts what is verified.
type counting struct {
	prover
	n int
}

func (c *counting) VerifyMember(cert, msg, sig []byte, now time.Time) (foci.NodeID, error) {
	c.n++
	return c.prover.VerifyMember(cert, msg, sig, now)
}

// TestProofsAreVerifiedOnce per version, and not many bad ones of one message.
func TestProofsAreVerifiedOnce(t *testing.T) {
	home := newAuthority(t)
	p := proving(t, 1, home.node(1, t.TempDir()))
	c := &counting{prover: p.prover}
	p.prover = c
	by := from(9, 2, rights.Node(foci.NodeID{9}))
	n2 := home.signs(2)
	old, latest := signed(t, n2, told(2, 1)[0]), signed(t, n2, told(2, 2)[0])
	for range 3 {
		p.learn(&by, []wire.Route{old, latest, old})
	}
	if c.n != 1 || !p.knows(&latest) {
		t.Errorf("%d proofs were verified for one new entry", c.n)
	}
	var many []wire.Route
	for n := range 1000 {
		e := old
		e.Node = foci.NodeID{3, byte(n), byte(n >> 8)}
		many = append(many, e)
	}
	c.n = 0
	p.learn(&by, many)
	if c.n != maxBadProofs {
		t.Errorf("%d proofs of a message of bad ones were verified", c.n)
	}
}

// BenchmarkVerifyRoute is what a new version of an entry costs.
func BenchmarkVerifyRoute(b *testing.B) {
	home := newAuthority(b)
	e, judge := signed(b, home.signs(2), told(2, 1)[0]), home.signs(1)
	b.ReportMetric(float64(len(e.Proof.Cert)+len(e.Proof.Sig)), "bytes/proof")
	for b.Loop() {
		if _, err := judge.VerifyMember(e.Proof.Cert, e.Signed(), e.Proof.Sig, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignRoute is what a change of our own entry costs.
func BenchmarkSignRoute(b *testing.B) {
	e, by := told(2, 1)[0], newAuthority(b).signs(2)
	for b.Loop() {
		signed(b, by, e)
	}
}

// learns waits until a member knows a route.
func (p *process) learns(t *testing.T, e wire.Route) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		changed := p.view.change()
		if p.knows(&e) {
			return
		}
		select {
		case <-changed:
		case <-ctx.Done():
			t.Fatalf("it knows %+v, not %+v", p.Known(), e)
		}
	}
}

// TestHintsAreDialled: what a beacon tells enters no table where routes have
// proofs; the node that answers there tells its own route. Members pass on what
// they were told, proved.
func TestHintsAreDialled(t *testing.T) {
	home := newAuthority(t)
	var all [3]*process
	for i := range all {
		all[i] = proving(t, byte(i+1), home.node(byte(i+1), t.TempDir()))
	}
	middle := all[1].Self()
	stranger := wire.Route{Node: foci.NodeID{9}, Incarnation: 5, Role: foci.RoleData, Addrs: middle.Addrs}
	for _, p := range []*process{all[0], all[2]} {
		p.Hint(middle)
		p.learns(t, middle)
		p.Hint(stranger)
		if p.knows(&stranger) {
			t.Error("a hint is in the table")
		}
	}
	all[0].learns(t, all[2].Self())
	all[2].learns(t, all[0].Self())
}

// TestUpgradeWithCertificates: nodes of protocol 1, which neither sign nor verify,
// and newer ones find each other while a cluster is upgraded; what the old ones
// pass on is refused quietly.
func TestUpgradeWithCertificates(t *testing.T) {
	home := newAuthority(t)
	var log bytes.Buffer
	var logged sync.Mutex
	logger := slog.New(slog.NewTextHandler(writer(func(b []byte) (int, error) {
		logged.Lock()
		defer logged.Unlock()
		return log.Write(b)
	}), nil))
	start := func(n byte, protocol uint16) *process {
		p := proving(t, n, home.node(n, t.TempDir()), func(c *Config, m *mesh.Config) {
			c.Logger = logger
			m.Protocols = wire.Protocols{Min: 1, Max: protocol}
		})
		if protocol == 1 {
			p.view.mu.Lock()
			p.prover = nil
			p.view.routes.SignBy(nil)
			p.view.mu.Unlock()
		}
		return p
	}
	all := []*process{start(1, 2), start(2, 1), start(3, 2), start(4, 1)}
	for _, p := range all[1:] {
		p.Hint(all[0].Self())
	}
	for _, p := range all {
		for _, q := range all {
			p.learns(t, q.Self())
		}
	}
	logged.Lock()
	defer logged.Unlock()
	if bytes.Contains(log.Bytes(), []byte("route refused")) {
		t.Errorf("%s", &log)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }
