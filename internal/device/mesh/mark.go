//go:build unix

package mesh

import (
	"net"
	"syscall"
)

// mark has the packets of a connection carry a DSCP value from now on; 0 leaves
// them as they are. The first packets of a handshake go unmarked.
func mark(conn net.Conn, dscp uint8) error {
	tcp := tcpBelow(conn)
	if dscp == 0 || tcp == nil {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		class := int(dscp) << 2
		// A socket for IPv6 may carry IPv4, so both are set; that for IPv4 has
		// the first alone.
		failed = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, syscall.IP_TOS, class)
		if six := syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IPV6, syscall.IPV6_TCLASS, class); six == nil {
			failed = nil
		}
	})
	if err != nil {
		return err
	}
	return failed
}
