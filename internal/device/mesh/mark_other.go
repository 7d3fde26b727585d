//go:build !unix

package mesh

import (
	"errors"
	"net"
)

// mark cannot be done on this system.
func mark(_ net.Conn, dscp uint8) error {
	if dscp == 0 {
		return nil
	}
	return errors.ErrUnsupported
}
