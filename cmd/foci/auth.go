package main

import (
	"log/slog"

	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/vfs"
)

// credentials are what the settings have a node prove itself with; nil is
// nothing.
func (c *serveConfig) credentials(log *slog.Logger) (*auth.Credentials, error) {
	var keys *auth.Keys
	if c.Key != "" {
		var err error
		if keys, err = auth.LoadKeys(vfs.OS(), c.Key, log); err != nil {
			return nil, err
		}
	}
	switch {
	case c.TLS != (tlsConfig{}):
		certs, err := auth.LoadCertificates(vfs.OS(), auth.Files{Cert: c.TLS.Cert, Key: c.TLS.Key, CA: c.TLS.CA}, log)
		if err != nil {
			return nil, err
		}
		return auth.WithCertificates(certs, keys), nil
	case keys != nil:
		return auth.WithKeys(keys), nil
	}
	return nil, nil
}
