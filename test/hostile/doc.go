// Package hostile attacks a cluster of real processes, as a client with a
// credential and as a peer without one can, while other clients work: none of
// their operations may fail, no node may grow, and nothing may have to be
// restarted afterwards. Each attack once did harm.
package hostile
