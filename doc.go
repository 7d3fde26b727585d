// Package foci is the vocabulary of Foci, a masterless, append-only object
// store for machines that have more than one network: the names, identities,
// limits and errors that every other package speaks in. It depends on the
// standard library alone.
//
// An object is named by a bucket and a key ([Name]) and lives on a ring of
// 512-bit ids ([ID]). It is the ordered log of its transactions: puts, appends
// and removes, each with a [Version] that is fixed once and never used again.
// Its content is the latest put or remove (the base) and every append after it.
//
// The public Go client is package client; the server is cmd/foci.
package foci
