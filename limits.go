package foci

import "time"

// Limits on what a client may name, send and leave waiting. They are part of
// the protocol: every node refuses what is over them with [TooLarge] or
// [Invalid] before it allocates for it.
const (
	MinBucketLen = 3
	MaxBucketLen = 63
	MaxKeyLen    = 1024     // bytes of UTF-8
	MaxMetaLen   = 8 << 10  // bytes of metadata of one transaction
	MaxPayload   = 4 << 20  // bytes of one transaction or one chunk; larger content is cut into chunks
	MaxAppends   = 1 << 22  // appends above one base
	MaxGroups    = 15       // replicas of a bucket
	MaxPoints    = 256      // ring points of one backend
	MaxTable     = 1 << 16  // highest route table number, exclusive
	MaxAddrs     = 16       // addresses of one node
	MaxNodes     = 4096     // nodes of one cluster
	MaxBackends  = 16384    // backends of one cluster
	MaxChunks    = 10 << 20 // chunks of one object: 40 TiB
	MaxParts     = 10_000   // parts of one object that was uploaded in parts

	// MaxTime bounds the time of a version, in nanoseconds since 1970 (year
	// 2116): a clock beyond it is broken, and there must be room above it.
	MaxTime = 1 << 62

	// MaxClockAhead is how far above its own clock a replica accepts a time
	// without evidence that an owner of the object holds one as high. Clocks
	// that differ by more count as different.
	MaxClockAhead = 60 * time.Second

	// MaxUnprovedAhead is how far above its own clock a replica accepts a time,
	// whatever the evidence, from a client that proved no identity.
	MaxUnprovedAhead = 24 * time.Hour
)
