package route

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/foci-store/foci"
)

// splitHostPort cuts host:port:rest or [host]:port:rest.
func splitHostPort(s string) (host, port, rest string, ok bool) {
	if inner, found := strings.CutPrefix(s, "["); found {
		host, s, ok = strings.Cut(inner, "]:")
		if !ok || strings.IndexByte(host, ':') < 0 {
			return "", "", "", false // brackets are for IPv6 alone
		}
	} else if host, s, ok = strings.Cut(s, ":"); !ok {
		return "", "", "", false
	}
	port, rest, ok = strings.Cut(s, ":")
	return host, port, rest, ok
}

func joinHostPort(host string, port uint16) string {
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(int(port))
}

// parseNumber parses a decimal number without sign or leading zeros, so that each
// number has one form.
func parseNumber(s string, most int) (int, error) {
	if s == "" || len(s) > 6 || s[0] == '0' && s != "0" {
		return 0, foci.Errorf(foci.Invalid, "%q is not a number of 0 to %d", foci.Clip(s), most)
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, foci.Errorf(foci.Invalid, "%q is not a number of 0 to %d", foci.Clip(s), most)
		}
		n = n*10 + int(c-'0')
	}
	if n > most {
		return 0, foci.Errorf(foci.Invalid, "%d is above %d", n, most)
	}
	return n, nil
}

func parsePort(s string, least int) (uint16, error) {
	n, err := parseNumber(s, 65535)
	if err == nil && n < least {
		err = foci.Errorf(foci.Invalid, "%d is below %d", n, least)
	}
	if err != nil {
		return 0, foci.Errorf(foci.Invalid, "port %w", err)
	}
	return uint16(n), nil
}

func parseFamily(s string) (Family, error) {
	switch s {
	case "0":
		return AnyFamily, nil
	case "2":
		return IPv4, nil
	case "10":
		return IPv6, nil
	}
	return 0, foci.Errorf(foci.Invalid, "family %q: want 2 for IPv4 or 10 for IPv6", foci.Clip(s))
}

// parseHost gives the canonical form of an IP or a DNS name.
func parseHost(s string, f Family) (string, error) {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return parseName(s)
	}
	switch {
	case ip.Is4In6():
		return "", foci.Errorf(foci.Invalid, "host %s is IPv4-mapped IPv6: write %s with family 2", ip, ip.Unmap())
	case ip.Is4() && f == IPv6, ip.Is6() && f == IPv4:
		return "", foci.Errorf(foci.Invalid, "host %s is not of family %d", ip, f)
	case ip.Zone() != "" && !plainZone(ip.Zone()):
		return "", foci.Errorf(foci.Invalid, "host %q: the zone is not the name of an interface", foci.Clip(s))
	}
	return ip.String(), nil
}

// plainZone reports whether a zone is a name that Linux allows for an interface,
// without characters of the grammar.
func plainZone(z string) bool {
	return len(z) <= 15 && strings.Trim(strings.ToLower(z), "abcdefghijklmnopqrstuvwxyz0123456789._-") == ""
}

// parseName gives the canonical form of a DNS name: lower case. Underscores are
// allowed, as SRV records and many private networks have them.
func parseName(s string) (string, error) {
	bad := func(why string) (string, error) {
		return "", foci.Errorf(foci.Invalid, "host %q %s", foci.Clip(s), why)
	}
	if s == "" {
		return bad("is empty")
	}
	if len(s) > 253 {
		return bad("is longer than 253 bytes")
	}
	s = strings.ToLower(s)
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return bad("has a part of 0 or more than 63 bytes")
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789_-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return bad("is neither an IP nor a DNS name")
		}
		last = label
	}
	if strings.Trim(last, "0123456789") == "" {
		return bad("is neither an IP nor a DNS name") // 10.0.0.256
	}
	return s, nil
}
