// Package lab runs real foci processes on networks of its own and breaks those
// networks: links go down, packets are lost or pass one way only, a firewall
// forgets its connections.
//
//	l := lab.New(t)
//	c := l.Cluster("a", "b", "c")
//	cut := l.Cut(c.Host("a"), c.Host("b"))
//	…
//	cut.Heal()
//
// Everything is in namespaces that die with the test process, however that
// ends: it starts itself again as the first process of new network, mount and
// process namespaces, and each host is a network namespace inside. So nothing
// is left behind, nothing has to be swept, and several runs do not meet.
//
// It needs root, or user namespaces, and the programs ip and nft. Without them
// the tests are skipped and say why. The environment variable FOCI_LAB is
//
//	(empty)  short scenarios, skipped where namespaces cannot be made
//	off      skipped
//	ci       short scenarios, and it is an error when they cannot run
//	full     the full lengths, and the same
package lab
