// Package layout defines the placement of objects: nodes, backends and their points on
// the ring, buckets and their groups, under an epoch. A layout is sent and stored as
// JSON; [Snapshot] is its form for lookups. Both are immutable and need no locks. The
// package has no goroutines.
package layout
