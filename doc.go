// Package foci is the vocabulary of Foci, a masterless, append-only object
// store for machines that have more than one network: the names, identities,
// limits and errors that all other packages use. It imports the standard library
// only.
//
// An object is named by a bucket and a key ([Name]) and lives on a ring of
// 512-bit ids ([ID]). An object is the ordered log of its transactions: puts,
// appends and removes, each with a unique [Version]. Its content is the latest
// put or remove (the base) and every append after it.
//
// The package owns no state, starts no goroutine and takes no lock.
//
// The public Go client is package client; the server is cmd/foci.
package foci
