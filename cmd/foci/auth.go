package main

import (
	"log/slog"

	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/vfs"
)

// credentials are what the settings have a node prove itself with; nil is
// nothing.
func (c *serveConfig) credentials(log *slog.Logger) (*auth.Credentials, error) {
	var key *auth.Key
	if c.Key != "" {
		k, err := auth.LoadKey(vfs.OS(), c.Key)
		if err != nil {
			return nil, err
		}
		key = &k
	}
	switch {
	case c.TLS != (tlsConfig{}):
		certs, err := auth.LoadCertificates(vfs.OS(), auth.Files{Cert: c.TLS.Cert, Key: c.TLS.Key, CA: c.TLS.CA}, log)
		if err != nil {
			return nil, err
		}
		return auth.WithCertificates(certs, key), nil
	case key != nil:
		return auth.WithKey(*key), nil
	}
	return nil, nil
}
