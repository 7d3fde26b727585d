package blobfoci

import (
	"context"
	"net/url"
	"time"

	"gocloud.dev/blob"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// Scheme is the scheme of URLs that this package opens: foci://BUCKET?remote=R.
// Parameters: remote, once or more; cluster, credential (a file) and timeout, each at
// most once.
const Scheme = "foci"

func init() { blob.DefaultURLMux().RegisterBucket(Scheme, opener{}) }

// opener opens buckets with clients of their own.
type opener struct{}

// OpenBucketURL implements blob.BucketURLOpener.
func (opener) OpenBucketURL(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	cfg := client.Config{}
	for key, values := range u.Query() {
		value := values[0]
		switch key {
		case "remote":
			cfg.Remotes = values
		case "cluster":
			cfg.Cluster = value
		case "credential":
			cfg.Credential = value
		case "timeout":
			d, err := time.ParseDuration(value)
			if err != nil {
				return nil, foci.Errorf(foci.Invalid, "open bucket %v: timeout %q: want one like 30s", u, value)
			}
			cfg.Timeout = d
		default:
			return nil, foci.Errorf(foci.Invalid, "open bucket %v: unknown parameter %q", u, key)
		}
	}
	if u.Path != "" && u.Path != "/" {
		return nil, foci.Errorf(foci.Invalid, "open bucket %v: a path is not supported, use blob.PrefixedBucket", u)
	}
	if err := foci.ValidateBucket(u.Host); err != nil {
		return nil, err
	}
	c, err := client.Dial(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return blob.NewBucket(&store{s: c.Session(client.SessionOptions{}), bucket: u.Host, close: c.Close}), nil
}
