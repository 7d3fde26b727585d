package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/files"
)

func TestDenyListText(t *testing.T) {
	d, err := parseDenied([]byte("# lost in May\nserial 00:0A:ff # web's\n\n name client/web\nname node/01020300-0000-0000-0000-000000000000\n"))
	if err != nil || len(d.serials) != 1 || !d.serials["\x0a\xff"] || len(d.names) != 2 || !d.names["client/web"] {
		t.Errorf("%+v, %v", d, err)
	}
	entries := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "serial %x\n", i+1)
		}
		return b.String()
	}
	for text, want := range map[string]foci.Kind{
		"serial": foci.Invalid, "serial xyz": foci.Invalid, "serial 0 1": foci.Invalid, "name web": foci.Invalid, "name client/": foci.Invalid,
		"name node/web": foci.Invalid, "name client/a/b": foci.Invalid, "web": foci.Invalid, "serial " + strings.Repeat("1", 2*maxSerial+1): foci.Invalid,
		entries(maxDenyLines + 1): foci.TooLarge, strings.Repeat("#", maxDenyText+1): foci.TooLarge,
	} {
		if _, err := parseDenied([]byte(text)); foci.KindOf(err) != want || err == nil {
			t.Errorf("%q: %v", foci.Clip(text), err)
		}
	}
	if _, err := parseDenied([]byte(entries(maxDenyLines))); err != nil {
		t.Errorf("at the limit: %v", err)
	}
}

// TestDenyListIsReadAgain: an entry counts for the next handshake and for a
// certificate that was good before, by name and by serial number; a list that
// cannot be used changes nothing.
func TestDenyListIsReadAgain(t *testing.T) {
	now := time.Now()
	path := filepath.Join(t.TempDir(), "deny")
	var log bytes.Buffer
	creds := WithKeys(&Keys{list: []Key{testKey(1)}, log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := creds.Deny(files.OS(), path); err != nil {
		t.Fatalf("no file: %v", err)
	}
	creds, err := creds.For("home", nodeA, foci.RoleData)
	if err != nil {
		t.Fatal(err)
	}
	a, b := creds.Certificates(), member(t, foci.NodeID{9}, testKey(1))
	a.now = func() time.Time { return now }
	shown := &Shown{chain: []*x509.Certificate{b.current().own.Leaf}, use: x509.ExtKeyUsageServerAuth}
	serial := hex.EncodeToString(b.current().own.Leaf.SerialNumber.Bytes())
	for i, step := range []struct {
		text string
		ok   bool
	}{
		{"name client/web\n", true},
		{"name node/" + (foci.NodeID{9}).String(), false},
		{"rubbish", false},
		{"name node/" + (foci.NodeID{8}).String() + " # another", true},
		{"serial " + serial, false},
		{"", true},
	} {
		if err := os.WriteFile(path, []byte(step.text+strings.Repeat("\n", i)), 0o600); err != nil {
			t.Fatal(err)
		}
		now = now.Add(reloadEvery)
		if err := a.Judge(shown); (err == nil) != step.ok || err != nil && foci.KindOf(err) != foci.Denied {
			t.Errorf("%q: judged again: %v", step.text, err)
		}
		if dialled, _ := meet(t, a, b); (dialled == nil) != step.ok {
			t.Errorf("%q: %v", step.text, dialled)
		}
	}
	if !strings.Contains(log.String(), "the old one stays in force") {
		t.Errorf("log: %s", &log)
	}
	if err := os.WriteFile(path, []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := WithKey(testKey(1)).Deny(files.OS(), path); foci.KindOf(err) != foci.Invalid || !strings.Contains(err.Error(), path) {
		t.Errorf("a bad list at the start: %v", err)
	}
}

// FuzzDenyList: any text is read or refused.
func FuzzDenyList(f *testing.F) {
	f.Add([]byte("serial 0a\nname client/web # x\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := parseDenied(b); err != nil && foci.KindOf(err) != foci.Invalid && foci.KindOf(err) != foci.TooLarge {
			t.Error(err)
		}
	})
}
