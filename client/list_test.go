package client_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// background is for tests that a rapid check runs: its contexts end too early.
var background = context.Background()

// keysOf lists; the prefixes are marked with a star.
func keysOf(t interface {
	Helper()
	Fatalf(string, ...any)
}, s *client.Session, bucket string, o client.ListOptions,
) []string {
	t.Helper()
	keys, err := tryList(s, bucket, o)
	if err != nil {
		t.Fatalf("list %s %+v: %v", bucket, o, err)
	}
	return keys
}

func tryList(s *client.Session, bucket string, o client.ListOptions) (keys []string, err error) {
	for it, err := range s.List(background, bucket, o) {
		if err != nil {
			return keys, err
		}
		keys = append(keys, marked(it))
	}
	return keys, nil
}

// marked is an item's key, with a star when it is a prefix and a minus when it
// was removed.
func marked(it client.Item) string {
	switch {
	case it.Prefix:
		return it.Key + "*"
	case it.Removed:
		return it.Key + "-"
	}
	return it.Key
}

// pagesOf lists the same, so many items at a time.
func pagesOf(t *rapid.T, s *client.Session, bucket string, o client.ListOptions, limit int) (keys []string) {
	t.Helper()
	o.Limit = limit
	for {
		p, err := s.ListPage(background, bucket, o)
		if err != nil || len(p.Items) > limit || p.Next != "" && len(p.Items) < limit {
			t.Fatalf("list %s %+v: %+v, %v", bucket, o, p, err)
		}
		for _, it := range p.Items {
			keys = append(keys, marked(it))
		}
		if o.After = p.Next; p.Next == "" {
			return keys
		}
	}
}

// listed is what a listing of these keys should be; of those that are false there
// is a tombstone.
func listed(keys map[string]bool, o client.ListOptions) []string {
	var out []string
	for k, there := range keys {
		if !strings.HasPrefix(k, o.Prefix) || k <= o.After || !there && !o.Removed {
			continue
		}
		if !there {
			k += "-"
		}
		if o.Delimiter != "" {
			if head, _, ok := strings.Cut(k[len(o.Prefix):], o.Delimiter); ok {
				if k = o.Prefix + head + o.Delimiter; k == o.After {
					continue
				}
				k += "*"
			}
		}
		out = append(out, k)
	}
	order := func(k string) string { return strings.TrimRight(k, "*-") }
	slices.SortFunc(out, func(a, b string) int { return strings.Compare(order(a), order(b)) })
	out = slices.Compact(out)
	if o.Limit > 0 {
		out = out[:min(o.Limit, len(out))]
	}
	return out
}

