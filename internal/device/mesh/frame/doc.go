// Package frame reads and writes the frames of a channel: the bytes of one TCP
// connection, or of TLS over one. docs/protocol.md describes the format.
//
// It owns pooled memory ([Buffer]), the limits of what one frame may hold, and the
// way in which frames share system calls. It starts no goroutine. One goroutine
// reads a connection through its [Reader] and one writes it through its [Writer];
// neither locks anything but the records of TLS that wait for one write.
package frame
