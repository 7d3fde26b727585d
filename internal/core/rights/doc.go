// Package rights says who a peer has proved to be, and what it may do: a
// principal has rights to read, to write and to administer, on all buckets or
// on some. It is pure values; certificates carry their text form.
package rights
