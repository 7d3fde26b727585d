package blobfoci

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/driver"
	"gocloud.dev/gcerrors"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// OpenBucket opens a bucket through a session. It sends nothing. The client of the
// session must not be closed before the bucket.
func OpenBucket(s *client.Session, bucket string) *blob.Bucket {
	return blob.NewBucket(&store{s: s, bucket: bucket})
}

// store is one bucket of a session.
type store struct {
	s      *client.Session
	bucket string
	close  func() error // of what it has opened itself; may be nil
}

var _ driver.Bucket = (*store)(nil)

var (
	escaper   = strings.NewReplacer("\x00", "\x01\x01", "\x01", "\x01\x02")
	unescaper = strings.NewReplacer("\x01\x01", "\x00", "\x01\x02", "\x01")
)

func (b *store) name(key string) foci.Name {
	return foci.Name{Bucket: b.bucket, Key: escaper.Replace(key)}
}

// errUnsupported is the error of operations that Foci does not have.
var errUnsupported = errors.New("not supported by Foci")

// codes maps kinds to codes; all other kinds are gcerrors.Unknown.
var codes = map[foci.Kind]gcerrors.ErrorCode{
	foci.Internal: gcerrors.Internal, foci.Corrupt: gcerrors.Internal, foci.Protocol: gcerrors.Internal,
	foci.Invalid: gcerrors.InvalidArgument, foci.TooLarge: gcerrors.InvalidArgument,
	foci.NotFound: gcerrors.NotFound, foci.Gone: gcerrors.NotFound,
	foci.Busy: gcerrors.ResourceExhausted, foci.ReadOnly: gcerrors.ResourceExhausted,
	foci.Canceled: gcerrors.Canceled, foci.Denied: gcerrors.PermissionDenied, foci.Conflict: gcerrors.FailedPrecondition,
}

// ErrorCode implements driver.Bucket.
func (b *store) ErrorCode(err error) gcerrors.ErrorCode {
	var e *foci.Error
	switch code, known := codes[foci.KindOf(err)]; {
	case errors.Is(err, errUnsupported):
		return gcerrors.Unimplemented
	case errors.Is(err, context.DeadlineExceeded):
		return gcerrors.DeadlineExceeded
	case !errors.As(err, &e) || !known:
		return gcerrors.Unknown
	default:
		return code
	}
}

// As sets i, if it is a **client.Session, to the session.
func (b *store) As(i any) bool { return as(b.s, i) }

// ErrorAs sets i, if it is a **foci.Error, to the error.
func (b *store) ErrorAs(err error, i any) bool {
	e, ok := i.(**foci.Error)
	return ok && errors.As(err, e)
}

// as sets i to v if i is a *T.
func as[T any](v T, i any) bool {
	p, ok := i.(*T)
	if ok {
		*p = v
	}
	return ok
}

// before runs a callback that may ask for a value of the driver; there is none.
func before(f func(func(any) bool) error) error {
	if f == nil {
		return nil
	}
	return f(func(any) bool { return false })
}

// Attributes implements driver.Bucket.
func (b *store) Attributes(ctx context.Context, key string) (*driver.Attributes, error) {
	info, err := b.s.Stat(ctx, b.name(key))
	if err != nil {
		return nil, err
	}
	a := attributesOf(info.Meta)
	return &driver.Attributes{
		CacheControl: a.CacheControl, ContentDisposition: a.ContentDisposition, ContentEncoding: a.ContentEncoding,
		ContentLanguage: a.ContentLanguage, ContentType: a.ContentType, Metadata: a.Metadata,
		ModTime: modified(&info), Size: info.Size, MD5: a.md5(&info), ETag: `"` + info.Version.String() + `"`,
		AsFunc: func(i any) bool { return as(info, i) },
	}, nil
}

// ListPaged implements driver.Bucket.
func (b *store) ListPaged(ctx context.Context, opts *driver.ListOptions) (*driver.ListPage, error) {
	if strings.ContainsAny(opts.Delimiter, "\x01\x02") { // it would be found in the middle of an escaped character
		return nil, fmt.Errorf("a delimiter with U+0001 or U+0002 is %w", errUnsupported)
	}
	if err := before(opts.BeforeList); err != nil {
		return nil, err
	}
	page, err := b.s.ListPage(ctx, b.bucket, client.ListOptions{
		Prefix: escaper.Replace(opts.Prefix), Delimiter: escaper.Replace(opts.Delimiter), After: string(opts.PageToken), Limit: opts.PageSize,
	})
	if err != nil {
		return nil, err
	}
	list := &driver.ListPage{NextPageToken: []byte(page.Next)}
	for _, it := range page.Items {
		o := &driver.ListObject{Key: unescaper.Replace(it.Key), IsDir: it.Prefix, AsFunc: func(i any) bool { return as(it, i) }}
		if !it.Prefix {
			o.ModTime, o.Size = it.Modified, it.Size
		}
		list.Objects = append(list.Objects, o)
	}
	return list, nil
}

// Copy implements driver.Bucket. This process reads and writes the content.
func (b *store) Copy(ctx context.Context, dstKey, srcKey string, opts *driver.CopyOptions) error {
	r, err := b.s.Get(ctx, b.name(srcKey), client.GetOptions{})
	if err != nil {
		return err
	}
	defer r.Close()
	if err := before(opts.BeforeCopy); err != nil {
		return err
	}
	from, meta := io.Reader(r), client.Meta(r.Meta)
	if a := attributesOf(r.Meta); r.Appends > 0 && a.MD5 != nil { // the MD5 is that of the content before them
		sum := md5.New()
		from, meta = io.TeeReader(r, sum), func() ([]byte, error) { return a.encode(sum) }
	}
	_, err = b.s.Put(ctx, b.name(dstKey), from, r.Size, client.PutOptions{Meta: meta})
	return err
}

// Delete implements driver.Bucket. Two concurrent calls for one blob may both succeed.
func (b *store) Delete(ctx context.Context, key string) error {
	if _, err := b.s.Stat(ctx, b.name(key)); err != nil {
		return err
	}
	_, err := b.s.Remove(ctx, b.name(key))
	return err
}

// SignedURL implements driver.Bucket; it is not supported.
func (b *store) SignedURL(context.Context, string, *driver.SignedURLOptions) (string, error) {
	return "", errUnsupported
}

// Close implements driver.Bucket.
func (b *store) Close() error {
	if b.close == nil {
		return nil
	}
	return b.close()
}
