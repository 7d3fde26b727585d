// Package handshake opens a channel: the messages by which two processes tell each
// other who they are before anything else is sent. docs/protocol.md describes them.
package handshake
