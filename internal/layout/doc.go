// Package layout is the one value that says who stores what: nodes, backends and
// their points on the ring, buckets and their groups, under an epoch. It travels and
// is kept as JSON; [Snapshot] is its form for looking things up. Both are never
// changed once made, so they need no locks. The package has no goroutines.
package layout
