// Package hostile attacks a cluster of real processes, as a client with a credential
// and as an unauthenticated peer, while other clients work. None of their operations
// may fail, no node's memory may grow, and no process may need a restart. Each attack
// once did harm.
package hostile