// TestListingModel compares listings with a model: few letters, so that keys
// share prefixes, and the last ones that there are.
func TestListingModel(t *testing.T) {
	s := newCluster(t, 6, 3).dial(client.SessionOptions{})
	letters := []string{"a", "b", "/", "//", "é", "\x7f", "\u07ff", "\uffff", "\U0010ffff"}
	text := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(letters), 0, 4).Draw(t, "letters"), "")
	})
	buckets := 0
	rapid.Check(t, func(rt *rapid.T) {
		buckets++
		bucket := fmt.Sprintf("bucket-%d", buckets)
		keys := map[string]bool{}
		var wg sync.WaitGroup
		for i, k := range rapid.SliceOfDistinct(text, rapid.ID).Draw(rt, "keys") {
			if k == "" {
				continue
			}
			removed := i%4 == 3
			keys[k] = !removed
			wg.Go(func() {
				n := foci.Name{Bucket: bucket, Key: k}
				if _, err := s.Put(background, n, strings.NewReader(k), int64(len(k)), client.PutOptions{}); err != nil {
					t.Error(err)
				}
				if removed {
					if _, err := s.Remove(background, n); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		for range 10 {
			o := client.ListOptions{
				Prefix: text.Draw(rt, "prefix"), After: text.Draw(rt, "after"),
				Delimiter: rapid.SampledFrom([]string{"", "/", "a", "//"}).Draw(rt, "delimiter"), Limit: rapid.IntRange(0, 5).Draw(rt, "limit"),
				Removed: rapid.Bool().Draw(rt, "removed"),
			}
			want := listed(keys, o)
			if got := keysOf(rt, s, bucket, o); !slices.Equal(got, want) {
				rt.Fatalf("%+v of %+q:\n got %+q\nwant %+q", o, slices.Sorted(maps.Keys(keys)), got, want)
			}
			limit := o.Limit + 1
			o.Limit = 0
			if got, want := pagesOf(rt, s, bucket, o, limit), listed(keys, o); !slices.Equal(got, want) {
				rt.Fatalf("%+v of %+q by %d:\n got %+q\nwant %+q", o, slices.Sorted(maps.Keys(keys)), limit, got, want)
			}
		}
	})
}

// TestLastKeys are the keys behind which a delimited listing must go on.
func TestLastKeys(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	for room := range 9 {
		dir := strings.Repeat("d", 1024-room-1) + "/"
		last := dir
		for rest := room; rest > 0; {
			for _, l := range []string{"\U0010ffff", "\uffff", "\u07ff", "\x7f"} {
				if len(l) <= rest {
					last += l
					rest -= len(l)
					break
				}
			}
		}
		if len(last) != 1024 {
			t.Fatal(len(last))
		}
		bucket := fmt.Sprintf("last-%d", room)
		for _, k := range []string{last, "e"} {
			if room == 0 && k == last {
				k = dir
			}
			if _, err := s.Put(t.Context(), foci.Name{Bucket: bucket, Key: k}, strings.NewReader(""), 0, client.PutOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := keysOf(t, s, bucket, client.ListOptions{Delimiter: "/"}), []string{dir + "*", "e"}; !slices.Equal(got, want) {
			t.Errorf("room for %d: got %d items, want 2", room, len(got))
		}
	}
}

// TestListAfterWithinPrefix: a common prefix below After is an item if a key above After
// begins with it.
func TestListAfterWithinPrefix(t *testing.T) {
	s := newCluster(t, 1, 1).dial(client.SessionOptions{})
	for _, k := range []string{"a/1", "a/2", "b"} {
		put(t, s, k, nil)
	}
	for after, want := range map[string][]string{"a": {"a/*", "b"}, "a/": {"b"}, "a/1": {"a/*", "b"}, "a/2": {"b"}} {
		if got := keysOf(t, s, "test-bucket", client.ListOptions{Delimiter: "/", After: after}); !slices.Equal(got, want) {
			t.Errorf("after %q: %q, want %q", after, got, want)
		}
	}
}

// TestListingOfManyPages has more keys than an answer, and a node down.
func TestListingOfManyPages(t *testing.T) {
	c := newCluster(t, 3, 3)
	s := c.dial(client.SessionOptions{Timeout: 3 * time.Second})
	const n = 2300
	var wg sync.WaitGroup
	for w := range 100 {
		wg.Go(func() {
			for i := w; i < n; i += 100 {
				put(t, s, fmt.Sprintf("%05d", i), nil)
			}
		})
	}
	wg.Wait()
	check := func(o client.ListOptions, first string, count int) {
		t.Helper()
		got := keysOf(t, s, "test-bucket", o)
		if len(got) != count || got[0] != first || !slices.IsSorted(got) {
			t.Fatalf("%+v: %d keys from %q, want %d from %q", o, len(got), got[0], count, first)
		}
	}
	check(client.ListOptions{}, "00000", n)
	c.stop(1)
	check(client.ListOptions{}, "00000", n)
	check(client.ListOptions{After: "00999", Limit: 1200}, "01000", 1200)
	check(client.ListOptions{Prefix: "01"}, "01000", 1000)
	// A key that only one of the groups that are asked knows of is settled by a read.
	put(t, s, "00000x", []byte("new"))
	c.start(1)
	c.stop(2)
	check(client.ListOptions{}, "00000", n+1)
	c.stop(1)
	if keys, err := tryList(s, "test-bucket", client.ListOptions{}); !errors.Is(err, foci.NoQuorum) || len(keys) > 0 {
		t.Fatalf("without a quorum: %d keys, %v", len(keys), err)
	}
}
