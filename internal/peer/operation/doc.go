// Package operation is the shell of [core.Machine]: it runs the operations of a
// process over the mesh.
//
// It owns the machine, the alarm that ticks it, the payloads of operations while they
// may be sent ([Payload]), and the limits of pending operations and payloads. [Layouts]
// finds the owners of an object, [Paths] sends an attempt by its path.
//
// # Goroutines
//
// It starts none. Events arrive on the goroutine of a caller (Run, giveUp), of the mesh
// (an answer, a link that comes up or is lost), of membership (a layout) or of the
// alarm. The goroutine of an event carries out its effects. So the Done of an operation
// is called on any of these, under no lock, and must be quick.
//
// # Locks
//
// [Runner.mu] guards the machine. Under it the runner finds paths and reads the
// progress of bodies: the locks of paths, of membership and of the mesh come after it.
// The locks of alarm and Payload are taken alone. Answers are decoded and hashed
// outside of all locks.
package operation
