package authtest

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
)

// Authority is that of a cluster key.
func Authority(t testing.TB, k auth.Key) *auth.Authority {
	t.Helper()
	ca, err := k.Authority()
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// File makes the credential file of a client with rights in text form.
func File(t testing.TB, ca *auth.Authority, name, text string) string {
	t.Helper()
	r, err := rights.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	credential, err := ca.Client(name, r, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return write(t, t.TempDir(), name, credential)
}

// Client is what a client with rights in text form proves itself with.
func Client(t testing.TB, ca *auth.Authority, name, text string) *auth.Credentials {
	t.Helper()
	c, err := auth.LoadCredential(files.OS(), File(t, ca, name, text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Node is what a node proves itself with. Its files are in dir.
func Node(t testing.TB, ca *auth.Authority, id foci.NodeID, dir string) *auth.Credentials {
	t.Helper()
	cert, key, err := ca.Node(id, "n", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := auth.LoadCertificates(files.OS(), auth.Files{
		Cert: write(t, dir, "cert.pem", cert), Key: write(t, dir, "key.pem", key), CA: write(t, dir, "ca.pem", ca.Cert()),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return auth.WithCertificates(c, nil)
}

func write(t testing.TB, dir, name string, text []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := files.OS().WriteSecret(path, text); err != nil {
		t.Fatal(err)
	}
	return path
}
