package foci

import "time"

// Limits of names, sizes and counts. They are part of the protocol: a node refuses
// a request over a limit with [TooLarge] or [Invalid], before it allocates memory.
const (
	MinBucketLen = 3        // bytes
	MaxBucketLen = 63       // bytes
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

	// MaxTime is the exclusive bound of the time of a version, in nanoseconds since
	// 1970 (year 2116). A clock beyond it is broken.
	MaxTime = 1 << 62

	// MaxClockAhead is how far a version's time may be ahead of a replica's clock,
	// unless an owner of the object is known to hold a time as high.
	MaxClockAhead = 60 * time.Second

	// MaxUnprovedAhead is how far the time of a version from an unauthenticated
	// client may be ahead of a replica's clock, whatever the evidence.
	MaxUnprovedAhead = 24 * time.Hour
)
