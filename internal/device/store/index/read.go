package index

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/foci-store/foci"
)

// get is the value of a key, nil when there is none.
func (x *Index) get(key []byte) ([]byte, error) {
	v, closer, err := x.db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, Damaged(err)
	}
	v = append([]byte{}, v...)
	return v, Damaged(closer.Close())
}

// Object returns the row of an object; ok is false if there is none.
func (x *Index) Object(id *foci.ID) (s Summary, ok bool, err error) {
	var buf [1 + idLen]byte
	v, closer, err := x.db.Get(objectKey(buf[:0], id))
	if errors.Is(err, pebble.ErrNotFound) {
		return s, false, nil
	}
	if err != nil {
		return s, false, Damaged(err)
	}
	s, err = parseSummary(v)
	if e := closer.Close(); err == nil {
		err = Damaged(e)
	}
	return s, err == nil, err
}

// Absent returns the row of an object that most likely has none, as for the put of a
// new object; without a row it is the zero Summary. Unlike Object it asks the
// filters of the lowest level, where nearly all rows are: a miss costs a third.
func (x *Index) Absent(id *foci.ID) (s Summary, err error) {
	it, err := x.db.NewIter(&pebble.IterOptions{UseL6Filters: true})
	if err != nil {
		return s, Damaged(err)
	}
	var buf [1 + idLen]byte
	if it.SeekPrefixGE(objectKey(buf[:0], id)) {
		s, err = parseSummary(it.Value())
	}
	if e := it.Close(); err == nil {
		err = Damaged(e)
	}
	return s, err
}

// Version returns the version row of a transaction; ok is false if there is none.
// Objects with one transaction have no version rows.
func (x *Index) Version(id *foci.ID, v foci.Version) (p Placed, ok bool, err error) {
	var buf [1 + idLen + 16]byte
	row, err := x.get(versionKey(buf[:0], id, v))
	if err != nil || row == nil {
		return p, false, err
	}
	p, err = parsePlaced(row)
	return p, err == nil, err
}

// Versions calls yield for the version rows of an object from a version on, in
// order, until it returns false.
func (x *Index) Versions(id *foci.ID, from foci.Version, yield func(Placed) bool) error {
	lower := versionKey(nil, id, from)
	upper := append(append([]byte{}, lower[:1+idLen]...), 0xff) // no version begins with 0xff
	return x.each(lower, upper, func(_, row []byte) (bool, error) {
		p, err := parsePlaced(row)
		return err == nil && yield(p), err
	})
}

// Objects calls yield for the objects and chunks with from <= id <= to, in order,
// until it returns false. It sees one moment of the index.
func (x *Index) Objects(from, to foci.ID, yield func(foci.ID, *Summary) bool) error {
	return x.each(objectKey(nil, &from), append(objectKey(nil, &to), 0), func(key, row []byte) (bool, error) {
		s, err := parseSummary(row)
		return err == nil && yield(foci.ID(key[1:]), &s), err
	})
}

// Keys calls yield for the keys of a bucket that begin with prefix and come after a
// key, in order, until it returns false.
func (x *Index) Keys(bucket, prefix, after string, yield func(key string) bool) error {
	lower, upper := keyBounds(bucket, prefix, after)
	skip := len(nameKey(nil, bucket, ""))
	return x.each(lower, upper, func(key, _ []byte) (bool, error) { return yield(string(key[skip:])), nil })
}

// keyBounds are the first row of a page of keys, and the first after it.
func keyBounds(bucket, prefix, after string) (lower, upper []byte) {
	lower = nameKey(nil, bucket, prefix)
	upper = append(upper, lower...)
	for i := len(upper) - 1; i >= 0; i-- { // the next string that does not begin so
		if upper[i]++; upper[i] != 0 {
			upper = upper[:i+1]
			break
		}
	}
	if after != "" && strings.Compare(after, prefix) >= 0 {
		lower = append(nameKey(nil, bucket, after), 0)
	}
	return lower, upper
}

// Hint returns the row of a hint, nil if there is none.
func (x *Index) Hint(g foci.Group, id *foci.ID) ([]byte, error) {
	return x.get(hintKey(nil, g, id))
}

// Hints calls yield for the hints after one, by group and id, until it returns
// false.
func (x *Index) Hints(g foci.Group, after *foci.ID, yield func(g foci.Group, id foci.ID, row []byte) bool) error {
	return x.each(append(hintKey(nil, g, after), 0), []byte{rowHint + 1}, func(key, row []byte) (bool, error) {
		g, id, ok := parseHintKey(key)
		if !ok {
			return false, badRow("hint")
		}
		return yield(g, id, row), nil
	})
}

// each calls yield for the rows from lower up to, not including, upper, until it
// returns false or an error. What it is given is valid until it returns.
func (x *Index) each(lower, upper []byte, yield func(key, row []byte) (more bool, err error)) error {
	it, err := x.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return Damaged(err)
	}
	more := true
	for ok := it.First(); ok && more && err == nil; ok = it.Next() {
		more, err = yield(it.Key(), it.Value())
	}
	if e := it.Close(); err == nil {
		err = Damaged(e)
	}
	return err
}

// Dump returns all rows but the cursor, which may stand before or after records
// that say nothing: for tests that compare indexes.
func (x *Index) Dump() ([]byte, error) {
	var out []byte
	err := x.each(nil, nil, func(key, row []byte) (bool, error) {
		if !bytes.Equal(key, metaCursor) {
			out = fmt.Appendf(out, "%q %x\n", key, row)
		}
		return true, nil
	})
	return out, err
}
