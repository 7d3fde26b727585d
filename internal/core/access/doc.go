// Package access decides what right each request needs, and whether its asker
// has it. It is pure: a replica calls [Check] for each request that it has
// decoded, before it looks at what it stores, so a refusal says nothing about
// what is there.
//
// A message that has no rule here is refused to everybody but administrators
// and members: who adds a method gives it a rule in need.go.
package access
