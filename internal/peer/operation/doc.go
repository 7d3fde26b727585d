// Package operation is the shell of [core.Machine]: it runs the operations of a
// process over the mesh.
//
// It owns the machine, the alarm that ticks it, the payloads of operations while
// they may be sent ([Payload]), and the bounds on both. Which node owns what, and who
// carries an attempt there, it asks for: see [Paths] and [Layouts].
//
// # Goroutines
//
// It starts none. Events come on the goroutine of a caller (Run, giving up), of
// the mesh (an answer, a link that comes up or is lost), of membership (a layout)
// or of the alarm. Whoever brings an event carries out its effects: so the Done of
// an operation is called on any of these, under no lock, and must be quick.
//
// # Locks
//
// [Runner.mu] guards the machine. While it is held the machine asks for routes and
// reads how far bodies have come: the locks of paths, of membership and of the mesh
// come after it. The locks of alarm and Payload are taken alone. Decoding and
// hashing of answers is done outside of all locks.
package operation
