package peer

import (
	"bytes"
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/device/names"
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
func verifies(who mesh.Identity) bool {
	return who.Role != foci.RoleTransport && who.Protocol >= protocolProofs
}

// maxBadProofs is how many proofs of one message may be wrong before the rest of
// it is not looked at.
const maxBadProofs = 16

// prove has our own route signed, if this process is a member with certificates.
func (j *join) prove() {
	if c := j.cfg.Mesh.Auth.Certificates(); c != nil && j.member() {
		j.prover = c
		j.routes.SignBy(j.sign)
	}
}

// sign signs our own entry; j.mu is held, or nothing has begun.
func (j *join) sign(e *wire.Route) wire.RouteProof {
	cert, sig, err := j.prover.Sign(e.Signed())
	if err == nil && (len(cert) > wire.MaxProofCert || len(sig) > wire.MaxProofSig) {
		err = &foci.Error{
			Kind: foci.TooLarge, Msg: "the certificate or its signatures are too long to travel with a route", Fix: "use a certificate as foci init makes it: its own key P-256 or Ed25519, and at most 2 KiB",
		}
	}
	if err != nil {
		j.log.Error("this node's route cannot be signed: other members will refuse it", "err", err)
		return wire.RouteProof{}
	}
	return wire.RouteProof{Cert: cert, Sig: sig}
}

// renewProof signs our own entry anew, as a newer one, when our certificate has
// changed, and has it told.
func (j *join) renewProof() {
	if j.prover == nil {
		return
	}
	cert, _, err := j.prover.Sign(nil) // it reads files that have changed
	if err != nil {
		return // the old proof is good as long as its certificate is
	}
	j.mu.Lock()
	self := j.routes.Self()
	changed := !bytes.Equal(cert, self.Proof.Cert) && j.routes.Renew(j.cfg.Mesh.Now())
	if changed {
		j.spread.Moved()
	}
	j.mu.Unlock()
	if changed {
		j.hurry()
	}
}

// proved lists those entries that a peer told which would change our table and
// are proved by their nodes. Without certificates all entries are as good as
// any, and have no proof.
func (j *join) proved(from *mesh.Identity, entries []wire.Route) []wire.Route {
	if j.prover == nil {
		for i := range entries {
			entries[i].Proof = wire.RouteProof{}
		}
		return entries
	}
	now := j.cfg.Mesh.Now()
	j.mu.Lock()
	look := j.routes.Unproved(entries, now)
	j.mu.Unlock()
	var good []wire.Route
	bad := 0
	for i := range look {
		e := &look[i]
		err := j.verify(from, e, time.Unix(0, now))
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
		j.log.Log(j.ctx, level, "route refused", "node", e.Node, "told by", from.Node, "err", err)
		if bad >= maxBadProofs && !mutant.On(mutant.AllBadProofs) {
			break
		}
	}
	return good
}

// verify checks an entry's proof.
func (j *join) verify(from *mesh.Identity, e *wire.Route, now time.Time) error {
	if e.Proof.IsZero() {
		// A node of protocol 1 signs nothing. On its own channel it has proved its
		// id, so its own route is its own; nobody can pass that on.
		if from.Node == e.Node && from.Protocol < protocolProofs && from.Principal.IsNode() || mutant.On(mutant.UnsignedRoutes) {
			return nil
		}
		return foci.Errorf(foci.Denied, "there is no signature of its node")
	}
	signer, err := j.prover.VerifyMember(e.Proof.Cert, e.Signed(), e.Proof.Sig, now)
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

// maxHints is how many hints are followed at a time.
const maxHints = 8

// Hint takes a route that was heard by a beacon. Where routes have proofs it has
// none, so it enters no table: its addresses are dialled, whoever is there proves
// itself and tells the rest.
func (p *Peer) Hint(r wire.Route) {
	j := &p.join
	if j.prover == nil {
		p.Learn(r.Node, []wire.Route{r})
		return
	}
	if r.Node == p.cfg.Mesh.Node || p.At(r.Node) != "" || j.ctx.Err() != nil {
		return
	}
	select {
	case j.hints <- struct{}{}:
		p.tasks.Go(func() {
			defer func() { <-j.hints }()
			j.dialHint(&r)
		})
	default: // the next beacon comes soon
	}
}

// dialHint dials the addresses of a route in our tables until a node answers.
func (j *join) dialHint(r *wire.Route) {
	var places []names.Place
	for _, text := range r.Addrs {
		a, err := route.ParseAddress(text)
		if err != nil || !j.uses(a.Table) {
			continue
		}
		found, err := names.Resolve(j.ctx, a.Remote())
		if err == nil {
			places = append(places, found...)
		}
	}
	if len(places) == 0 {
		return
	}
	if err := j.dialAny(places); err != nil && j.ctx.Err() == nil {
		j.log.Debug("a node that was heard cannot be reached", "peer", r.Node, "err", err)
	}
}

// uses reports whether a table is among ours.
func (j *join) uses(t foci.Table) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, ours := range j.tables {
		if ours == t {
			return true
		}
	}
	return false
}
