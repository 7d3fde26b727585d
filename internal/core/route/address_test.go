package route

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

func TestParseAddress(t *testing.T) {
	for text, want := range map[string]Address{
		"10.0.0.17:1025:2-0":               {"10.0.0.17", 1025, IPv4, 0},
		"[fd00::17]:1025:10-2":             {"fd00::17", 1025, IPv6, 2},
		"[::1]:1:10-65535":                 {"::1", 1, IPv6, 65535},
		"node1.example:65535:2-3":          {"node1.example", 65535, IPv4, 3},
		"node_1:1025:10-0":                 {"node_1", 1025, IPv6, 0},
		"a:1:2-0":                          {"a", 1, IPv4, 0},
		strings.Repeat("a", 63) + ":1:2-0": {strings.Repeat("a", 63), 1, IPv4, 0},
	} {
		got, err := ParseAddress(text)
		if err != nil || got != want {
			t.Errorf("%s is %+v, %v; want %+v", text, got, err, want)
		}
		if got.String() != text {
			t.Errorf("%s prints as %s", text, got)
		}
	}
	for text, usual := range map[string]string{
		"Node1.Example:1025:2-0":      "node1.example:1025:2-0",
		"[FD00:0:0:0::17]:1025:10-2":  "[fd00::17]:1025:10-2",
		"[fd00:0000::0017]:1025:10-2": "[fd00::17]:1025:10-2",
	} {
		if got, err := ParseAddress(text); err != nil || got.String() != usual {
			t.Errorf("%s prints as %v, %v; want %s", text, got, err, usual)
		}
	}
}

func TestParseAddressRefuses(t *testing.T) {
	for _, text := range []string{
		"", ":", "::", ":::", "10.0.0.17", "10.0.0.17:1025", "10.0.0.17:1025:2", "10.0.0.17:1025:2-",
		"10.0.0.17:1025:0-0", "10.0.0.17:1025:3-0", "10.0.0.17:1025:10-0", "[fd00::17]:1025:2-0", "10.0.0.17:1025:-0",
		"10.0.0.17:0:2-0", "10.0.0.17:65536:2-0", "10.0.0.17:+1:2-0", "10.0.0.17:01:2-0", "10.0.0.17:1025:2-65536",
		"10.0.0.17:1025:2--1", "10.0.0.17:1025:2-00", "10.0.0.17:1025:02-0", "10.0.0.17:1025:2-0 ", " 10.0.0.17:1025:2-0",
		"10.0.0.17:1025:2-99999999999999999999", "10.0.0.256:1025:2-0", "10.0.0:1025:2-0", "fd00::17:1025:10-2",
		"[10.0.0.17]:1025:2-0", "[fd00::17:1025:10-2", "fd00::17]:1025:10-2", "[]:1025:10-2", "[a]:1025:2-0",
		"[::ffff:10.0.0.17]:1025:10-0", "0.0.0.0:1025:2-0", "[::]:1025:10-0", "[fe80::1%eth0]:1025:10-0", "224.0.0.1:1025:2-0",
		"a..b:1025:2-0", ".a:1025:2-0", "a.:1025:2-0", "-a:1025:2-0", "a-:1025:2-0", "a b:1025:2-0", "é:1025:2-0", "a\x00:1:2-0",
		strings.Repeat("a", 64) + ":1:2-0", strings.Repeat("a.", 127) + "b:1:2-0", strings.Repeat("a", 1<<20),
	} {
		got, err := ParseAddress(text)
		if foci.KindOf(err) != foci.Invalid {
			t.Errorf("%.60q is %v, %v; want it refused", text, got, err)
			continue
		}
		if msg := err.Error(); len(msg) > 400 || !strings.Contains(msg, "host:port:family-table") {
			t.Errorf("%.60q: the error %q does not say briefly what is wanted", text, msg)
		}
	}
}

