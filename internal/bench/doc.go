// Package bench generates load and measures it, beside the limits of the machine
// in the same run: [Objects] puts, gets and appends objects on a cluster, [Mesh]
// loads links between two meshes in this process, [DiskLimit] and [NetLimit]
// measure a bare file and a bare TCP connection. It prints nothing.
//
// Every function returns when its goroutines have ended. Goroutines of a load
// share an atomic counter and nothing else; echoClient.mu and meshPair.mu are
// never held together with another lock.
package bench
