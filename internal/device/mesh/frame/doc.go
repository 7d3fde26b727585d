// Package frame reads and writes the frames of a channel: the bytes of one TCP
// connection, or of TLS over one. docs/protocol.md describes the format.
//
// It owns pooled memory ([Buffer]), the limits of a frame, and the batching of frames
// into system calls. It starts no goroutine. One goroutine reads a connection through
// its [Reader] and one writes it through its [Writer]. The only lock is that of the
// TLS records that wait for one write.
package frame
