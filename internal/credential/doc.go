// Package credential creates and finds credential files: the cluster keys,
// certificates and client credentials of a new cluster, and an index of the user's
// local clusters, from which commands take the credential when no flag names one.
// Package auth defines keys and certificates.
//
// The index is refused if another user could have written it. A lock file lets several
// processes replace the index, atomically. The package has no goroutines and no locks
// in memory.
package credential
