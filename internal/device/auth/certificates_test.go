package auth

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/rights"
	"github.com/foci-store/foci/internal/device/files"
)

// place is a directory with the files of one node.
type place struct {
	t     *testing.T
	files Files
}

func newPlace(t *testing.T, a *Authority, id foci.NodeID) *place {
	dir := t.TempDir()
	p := &place{t, Files{Cert: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"), CA: filepath.Join(dir, "ca.pem")}}
	p.put(a, id, time.Now())
	return p
}

// put writes certificates as of a time.
func (p *place) put(a *Authority, id foci.NodeID, now time.Time) {
	p.t.Helper()
	cert, key, err := a.Node(id, "n", now)
	if err != nil {
		p.t.Fatal(err)
	}
	p.write(p.files.Cert, cert)
	p.write(p.files.Key, key)
	p.write(p.files.CA, a.Cert())
}

func (p *place) write(path string, b []byte) {
	p.t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) load() *Certificates {
	p.t.Helper()
	c, err := LoadCertificates(files.OS(), p.files, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// meet does a handshake and tells what each side thinks of the other.
func meet(t *testing.T, dialler, listener *Certificates) (dialled, accepted error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	done := make(chan error, 1)
	go func() {
		conn, err := ln.Accept()
		if err != nil {
			done <- err
			return
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		s := listener.Accept(conn)
		if err = s.Handshake(); err == nil {
			_, err = s.Peer()
		}
		_, _ = s.Write([]byte("x"))
		_ = s.Close()
		done <- err
	}()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	c := dialler.Dial(conn)
	if dialled = c.Handshake(); dialled == nil {
		_, dialled = c.Peer()
		_, _ = c.Read(make([]byte, 1)) // a ticket comes with it
	}
	return dialled, <-done
}

func authority(t *testing.T, cluster string) *Authority {
	t.Helper()
	a, err := NewAuthority(cluster, time.Now().AddDate(-1, 0, 0)) // older than every certificate here
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestMutualTLS(t *testing.T) {
	home := authority(t, "home")
	a, b := newPlace(t, home, nodeA).load(), newPlace(t, home, foci.NodeID{9}).load()
	for range 2 {
		if dialled, accepted := meet(t, a, b); dialled != nil || accepted != nil {
			t.Fatalf("%v; %v", dialled, accepted)
		}
	}
	if !a.Name().Equal(Name{Cluster: "home", Node: nodeA, Rights: rights.Full()}) {
		t.Error(a.Name())
	}
	client, err := newCertificates(nil, time.Now, &bundleSource{files.OS(), bundle(t, home)})
	if err != nil {
		t.Fatal(err)
	}
	if dialled, accepted := meet(t, client, a); dialled != nil || accepted != nil {
		t.Errorf("a client: %v; %v", dialled, accepted)
	}
	if dialled, _ := meet(t, a, client); foci.KindOf(dialled) != foci.Denied {
		t.Errorf("a client that listens: %v", dialled)
	}
	if err := WithCertificates(client, nil).Fit(foci.RoleClient); foci.KindOf(err) != foci.Denied {
		t.Errorf("a client's certificate fits a member: %v", err)
	}
}

func bundle(t *testing.T, a *Authority) string {
	t.Helper()
	text, err := a.Client("web", rights.Data(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "web.credential")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnbelieved: each side sees what is wrong with the other's certificate.
func TestUnbelieved(t *testing.T) {
	home, other := authority(t, "home"), authority(t, "home")
	good := newPlace(t, home, nodeA).load()
	expired := newPlace(t, home, foci.NodeID{9})
	expired.put(home, foci.NodeID{9}, time.Now().Add(-certificateLife-slack-time.Hour))
	early := newPlace(t, home, foci.NodeID{9})
	early.put(home, foci.NodeID{9}, time.Now().Add(slack+time.Hour))
	for name, tc := range map[string]struct {
		bad  *Certificates
		want string
	}{
		"expired":       {expired.load(), "expired at"},
		"not yet":       {early.load(), "not yet valid"},
		"wrong ca":      {newPlace(t, other, foci.NodeID{9}).load(), "not of an authority"},
		"other cluster": {newPlace(t, authority(t, "work"), foci.NodeID{9}).load(), "not of an authority"},
	} {
		if dialled, _ := meet(t, good, tc.bad); foci.KindOf(dialled) != foci.Denied || !strings.Contains(dialled.Error(), tc.want) {
			t.Errorf("%s, dialled: %v", name, dialled)
		}
		tc.bad.cur.Load().dial.VerifyConnection = func(tls.ConnectionState) error { return nil }
		if _, accepted := meet(t, tc.bad, good); foci.KindOf(accepted) != foci.Denied || !strings.Contains(accepted.Error(), tc.want) {
			t.Errorf("%s, accepted: %v", name, accepted)
		}
	}
}

// TestReload: new files are used without a restart, broken ones are not, and a
// log line names them.
func TestReload(t *testing.T) {
	home := authority(t, "home")
	p := newPlace(t, home, nodeA)
	var log bytes.Buffer
	c, err := LoadCertificates(files.OS(), p.files, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c.now = func() time.Time { return now }
	first := c.current()
	next := func() *loaded {
		now = now.Add(reloadEvery)
		return c.current()
	}
	if next() != first {
		t.Error("read again without a change")
	}
	p.write(p.files.Cert, []byte("rubbish"))
	if next() != first || !strings.Contains(log.String(), "old ones stay in use") {
		t.Errorf("a broken file; log: %s", &log)
	}
	lines := strings.Count(log.String(), "\n")
	if next(); strings.Count(log.String(), "\n") != lines {
		t.Error("the same broken file is complained of again")
	}
	p.put(home, foci.NodeID{7}, now)
	if next() != first || !strings.Contains(log.String(), "this process is") {
		t.Errorf("another node's certificate; log: %s", &log)
	}
	p.put(home, nodeA, now)
	if c.current() != first {
		t.Error("the files are looked at more than once in a second")
	}
	if next() == first || c.Name().Node != nodeA {
		t.Errorf("the new certificate is not used; log: %s", &log)
	}
	if err := os.Remove(p.files.Key); err != nil {
		t.Fatal(err)
	}
	last := c.current()
	if next() != last || !strings.Contains(log.String(), p.files.Key) {
		t.Errorf("a missing file; log: %s", &log)
	}
}

// TestNewAuthority: a cluster goes over to another authority without a moment at
// which two nodes do not believe each other: both are believed, then new
// certificates are made, then the old authority is taken out.
func TestNewAuthority(t *testing.T) {
	old, fresh := authority(t, "home"), authority(t, "home")
	places := []*place{newPlace(t, old, nodeA), newPlace(t, old, foci.NodeID{9})}
	certs := []*Certificates{places[0].load(), places[1].load()}
	now := time.Now()
	for _, c := range certs {
		c.now = func() time.Time { return now }
	}
	both := append(old.Cert(), fresh.Cert()...)
	for _, step := range []func(*place, foci.NodeID){
		func(p *place, _ foci.NodeID) { p.write(p.files.CA, both) },
		func(p *place, id foci.NodeID) {
			p.put(fresh, id, now)
			p.write(p.files.CA, both)
		},
		func(p *place, _ foci.NodeID) { p.write(p.files.CA, fresh.Cert()) },
	} {
		for i, p := range places {
			step(p, []foci.NodeID{nodeA, {9}}[i])
			now = now.Add(reloadEvery)
			if dialled, accepted := meet(t, certs[0], certs[1]); dialled != nil || accepted != nil {
				t.Fatalf("%v; %v", dialled, accepted)
			}
		}
	}
	if dialled, _ := meet(t, newPlace(t, old, foci.NodeID{7}).load(), certs[0]); foci.KindOf(dialled) != foci.Denied {
		t.Errorf("the old authority is still believed: %v", dialled)
	}
}

func TestLoadRefuses(t *testing.T) {
	home := authority(t, "home")
	p := newPlace(t, home, nodeA)
	if err := os.Chmod(p.files.Key, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadCertificates(files.OS(), p.files, nil); foci.KindOf(err) != foci.Denied || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that everybody can read: %v", err)
	}
	if _, err := LoadCertificates(files.OS(), Files{Cert: p.files.Cert}, nil); foci.KindOf(err) != foci.Invalid {
		t.Errorf("files are missing: %v", err)
	}
	k := testKey(1)
	for name, tc := range map[string]struct {
		text []byte
		ok   bool
	}{
		"client's key of protocol 1": {[]byte(oldClientPrefix + "web:AAAA\n"), false}, "cluster key": {k.Text(), true}, "two keys": {KeysText(k, testKey(2)), true},
		"rubbish": {[]byte("rubbish"), false}, "half a bundle": {home.Cert(), false},
	} {
		p.write(p.files.Cert, tc.text)
		if _, err := LoadCredential(files.OS(), p.files.Cert, nil); (err == nil) != tc.ok || err != nil && !strings.Contains(err.Error(), p.files.Cert) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := LoadKey(files.OS(), filepath.Join(t.TempDir(), "none")); foci.KindOf(err) != foci.Invalid {
		t.Error(err)
	}
}

func TestAuthorityText(t *testing.T) {
	a := authority(t, "home")
	key, err := a.Key()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseAuthority(a.Cert(), key)
	if err != nil || again.Cluster() != "home" {
		t.Fatalf("%v", err)
	}
	other := authority(t, "home")
	if _, err := ParseAuthority(other.Cert(), key); foci.KindOf(err) != foci.Invalid {
		t.Errorf("another's key: %v", err)
	}
}

// FuzzCertificates: files of any content are read or refused.
func FuzzCertificates(f *testing.F) {
	a, err := NewAuthority("home", time.Now())
	if err != nil {
		f.Fatal(err)
	}
	text, err := a.Client("web", rights.Data(), time.Now())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(a.Cert())
	f.Fuzz(func(t *testing.T, b []byte) {
		cert, key, ca, err := splitBundle(b)
		if err == nil {
			_, err = parse(cert, key, ca)
		}
		if err != nil && foci.KindOf(err) != foci.Invalid {
			t.Errorf("%v", err)
		}
		_, _ = ParseAuthority(b, b)
	})
}
