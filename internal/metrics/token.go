package metrics

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
)

// Bounds of a token, in bytes.
const (
	minToken = 16
	maxToken = 1 << 10
)

// Token is what a scraper proves itself with; nil asks for nothing, which
// only addresses of loopback may.
type Token struct{ sum [sha256.Size]byte }

// LoadToken reads a token: one line of 16 to 1,024 printable characters of ASCII
// without spaces, in a file that not everybody on the machine can reach.
func LoadToken(fsys files.FS, path string) (*Token, error) {
	text, err := auth.LoadSecret(fsys, path, maxToken+2)
	if err != nil {
		return nil, err
	}
	text = bytes.TrimRight(text, "\r\n")
	if len(text) < minToken || len(text) > maxToken || bytes.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return nil, &foci.Error{
			Kind: foci.Invalid, Op: "metrics", Where: path, Msg: "is no token: want one line of 16 to 1024 characters of ASCII without spaces",
			Fix: "openssl rand -hex 32 makes one",
		}
	}
	return &Token{sha256.Sum256(text)}, nil
}

// allows reports whether a request carries the token. Hashes of equal length are
// compared in constant time: how long it takes tells nothing of the token.
func (t *Token) allows(r *http.Request) bool {
	kind, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	sum := sha256.Sum256([]byte(given))
	return strings.EqualFold(kind, "Bearer") && subtle.ConstantTimeCompare(sum[:], t.sum[:]) == 1
}

// guard lets requests through that carry the token.
func (t *Token) guard(next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !t.allows(r) && !mutant.On(mutant.OpenMetrics) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "a bearer token is needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// checkExposure refuses an address that other machines reach, unless scrapers
// prove themselves.
func checkExposure(addr string, token bool) error {
	if token || Loopback(addr) || mutant.On(mutant.ExposedMetrics) {
		return nil
	}
	return &foci.Error{
		Kind: foci.Denied, Op: "metrics", Where: addr, Msg: "other machines reach this address, and would need nothing to read names, addresses and amounts",
		Fix: "name a file with a token by metrics_token or --metrics-token, or listen on 127.0.0.1",
	}
}
