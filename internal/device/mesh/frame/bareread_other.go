//go:build !unix

package frame

import "net"

// bareReader is for systems where a connection can be waited for without a
// buffer; on this one it is read in the ordinary way.
type bareReader struct{}

func newBareReader(*net.TCPConn) *bareReader { return nil }

func (r *bareReader) wait(*Buffer, int) (*Buffer, int, error) { return nil, 0, nil }
