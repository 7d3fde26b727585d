// Package links runs the machines of links over a model network, under a seed:
// two to four processes that dial each other, while connections are reset at
// every step of a handshake and of a message, fall silent, processes crash,
// shut down and come back as new incarnations, and paths work one way only.
//
// Every request must end exactly once, with its own answer or with an error
// that says why, and nothing may wait for ever.
package links
