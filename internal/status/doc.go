// Package status reports the state of a process: the structs, the requests for them,
// and the function that answers. Data nodes, node clients and transport clients are
// each a [Source]; the first two answer over the mesh, a transport client only answers
// its own user.
//
// Answers are JSON, to which a newer process may add fields. The package starts no
// goroutine. [Traces] has a lock, under which no other one is taken.
package status
