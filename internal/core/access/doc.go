// Package access decides whether an asker has the right that a request needs, by
// the table of methods in package wire. It is pure: a replica calls [Check] for
// each request that it has decoded, before it looks at what it stores, so a
// refusal says nothing about what is there.
//
// A message that the table opens to nobody is refused to all but administrators
// and members.
package access
