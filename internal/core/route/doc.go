// Package route knows where nodes are: the grammar of addresses, and the table
// of what is known of every node's addresses.
//
// An address carries the number of a logical route table: addresses with the
// same number can reach one another. Tables are sparse: a node may have an
// address in table 0 only, another one in 0 and 2.
//
// What is known of a node is an entry, versioned by (incarnation, counter); a
// newer entry replaces an older one whole, from wherever it comes. A node alone
// writes its own entry.
package route
