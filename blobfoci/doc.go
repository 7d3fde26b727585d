// Package blobfoci is a driver of Foci for gocloud.dev/blob: programs that are
// written for that package store their blobs in Foci as they do elsewhere.
//
//	b := blobfoci.OpenBucket(session, "photos")
//	err := b.WriteAll(ctx, "2026/cat.jpg", content, nil)
//
// or, with a client of its own, blob.OpenBucket(ctx, "foci://photos?remote=10.0.0.1:1025:2").
//
// What blob calls attributes (content type, headers, metadata, MD5) is the object's
// metadata, as JSON of at most foci.MaxMetaLen bytes. Objects without it are of type
// application/octet-stream. Keys are Foci's, but for the characters U+0000, which
// Foci does not take, and U+0001: they are stored as U+0001 U+0001 and U+0001 U+0002,
// so that the order of keys stays.
//
// Not supported: SignedURL, and IfNotExist, which needs compare-and-set.
//
// The package is a module of its own, so that clients of Foci do not depend on
// gocloud.dev.
package blobfoci
