package names

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// zone is a resolver of the test's own.
type zone struct {
	a, aaaa map[string][]string
	srv     map[string][]dnsmessage.SRVResource
}

func (z *zone) answer(q dnsmessage.Question) (rs []dnsmessage.Resource) {
	head := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type, TTL: 1}
	name := q.Name.String()
	switch q.Type {
	case dnsmessage.TypeA:
		for _, ip := range z.a[name] {
			rs = append(rs, dnsmessage.Resource{Header: head, Body: &dnsmessage.AResource{A: netip.MustParseAddr(ip).As4()}})
		}
	case dnsmessage.TypeAAAA:
		for _, ip := range z.aaaa[name] {
			rs = append(rs, dnsmessage.Resource{Header: head, Body: &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr(ip).As16()}})
		}
	case dnsmessage.TypeSRV:
		for _, s := range z.srv[name] {
			rs = append(rs, dnsmessage.Resource{Header: head, Body: &s})
		}
	}
	return rs
}

// serve makes the package ask this zone, until the test ends.
func (z *zone) serve(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var buf [512]byte
		for {
			n, from, err := c.ReadFrom(buf[:])
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			if m.Answers = z.answer(m.Questions[0]); m.Answers == nil {
				m.RCode = dnsmessage.RCodeNameError
			}
			if b, err := m.Pack(); err == nil {
				_, _ = c.WriteTo(b, from)
			}
		}
	}()
	before := resolver
	resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", c.LocalAddr().String())
	}}
	t.Cleanup(func() {
		resolver = before
		c.Close()
		<-done
	})
}

func TestResolve(t *testing.T) {
	z := zone{
		a:    map[string][]string{"n1.test.": {"10.0.0.1", "10.0.0.2"}, "n2.test.": {"10.0.0.3"}},
		aaaa: map[string][]string{"n1.test.": {"fd00::1"}},
		srv: map[string][]dnsmessage.SRVResource{"_foci._tcp.test.": {
			{Priority: 2, Port: 1026, Target: dnsmessage.MustNewName("n1.test.")},
			{Priority: 1, Port: 1025, Target: dnsmessage.MustNewName("n2.test.")},
			{Priority: 3, Port: 1027, Target: dnsmessage.MustNewName("gone.test.")},
		}},
	}
	z.serve(t)
	for remote, want := range map[string][]string{
		"10.9.9.9:7:2":        {"10.9.9.9:7"},
		"[fd00::9]:7:10":      {"[fd00::9]:7"},
		"n1.test:7:0":         {"10.0.0.1:7", "10.0.0.2:7", "[fd00::1]:7"},
		"n1.test:7:2":         {"10.0.0.1:7", "10.0.0.2:7"},
		"n1.test:7:10":        {"[fd00::1]:7"},
		"srv:_foci._tcp.test": {"10.0.0.3:1025", "10.0.0.1:1026", "10.0.0.2:1026", "[fd00::1]:1026"},
		"n2.test:7:10":        nil,
		"gone.test:7:0":       nil,
		"srv:_gone._tcp.test": nil,
	} {
		r, err := route.ParseRemote(remote)
		if err != nil {
			t.Fatal(err)
		}
		found, err := Resolve(t.Context(), r)
		var got []string
		for _, p := range found {
			got = append(got, p.HostPort())
		}
		if r.Service == "" {
			slices.Sort(got)
		} else if len(got) > 1 {
			slices.Sort(got[1:]) // the first priority stays first
		}
		if !slices.Equal(got, want) || (want == nil) != (foci.KindOf(err) == foci.Unreachable && err != nil) {
			t.Errorf("%s: %v, %v; want %v", remote, got, err, want)
		}
	}
}

// A resolver that says nothing is given up in time.
func TestSilentResolver(t *testing.T) {
	c, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	before := resolver
	defer func() { resolver = before }()
	resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp4", c.LocalAddr().String())
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := Resolve(ctx, route.Remote{Host: "n.test", Port: 1}); foci.KindOf(err) != foci.Unreachable || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}
