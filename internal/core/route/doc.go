// Package route knows where nodes are: the grammar of addresses, and the table of
// every node's addresses.
//
// An address has two forms: its text, in configurations, in layouts and on the
// wire, and the parsed [Address], everywhere else. It carries the number of a
// logical route table: addresses with the same number can reach one another. Tables
// are sparse: a node may have an address in table 0 only, another one in 0 and 2.
//
// A node's entry in [Routes] is versioned by (incarnation, counter). A newer entry
// replaces an older one as a whole, whichever peer tells it. Only the node itself
// writes its entry. Entries spread by gossip ([Spread]) and by anti-entropy, the
// comparison of digests ([Routes.Digest]).
package route
