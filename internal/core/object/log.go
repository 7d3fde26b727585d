package object

import (
	"slices"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/record"
)

// Log holds one object's transactions in memory, in version order, and its vote.
type Log struct {
	entries []record.Record
	vote    record.Vote
}

// Add adds a record. It reports dup if the log has the same transaction already, and
// fails with Conflict if it has the version with other content.
func (l *Log) Add(r record.Record) (dup bool, err error) {
	i, found := l.find(r.Version)
	if found {
		return true, SameContent(&l.entries[i].Entry, &r.Entry)
	}
	v, err := Apply(l.vote, &r.Entry, func(yield func(record.Entry) bool) {
		for k := i; k < len(l.entries) && yield(l.entries[k].Entry); k++ {
		}
	})
	if err != nil {
		return false, err
	}
	l.vote = v
	l.entries = slices.Insert(l.entries, i, r)
	return false, nil
}

// SameContent fails with Conflict unless both entries, which share a version,
// are the same transaction.
func SameContent(have, got *record.Entry) error {
	if have.Op == got.Op && have.Hash == got.Hash {
		return nil
	}
	return foci.Errorf(foci.Conflict, "version %v is stored with other content: two transactions share a version, which must never happen", got.Version)
}

// Vote is the replica's vote on the object.
func (l *Log) Vote() record.Vote { return l.vote }

// Get returns the record of a version.
func (l *Log) Get(v foci.Version) (record.Record, bool) {
	if i, ok := l.find(v); ok {
		return l.entries[i], true
	}
	return record.Record{}, false
}

// From returns the log from a version on, inclusive. The caller must not change it.
func (l *Log) From(v foci.Version) []record.Record {
	i, _ := l.find(v)
	return l.entries[i:]
}

// Len is the number of transactions.
func (l *Log) Len() int { return len(l.entries) }

func (l *Log) find(v foci.Version) (int, bool) {
	return slices.BinarySearchFunc(l.entries, v, func(r record.Record, v foci.Version) int { return r.Version.Compare(v) })
}
