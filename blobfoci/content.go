package blobfoci

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"time"

	"gocloud.dev/blob/driver"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// attributes are the metadata of a blob's object.
type attributes struct {
	ContentType        string            `json:"content_type"`
	CacheControl       string            `json:"cache_control,omitempty"`
	ContentDisposition string            `json:"content_disposition,omitempty"`
	ContentEncoding    string            `json:"content_encoding,omitempty"`
	ContentLanguage    string            `json:"content_language,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	MD5                []byte            `json:"md5,omitempty"`
}

const unknownType = "application/octet-stream"

// attributesOf decodes metadata; attributes are empty if another program wrote it.
func attributesOf(meta []byte) attributes {
	var a attributes
	if json.Unmarshal(meta, &a) != nil {
		a = attributes{}
	}
	if a.ContentType == "" {
		a.ContentType = unknownType
	}
	return a
}

// encode encodes the attributes with the MD5 of the content.
func (a *attributes) encode(sum hash.Hash) ([]byte, error) {
	a.MD5 = sum.Sum(nil)
	return json.Marshal(a)
}

// md5 is the MD5 of the content; nil if the object has appends.
func (a *attributes) md5(info *client.Info) []byte {
	if info.Appends > 0 {
		return nil
	}
	return a.MD5
}

func modified(info *client.Info) time.Time { return time.Unix(0, info.Version.Time) }

// NewRangeReader implements driver.Bucket.
func (b *store) NewRangeReader(ctx context.Context, key string, offset, length int64, opts *driver.ReaderOptions) (driver.Reader, error) {
	o := client.GetOptions{Offset: offset, Length: length}
	if length == 0 {
		o.Length = 1 // for Get it would be all that there is
	}
	r, err := b.s.Get(ctx, b.name(key), o)
	if err != nil {
		return nil, err
	}
	if err := before(opts.BeforeRead); err != nil {
		_ = r.Close() // never fails
		return nil, err
	}
	a := attributesOf(r.Meta)
	return &reader{r, length == 0, driver.ReaderAttributes{ContentType: a.ContentType, ModTime: modified(&r.Info), Size: r.Size}}, nil
}

// reader reads a blob.
type reader struct {
	*client.Reader
	empty      bool // only its attributes are wanted
	attributes driver.ReaderAttributes
}

// Read implements driver.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.empty {
		return 0, io.EOF
	}
	return r.Reader.Read(p)
}

// Attributes implements driver.Reader.
func (r *reader) Attributes() *driver.ReaderAttributes { return &r.attributes }

// As sets i, if it is a **client.Reader, to the reader.
func (r *reader) As(i any) bool { return as(r.Reader, i) }

// Download implements driver.Downloader.
func (r *reader) Download(w io.Writer) error {
	_, err := r.WriteTo(w)
	return err
}

// NewTypedWriter implements driver.Bucket.
func (b *store) NewTypedWriter(ctx context.Context, key, contentType string, opts *driver.WriterOptions) (driver.Writer, error) {
	if opts.IfNotExist {
		return nil, fmt.Errorf("IfNotExist is %w before it has compare-and-set", errUnsupported)
	}
	name := b.name(key)
	if err := name.Validate(); err != nil {
		return nil, err
	}
	if err := before(opts.BeforeWrite); err != nil {
		return nil, err
	}
	return &writer{
		ctx: ctx, s: b.s, name: name, sum: md5.New(),
		a: attributes{
			ContentType: contentType, CacheControl: opts.CacheControl, ContentDisposition: opts.ContentDisposition,
			ContentEncoding: opts.ContentEncoding, ContentLanguage: opts.ContentLanguage, Metadata: opts.Metadata,
		},
	}, nil
}

// writer writes a blob. The first Write starts a put, which reads from a pipe.
type writer struct {
	ctx  context.Context
	s    *client.Session
	name foci.Name
	a    attributes
	sum  hash.Hash

	feed *io.PipeWriter // nil: nothing was written
	put  chan error     // its outcome
	done bool           // by Upload
}

// Upload implements driver.Uploader.
func (w *writer) Upload(r io.Reader) error {
	w.done = true
	_, err := w.s.Put(w.ctx, w.name, io.TeeReader(r, w.sum), -1, client.PutOptions{Meta: w.meta})
	return err
}

// meta encodes the metadata after the put has read the content.
func (w *writer) meta() ([]byte, error) { return w.a.encode(w.sum) }

// Write implements driver.Writer.
func (w *writer) Write(p []byte) (int, error) {
	if w.feed == nil {
		var content *io.PipeReader
		content, w.feed = io.Pipe()
		w.put = make(chan error, 1)
		go func() {
			stop := context.AfterFunc(w.ctx, func() { _ = content.CloseWithError(w.ctx.Err()) })
			err := w.Upload(content)
			stop()
			_ = content.CloseWithError(err) // what is written from now on fails
			w.put <- err
		}()
	}
	return w.feed.Write(p)
}

// Close implements driver.Writer.
func (w *writer) Close() error {
	if err := w.ctx.Err(); err != nil {
		if w.feed != nil {
			_ = w.feed.CloseWithError(err)
			<-w.put
		}
		return err
	}
	switch {
	case w.feed != nil:
		_ = w.feed.Close()
		return <-w.put
	case w.done:
		return nil
	default:
		return w.Upload(eof{})
	}
}

// eof is empty content.
type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
