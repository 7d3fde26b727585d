// Package status is what a process tells of itself: the structs, the questions
// that ask for them, and the one place that answers. Data nodes, node clients
// and transport clients are all a [Source]; the first two answer over the mesh,
// a transport client tells its own user only.
//
// Answers travel as JSON, which a newer process may add fields to. [Traces] has a
// lock of its own and starts no goroutine; no other lock is taken under it.
package status
