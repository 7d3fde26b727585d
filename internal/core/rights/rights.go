package rights

import (
	"slices"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/mutant"
)

// Op is one kind of thing that a principal may do to a bucket.
type Op uint8

// The operations, as bits. Admin is never about one bucket.
const (
	Read Op = 1 << iota
	Write
	Admin
)

// MaxBuckets is the most buckets that one principal's rights name.
const MaxBuckets = 64

// MaxText is the longest text form, in bytes.
const MaxText = MaxBuckets*(foci.MaxBucketLen+len("=rw,")) + len("*=rw,admin")

// Reserved is how the names of buckets begin that the cluster keeps for itself:
// only Admin reads or writes them.
const Reserved = "foci."

// Rights are what a principal may do: on all buckets, and more on some. The zero
// value is no right at all.
type Rights struct {
	all     Op
	buckets []bucket // sorted by name
}

type bucket struct {
	name string
	ops  Op
}

// Full are the rights of members, and of everybody where nothing is proved.
func Full() Rights { return Rights{all: Read | Write | Admin} }

// Data are those of a client that was given none by name: to read and to write
// all buckets.
func Data() Rights { return Rights{all: Read | Write} }

// Allows reports whether they hold an operation on a bucket; "" is all buckets,
// and what is no bucket's.
func (r Rights) Allows(op Op, name string) bool {
	if IsReserved(name) && !mutant.On(mutant.OpenReserved) {
		return r.all&Admin != 0
	}
	if r.all&op == op {
		return true
	}
	i, found := slices.BinarySearchFunc(r.buckets, name, func(b bucket, name string) int { return strings.Compare(b.name, name) })
	if mutant.On(mutant.AnyBucket) && len(r.buckets) > 0 {
		i, found = 0, true
	}
	return found && (r.all|r.buckets[i].ops)&op == op
}

// Everything reports whether no request can be refused for lack of a right.
func (r Rights) Everything() bool { return r.all == Read|Write|Admin }

// IsReserved reports whether a bucket is one that the cluster keeps for itself.
func IsReserved(bucket string) bool { return strings.HasPrefix(bucket, Reserved) }

// Scoped reports whether there is a bucket, not reserved, that these rights do not
// allow to read and to write. A request under such rights must name its bucket.
func (r Rights) Scoped() bool { return r.all&(Read|Write) != Read|Write }

// String is the text form: "*=rw,admin", "photos=r,music=rw", or "" for none.
func (r Rights) String() string {
	var parts []string
	if ops := r.all.String(); ops != "" {
		parts = append(parts, "*="+ops)
	}
	for _, b := range r.buckets {
		parts = append(parts, b.name+"="+b.ops.String())
	}
	if r.all&Admin != 0 {
		parts = append(parts, "admin")
	}
	return strings.Join(parts, ",")
}

// String is the text form of reading and writing: r, w or rw.
func (o Op) String() string {
	s := ""
	if o&Read != 0 {
		s += "r"
	}
	if o&Write != 0 {
		s += "w"
	}
	return s
}

// Parse reads the text form. It fails with Invalid.
func Parse(text string) (Rights, error) {
	var r Rights
	if len(text) > MaxText {
		return r, foci.Errorf(foci.Invalid, "rights of %d bytes: want at most %d", len(text), MaxText)
	}
	if text == "" {
		return r, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		if err := r.add(part); err != nil {
			return Rights{}, err
		}
	}
	slices.SortFunc(r.buckets, func(a, b bucket) int { return strings.Compare(a.name, b.name) })
	for i := 1; i < len(r.buckets); i++ {
		if r.buckets[i].name == r.buckets[i-1].name {
			return Rights{}, foci.Errorf(foci.Invalid, "rights: bucket %q is named twice", r.buckets[i].name)
		}
	}
	return r, nil
}

// add takes one part of the text form.
func (r *Rights) add(part string) error {
	if part == "admin" {
		r.all |= Admin
		return nil
	}
	name, ops, ok := strings.Cut(part, "=")
	var o Op
	switch ops {
	case "r":
		o = Read
	case "w":
		o = Write
	case "rw":
		o = Read | Write
	default:
		ok = false
	}
	switch {
	case !ok:
		return foci.Errorf(foci.Invalid, "rights: %q is not admin, *=OPS or BUCKET=OPS with OPS r, w or rw", foci.Clip(part))
	case name == "*":
		r.all |= o
		return nil
	case len(r.buckets) >= MaxBuckets:
		return foci.Errorf(foci.TooLarge, "rights name more than %d buckets", MaxBuckets)
	}
	if err := foci.ValidateBucket(name); err != nil {
		return foci.Errorf(foci.Invalid, "rights: %w", err)
	}
	r.buckets = append(r.buckets, bucket{name, o})
	return nil
}
