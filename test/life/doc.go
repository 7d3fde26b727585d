// Package life holds ARCHITECTURE.md to what single operations execute.
package life