func TestParseRemote(t *testing.T) {
	for text, want := range map[string]Remote{
		"127.0.0.1:1025:2":           {Host: "127.0.0.1", Port: 1025, Family: IPv4},
		"[fd00::17]:1025:10":         {Host: "fd00::17", Port: 1025, Family: IPv6},
		"[fe80::1%eth0]:1025:10":     {Host: "fe80::1%eth0", Port: 1025, Family: IPv6},
		"node1:1025:0":               {Host: "node1", Port: 1025},
		"127.0.0.1:1025:0":           {Host: "127.0.0.1", Port: 1025},
		"srv:_foci._tcp.example.com": {Service: "_foci._tcp.example.com"},
		"srv:1025:2":                 {Host: "srv", Port: 1025, Family: IPv4},
	} {
		got, err := ParseRemote(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s is %+v, prints as %s, %v; want %+v", text, got, got, err, want)
		}
	}
	for _, text := range []string{
		"", "srv:", "srv:.", "srv:a b", "node1:1025", "node1:1025:2-0", "node1:0:2", "node1:1025:1", "[fe80::1%e:1]:1025:10",
		"[fe80::1%]:1025:10", "[fe80::1%a-very-long-name-indeed]:1025:10", strings.Repeat("a", 1<<16),
	} {
		if got, err := ParseRemote(text); foci.KindOf(err) != foci.Invalid {
			t.Errorf("%.60q is %+v, %v; want it refused", text, got, err)
		}
	}
	if _, err := ParseRemote("10.0.0.1:1025:2-0"); !strings.Contains(err.Error(), "a remote has no table") {
		t.Errorf("an address as a remote: %v", err)
	}
}

func TestParseBind(t *testing.T) {
	for _, c := range []struct{ addr, listen, on string }{
		{"203.0.113.7:1025:2-2", "", "203.0.113.7:1025"},
		{"203.0.113.7:1025:2-2", "0.0.0.0:11025", "0.0.0.0:11025"},
		{"node1:1025:10-2", "[::]:11025", "[::]:11025"},
		{"127.0.0.1:1025:2-0", "127.0.0.1:0", "127.0.0.1:0"},
	} {
		b, err := ParseBind(c.addr, c.listen)
		if err != nil || b.ListenOn() != c.on || b.Addr.String() != c.addr {
			t.Errorf("%s with listen %q listens on %s, %v; want %s", c.addr, c.listen, b.ListenOn(), err, c.on)
		}
	}
	for _, c := range [][2]string{
		{"nonsense", ""},
		{"203.0.113.7:1025:2-2", "[::]:11025"},
		{"[fd00::1]:1025:10-2", "0.0.0.0:1"},
		{"203.0.113.7:1025:2-2", "0.0.0.0"},
		{"203.0.113.7:1025:2-2", "localhost:1"},
		{"203.0.113.7:1025:2-2", "0.0.0.0:65536"},
		{"[fd00::1]:1025:10-2", "[::ffff:1.2.3.4]:1"},
		{"203.0.113.7:1025:2-2", "0.0.0.0:1:2"},
	} {
		if b, err := ParseBind(c[0], c[1]); foci.KindOf(err) != foci.Invalid {
			t.Errorf("%v: %+v, %v; want it refused", c, b, err)
		}
	}
}

func TestAddressInJSON(t *testing.T) {
	in := []Address{{"10.0.0.17", 1025, IPv4, 0}, {"fd00::17", 1025, IPv6, 2}}
	b, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out []Address
	if err := json.Unmarshal(b, &out); err != nil || len(out) != 2 || out[0] != in[0] || out[1] != in[1] {
		t.Errorf("%s reads as %v, %v", b, out, err)
	}
}

func FuzzParseAddress(f *testing.F) {
	for _, s := range []string{"10.0.0.17:1025:2-0", "[fd00::17]:1025:10-2", "Node1.Example:1:2-65535", "[::1%e]:1:10-0", "a:b:c-d", "[[::1]]:1:10-0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseAddress(s)
		if err != nil {
			return
		}
		again, err := ParseAddress(a.String())
		if err != nil || again != a {
			t.Fatalf("%q is %v, which reads as %v, %v", s, a, again, err)
		}
		if len(a.String()) > MaxAddressText || a.Port == 0 || a.Table >= foci.MaxTable || a.Family == AnyFamily {
			t.Fatalf("%q is %v, out of limits", s, a)
		}
	})
}

func FuzzParseRemote(f *testing.F) {
	for _, s := range []string{"10.0.0.17:1025:2", "[fe80::1%eth0]:1025:10", "srv:_foci._tcp.example.com", "srv:1:0", "srv:a:1:2", "A:1:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRemote(s)
		if err != nil {
			return
		}
		again, err := ParseRemote(r.String())
		if err != nil || again != r {
			t.Fatalf("%q is %v, which reads as %v, %v", s, r, again, err)
		}
		if (r.Service == "") == (r.Port == 0) {
			t.Fatalf("%q is both, or neither, a service and a place: %+v", s, r)
		}
	})
}
