// Package rights defines principals, the authenticated identities of peers, and their
// rights: to read, to write and to administer, on all buckets or on some. All are pure
// values. Certificates carry their text form.
package rights
