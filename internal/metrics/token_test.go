package metrics

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/files"
)

const secret = "0123456789abcdef0123456789abcdef"

// tokenFile is a file with that text and mode.
func tokenFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestTokenIsAskedFor: a scrape without the token, or with another, gets nothing.
func TestTokenIsAskedFor(t *testing.T) {
	token, err := LoadToken(files.OS(), tokenFile(t, secret+"\n", 0o600))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Serve("127.0.0.1:0", token, pair(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	defer http.DefaultClient.CloseIdleConnections()
	for header, want := range map[string]int{
		"Bearer " + secret: 200, "bearer " + secret: 200,
		"": 401, "Bearer": 401, "Bearer ": 401, secret: 401, "Basic " + secret: 401, "Bearer " + secret + "0": 401,
		"Bearer " + secret[1:]: 401, "Bearer  " + secret: 401, "Bearer " + strings.ToUpper(secret): 401,
	} {
		r, err := http.NewRequest(http.MethodGet, "http://"+s.Addr().String()+"/metrics", nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		got, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != want {
			t.Errorf("%q: status %d, want %d", header, got.StatusCode, want)
		}
	}
}

// TestExposedMetricsNeedAToken: an address that other machines reach is not
// served without one.
func TestExposedMetricsNeedAToken(t *testing.T) {
	for addr, want := range map[string]bool{
		"127.0.0.1:9100": true, "[::1]:9100": true, "127.1.2.3:9100": true, "[::ffff:127.0.0.1]:9100": true,
		"0.0.0.0:9100": false, "[::]:9100": false, "10.0.0.17:9100": false, "[fe80::1%eth0]:9100": false,
	} {
		err := checkExposure(addr, false)
		if (err == nil) != want || err != nil && (foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "metrics_token")) {
			t.Errorf("%s: %v, want it served %v", addr, err, want)
		}
		if err := checkExposure(addr, true); err != nil {
			t.Errorf("%s with a token: %v", addr, err)
		}
	}
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]bool{
		secret: true, secret + "\r\n": true, secret[:16]: true, strings.Repeat("x", 1024): true,
		"": false, secret[:15]: false, secret + "\n" + secret: false, "0123456789 abcdef": false, "0123456789abcd\u00fcf": false,
		strings.Repeat("x", 1025): false, strings.Repeat("x", 100_000): false,
	} {
		if _, err := LoadToken(files.OS(), tokenFile(t, text, 0o600)); (err == nil) != want {
			t.Errorf("%.40q: %v, want it good %v", text, err, want)
		}
	}
	if _, err := LoadToken(files.OS(), tokenFile(t, secret, 0o644)); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a token that everybody can read: %v", err)
	}
	if _, err := LoadToken(files.OS(), filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no file, and no error")
	}
}
