//go:build !unix

package frame

import (
	"errors"
	"net"
)

// Mark is not supported on this system.
func Mark(_ net.Conn, dscp uint8) error {
	if dscp == 0 {
		return nil
	}
	return errors.ErrUnsupported
}
