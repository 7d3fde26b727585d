package mesh

import (
	"crypto/rand"
	"errors"
	"io"
	"net"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/auth"
)

// challenge proves to a stranger that we have the key, and has him prove the
// same. said is his hello, welcome what he will get if he can.
func (m *Mesh) challenge(conn net.Conn, hello *wire.Hello, said, welcome []byte) error {
	claim, err := auth.ParseClaim(hello.Proof)
	if err != nil {
		return m.refuse(conn, err)
	}
	if claim.Client != "" && hello.Role != foci.RoleTransport {
		return m.refuse(conn, &foci.Error{
			Kind: foci.Denied, Msg: "the credential of client " + claim.Client + " is not good for a member",
			Fix: "a node needs the cluster key: key in foci.toml",
		})
	}
	secret, err := m.cfg.Auth.Secret(&claim)
	if err != nil {
		return m.refuse(conn, err)
	}
	c := wire.Challenge{Welcome: welcome}
	_, _ = rand.Read(c.Nonce[:]) // never fails
	c.Proof = secret.Prove(auth.Listener, said, c.Nonce, welcome)
	if _, err := conn.Write(wire.AppendFrame(nil, &wire.Header{Type: wire.FrameChallenge}, c.Append(nil), nil)); err != nil {
		return err
	}
	h, contents, err := opening(conn)
	if errors.Is(err, io.EOF) {
		return foci.Errorf(foci.Denied, "he left without a proof: his key is not that of this cluster, or ours is not")
	}
	if err != nil {
		return err
	}
	var p wire.Proof
	if h.Type != wire.FrameProof {
		return m.refuse(conn, foci.Errorf(foci.Protocol, "a challenge is answered by a frame of type %d", h.Type))
	}
	if err := wire.Unmarshal(contents, &p); err != nil {
		return m.refuse(conn, err)
	}
	if !secret.Check(p.Proof, auth.Dialler, said, c.Nonce, welcome) {
		return m.refuse(conn, foci.Errorf(foci.Denied, "your proof is wrong: your key is not that of this cluster"))
	}
	return nil
}

// answer checks the listening side's proof and gives ours; it returns the
// welcome that has to come.
func (m *Mesh) answer(conn net.Conn, claim *auth.Claim, said, contents []byte) ([]byte, error) {
	var c wire.Challenge
	if err := wire.Unmarshal(contents, &c); err != nil {
		return nil, err
	}
	if m.cfg.Auth.Step() != wire.AuthKey {
		return nil, foci.Errorf(foci.Denied, "it asks for a key that we did not offer")
	}
	secret, err := m.cfg.Auth.Secret(claim)
	if err != nil {
		return nil, err
	}
	if !secret.Check(c.Proof, auth.Listener, said, c.Nonce, c.Welcome) {
		return nil, &foci.Error{
			Kind: foci.Denied, Msg: "the key there is not ours, or somebody between has changed what we said",
			Fix: "compare the cluster key of both sides, or make the credential anew from the key in use",
		}
	}
	p := wire.Proof{Proof: secret.Prove(auth.Dialler, said, c.Nonce, c.Welcome)}
	_, err = conn.Write(wire.AppendFrame(nil, &wire.Header{Type: wire.FrameProof}, p.Append(nil), nil))
	return c.Welcome, err
}
