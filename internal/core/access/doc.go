// Package access decides whether a peer has the right that its request needs, by the
// table of methods in package wire. A replica calls [Check] for each decoded request
// before it reads its store, so a refusal reveals nothing about stored objects.
//
// If the table grants no right for a message, only administrators and members may
// send it. The package is pure: no state, no goroutine, no lock.
package access
