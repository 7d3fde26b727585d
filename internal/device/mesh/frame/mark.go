//go:build unix

package frame

import (
	"net"
	"syscall"
)

// Mark sets the DSCP value of the packets of a connection; 0 leaves them as they
// are. The first packets of a TCP handshake are sent before it and go unmarked.
func Mark(conn net.Conn, dscp uint8) error {
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
		// An IPv6 socket may carry IPv4-mapped addresses, so both options are
		// set; an IPv4 socket has the first alone.
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
