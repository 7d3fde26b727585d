// Package blobfoci is a driver for gocloud.dev/blob that stores blobs as objects of
// Foci.
//
//	b := blobfoci.OpenBucket(session, "photos")
//	err := b.WriteAll(ctx, "2026/cat.jpg", content, nil)
//
// With a URL the bucket has a client of its own:
//
//	b, err := blob.OpenBucket(ctx, "foci://photos?remote=10.0.0.1:1025:2")
//
// The attributes of a blob (content type, headers, metadata, MD5) are stored as the
// object's metadata: JSON of at most foci.MaxMetaLen bytes. Objects without metadata
// have the type application/octet-stream. Blob keys are object keys, except that
// U+0000, which Foci refuses, and U+0001 are stored as U+0001 U+0001 and U+0001
// U+0002, which keeps the order of keys.
//
// SignedURL, IfNotExist, which needs compare-and-set, and delimiters that contain
// U+0001 or U+0002 are not supported: they fail with gcerrors.Unimplemented.
//
// Each writer has one goroutine, which ends with Close. The package takes no lock. It
// is a module of its own, so that clients of Foci do not depend on gocloud.dev.
package blobfoci
