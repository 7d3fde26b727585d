package settings

import (
	"log/slog"
	"path/filepath"

	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
)

// credentials are what the settings have a node prove itself with, and what they
// deny; nil is nothing.
func (c *Node) credentials(log *slog.Logger) (*auth.Credentials, error) {
	proof, err := c.proof(log)
	if err != nil || proof == nil {
		return nil, err
	}
	deny := c.Auth.Deny
	if deny == "" {
		deny = filepath.Join(c.Dir, denyFile)
	}
	return proof, proof.Deny(files.OS(), deny)
}

// denyFile is the name of the deny list in a node's directory.
const denyFile = "deny"

// proof are the credentials themselves.
func (c *Node) proof(log *slog.Logger) (*auth.Credentials, error) {
	var keys *auth.Keys
	if c.Key != "" {
		var err error
		if keys, err = auth.LoadKeys(files.OS(), c.Key, log); err != nil {
			return nil, err
		}
	}
	switch {
	case c.TLS != (TLS{}):
		certs, err := auth.LoadCertificates(files.OS(), auth.Files{Cert: c.TLS.Cert, Key: c.TLS.Key, CA: c.TLS.CA, IssuingKey: c.TLS.IssuingKey}, log)
		if err != nil {
			return nil, err
		}
		return auth.WithCertificates(certs, keys), nil
	case keys != nil:
		return auth.WithKeys(keys), nil
	}
	return nil, nil
}
