package membership

import (
	"bytes"
	"log/slog"
	"slices"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// prover signs this node's route and verifies those of others: certificates. A
// cluster without certificates has none.
type prover interface {
	// Sign signs with this process's certificate.
	Sign(msg []byte) (cert, sig []byte, err error)
	// VerifyMember is the node whose certificate has signed. A client's never does.
	VerifyMember(cert, msg, sig []byte, now time.Time) (foci.NodeID, error)
}

// protocolProofs is the first protocol in which routes have proofs.
const protocolProofs = 2

// verifies reports whether a peer reads the proofs of routes: transport clients and
// nodes of protocol 1 take all that they are told.
func verifies(peer mesh.Identity) bool {
	return peer.Role != foci.RoleTransport && peer.Protocol >= protocolProofs
}

// maxBadProofs is how many proofs of one message may be wrong before the rest of
// it is not looked at.
const maxBadProofs = 16

// proofs signs our own route and checks those of others.
type proofs struct {
	*env
	prover prover // nil: routes have no proofs
	told   func() // is called when our own route was signed anew
}

// init has our own route signed, if this process is a member with certificates.
func (p *proofs) init() {
	if c := p.cfg.Auth.Certificates(); c != nil && p.isMember() {
		p.prover = c
		p.view.signBy(p.sign)
	}
}

// sign signs our own route; view.mu is held.
func (p *proofs) sign(e *wire.Route) wire.RouteProof {
	cert, sig, err := p.prover.Sign(e.Signed())
	if err == nil && (len(cert) > wire.MaxProofCert || len(sig) > wire.MaxProofSig) {
		err = &foci.Error{
			Kind: foci.TooLarge, Msg: "the certificate or its signatures are too long to travel with a route", Fix: "use a certificate as foci init makes it: its own key P-256 or Ed25519, and at most 2 KiB",
		}
	}
	if err != nil {
		p.log.Error("this node's route cannot be signed: other members will refuse it", "err", err)
		return wire.RouteProof{}
	}
	return wire.RouteProof{Cert: cert, Sig: sig}
}

// renew signs our own route anew, as a newer one, when our certificate has
// changed, and has it told.
func (p *proofs) renew() {
	if p.prover == nil {
		return
	}
	cert, _, err := p.prover.Sign(nil) // it reads files that have changed
	if err != nil {
		return // the old proof is good as long as its certificate is
	}
	if p.view.renew(cert, p.cfg.Wall()) {
		p.told()
	}
}

// tellable lists the routes that a peer would take: where routes have proofs, those
// that are proved.
func (p *proofs) tellable(peer mesh.Identity, routes []wire.Route) []wire.Route {
	if p.prover == nil || !verifies(peer) {
		return routes
	}
	return slices.DeleteFunc(routes, func(e wire.Route) bool { return e.Proof.IsZero() })
}

// proved lists those entries that a peer told which would change our table and
// are proved by their nodes. Without certificates all entries are as good as
// any, and have no proof.
func (p *proofs) proved(from *mesh.Identity, entries []wire.Route) []wire.Route {
	if p.prover == nil {
		for i := range entries {
			entries[i].Proof = wire.RouteProof{}
		}
		return entries
	}
	now := p.cfg.Wall()
	look := p.view.unproved(entries, now)
	var good []wire.Route
	bad := 0
	for i := range look {
		e := &look[i]
		err := p.verify(from, e, time.Unix(0, now))
		if err == nil {
			good = append(good, *e)
			continue
		}
		level := slog.LevelWarn
		if e.Proof.IsZero() && from.Protocol < protocolProofs {
			level = slog.LevelDebug // its node tells it itself
		} else {
			bad++
		}
		p.log.Log(p.ctx, level, "route refused", "node", e.Node, "told by", from.Node, "err", err)
		if bad >= maxBadProofs && !mutant.On(mutant.AllBadProofs) {
			break
		}
	}
	return good
}

// verify checks an entry's proof.
func (p *proofs) verify(from *mesh.Identity, e *wire.Route, now time.Time) error {
	if e.Proof.IsZero() {
		// A node of protocol 1 signs nothing. On its own channel it has proved its
		// id, so its own route is its own; no other node can pass that on.
		if from.Node == e.Node && from.Protocol < protocolProofs && from.Principal.IsNode() || mutant.On(mutant.UnsignedRoutes) {
			return nil
		}
		return foci.Errorf(foci.Denied, "there is no signature of its node")
	}
	signer, err := p.prover.VerifyMember(e.Proof.Cert, e.Signed(), e.Proof.Sig, now)
	switch {
	case mutant.On(mutant.ForgedRoutes):
		return nil
	case err != nil:
		return err
	case signer != e.Node && !mutant.On(mutant.RoutesOfOthers):
		return foci.Errorf(foci.Denied, "it is signed by node %v", signer)
	}
	return nil
}

func (v *view) signBy(sign func(*wire.Route) wire.RouteProof) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.routes.SignBy(sign)
}

// renew makes our own route a newer one when it was signed by another certificate,
// and reports whether it did.
func (v *view) renew(cert []byte, now int64) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if bytes.Equal(cert, v.routes.Self().Proof.Cert) || !v.routes.Renew(now) {
		return false
	}
	v.spread.Moved()
	return true
}

// unproved lists those entries that would change our table.
func (v *view) unproved(entries []wire.Route, now int64) []wire.Route {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.routes.Unproved(entries, now)
}
