// Package wire is every struct that nodes, and the machines inside one node,
// say to each other, and its encoding: little-endian, fixed where it can be,
// every length checked against its limit before anything is allocated.
//
// Compatibility: a decoder ignores bytes after the last field that it knows,
// so later versions may append fields; everything else needs a new protocol
// version in the hello.
package wire
