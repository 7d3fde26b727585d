package transfer

import (
	"context"
	"iter"
	"os"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// Objects is what a copy needs of the store.
type Objects interface {
	Put(ctx context.Context, name foci.Name, f *os.File, size int64) (int64, error)
	Get(ctx context.Context, name foci.Name, w *os.File) (int64, error)
	List(ctx context.Context, bucket, prefix string) iter.Seq2[Listed, error]
}

// Listed is one key of a listing.
type Listed struct {
	Key  string
	Size int64
}

// Through returns the objects of a session's cluster.
func Through(s *client.Session) Objects { return session{s} }

type session struct{ s *client.Session }

func (o session) Put(ctx context.Context, n foci.Name, f *os.File, size int64) (int64, error) {
	res, err := o.s.Put(ctx, n, f, size, client.PutOptions{})
	return res.Size, err
}

func (o session) Get(ctx context.Context, n foci.Name, w *os.File) (int64, error) {
	obj, err := o.s.Get(ctx, n, client.GetOptions{Length: -1})
	if err != nil {
		return 0, err
	}
	defer obj.Close()
	return obj.WriteTo(w)
}

func (o session) List(ctx context.Context, bucket, prefix string) iter.Seq2[Listed, error] {
	return func(yield func(Listed, error) bool) {
		for item, err := range o.s.List(ctx, bucket, client.ListOptions{Prefix: prefix}) {
			if !yield(Listed{item.Key, item.Size}, err) || err != nil {
				return
			}
		}
	}
}
