// Package credential makes and finds the files by which nodes and clients prove who
// they are: cluster keys, certificates and client credentials of a new cluster, and
// an index of the user's local clusters, from which commands take their credential
// when no flag names one. Keys and certificates themselves are package auth's.
//
// The index is refused if another user could have written it. It is replaced
// atomically, under a lock file, so that several processes may do so at once. The
// package has no goroutines and no locks in memory.
package credential
