package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/testcluster"
	"github.com/foci-store/foci/internal/testports"
)

// examples is the cluster of all examples: three nodes in three groups.
var examples struct {
	sync.Once
	dir     string
	cluster *testcluster.Cluster
}

// remotes are addresses of nodes, as the flag --remote takes them.
func remotes() []string {
	examples.Do(func() {
		var err error
		if examples.dir, err = os.MkdirTemp("", "foci-examples-"); err != nil {
			log.Fatal(err)
		}
		examples.cluster, err = testcluster.New(testcluster.Config{Dir: examples.dir, Tables: testcluster.Nodes(3), Groups: 3})
		if err != nil {
			log.Fatal(err)
		}
	})
	return examples.cluster.Addrs
}

// closeExamples ends the cluster, if an example has begun it.
func closeExamples() error {
	if examples.cluster == nil {
		return nil
	}
	return errors.Join(examples.cluster.Close(), os.RemoveAll(examples.dir))
}

// session is a session of a client of its own.
func session() (*client.Session, func() error) {
	c, err := client.Dial(context.Background(), client.Config{Remotes: remotes()})
	if err != nil {
		log.Fatal(err)
	}
	return c.Session(client.SessionOptions{}), c.Close
}

// object names an object of an example's bucket, and puts it.
func object(s *client.Session, bucket, key, content string) foci.Name {
	n := foci.Name{Bucket: bucket, Key: key}
	if _, err := s.Put(context.Background(), n, strings.NewReader(content), int64(len(content)), client.PutOptions{}); err != nil {
		log.Fatal(err)
	}
	return n
}

func ExampleDial() {
	ctx := context.Background()
	c, err := client.Dial(ctx, client.Config{
		Remotes: remotes(), // any nodes, like "10.0.0.17:1025:2"
		Timeout: 10 * time.Second,
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	nodes, err := c.Nodes(ctx)
	fmt.Println(len(nodes), err)
	// Output: 3 <nil>
}

func ExampleJoin() {
	port, release, err := testports.Find(1)
	if err != nil {
		log.Fatal(err)
	}
	defer release()
	c, err := client.Join(context.Background(), client.Member{
		Config:    client.Config{Remotes: remotes()},
		Addresses: []client.Address{{Addr: fmt.Sprintf("127.0.0.1:%d:2-0", port)}}, // the nodes dial it
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	_, err = c.Session(client.SessionOptions{}).Put(context.Background(), foci.Name{Bucket: "joined", Key: "k"}, strings.NewReader("x"), 1, client.PutOptions{})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleSession_Put() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := foci.Name{Bucket: "photos", Key: "2026/cat.jpg"}
	photo := strings.NewReader("a very small photo")
	r, err := s.Put(ctx, n, photo, photo.Size(), client.PutOptions{})
	fmt.Println(r.Size, r.Chunks, err)
	// Output: 18 0 <nil>
}

// A checksum that is computed while the content is read becomes its metadata.
func ExamplePutOptions() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := foci.Name{Bucket: "photos", Key: "summed"}
	sum := sha256.New()
	content := io.TeeReader(strings.NewReader("of unknown length"), sum)
	if _, err := s.Put(ctx, n, content, -1, client.PutOptions{
		Meta: func() ([]byte, error) { return sum.Sum(nil), nil },
	}); err != nil {
		log.Fatal(err)
	}
	info, err := s.Stat(ctx, n)
	fmt.Printf("%d bytes, %x… %v\n", info.Size, info.Meta[:4], err)
	// Output: 17 bytes, 2cfa6122… <nil>
}

func ExampleSession_Get() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := object(s, "got", "k", "0123456789")
	r, err := s.Get(ctx, n, client.GetOptions{Offset: 3, Length: 4})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	fmt.Printf("%s of %d bytes, %v\n", b, r.Size, err)

	_, err = s.Get(ctx, foci.Name{Bucket: "got", Key: "missing"}, client.GetOptions{})
	fmt.Println(errors.Is(err, foci.NotFound))
	// Output:
	// 3456 of 10 bytes, <nil>
	// true
}

func ExampleSession_GetAsync() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := object(s, "got", "later", "content")
	f := s.GetAsync(ctx, n, client.GetOptions{}, nil)
	// Here is time for something else.
	r, err := f.Wait(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	fmt.Printf("%s, %v\n", b, err)
	// Output: content, <nil>
}

func ExampleSession_PutAsync() {
	ctx := context.Background()
	s, end := session()
	defer end()
	done := make(chan struct{})
	s.PutAsync(ctx, foci.Name{Bucket: "photos", Key: "later"}, strings.NewReader("x"), 1, client.PutOptions{}, func(r client.Result, err error) {
		fmt.Println(r.Size, err)
		close(done)
	})
	<-done
	// Output: 1 <nil>
}

func ExampleSession_Stat() {
	ctx := context.Background()
	s, end := session()
	defer end()
	info, err := s.Stat(ctx, object(s, "described", "k", "content"))
	fmt.Println(info.Name, info.Size, info.Appends, err)
	// Output: described/k 7 0 <nil>
}

func ExampleSession_Append() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := object(s, "logs", "today", "one\n")
	if _, err := s.Append(ctx, n, strings.NewReader("two\n"), 4); err != nil {
		log.Fatal(err)
	}
	r, err := s.Get(ctx, n, client.GetOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	_, _ = r.WriteTo(os.Stdout)
	// Output:
	// one
	// two
}

func ExampleSession_Remove() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := object(s, "removed", "k", "x")
	_, err := s.Remove(ctx, n)
	fmt.Println(err)
	_, err = s.Stat(ctx, n)
	fmt.Println(foci.KindOf(err))
	// Output:
	// <nil>
	// not found
}

func ExampleSession_List() {
	ctx := context.Background()
	s, end := session()
	defer end()
	for _, key := range []string{"a.txt", "b/1.txt", "b/2.txt", "c.txt"} {
		object(s, "listed", key, "text")
	}
	for item, err := range s.List(ctx, "listed", client.ListOptions{Delimiter: "/"}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(item.Key, item.Size)
	}
	// Output:
	// a.txt 4
	// b/ 0
	// c.txt 4
}

func ExampleSession_ListPage() {
	ctx := context.Background()
	s, end := session()
	defer end()
	for _, key := range []string{"1", "2", "3"} {
		object(s, "paged", key, "")
	}
	o := client.ListOptions{Limit: 2}
	for more := true; more; more = o.After != "" {
		page, err := s.ListPage(ctx, "paged", o)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(len(page.Items), "keys")
		o.After = page.Next
	}
	// Output:
	// 2 keys
	// 1 keys
}

func ExampleSession_History() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := object(s, "old", "k", "first")
	object(s, "old", "k", "second")
	if _, err := s.Remove(ctx, n); err != nil {
		log.Fatal(err)
	}
	for e, err := range s.History(ctx, n) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Op, e.Size)
	}
	// Output:
	// put 5
	// put 6
	// remove 0
}

func ExampleSession_Open() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := object(s, "opened", "k", "0123456789")
	o, err := s.Open(ctx, n, client.OpenOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer o.Close()
	object(s, "opened", "k", "something else") // o does not see it

	b := make([]byte, 3)
	_, err = o.ReadAt(b, 5)
	fmt.Printf("%s of %d bytes, %v\n", b, o.Info().Size, err)

	r := o.Range(8, -1)
	defer r.Close()
	tail, err := io.ReadAll(r)
	fmt.Printf("%s, %v\n", tail, err)
	// Output:
	// 567 of 10 bytes, <nil>
	// 89, <nil>
}

func ExampleSession_Upload() {
	ctx := context.Background()
	s, end := session()
	defer end()
	n := foci.Name{Bucket: "films", Key: "long.mkv"}
	u, err := s.Upload(n)
	if err != nil {
		log.Fatal(err)
	}
	var wg sync.WaitGroup
	for number, size := range map[int]int{1: 5 << 20, 2: 3 << 20, 3: 100} {
		wg.Go(func() {
			content := bytes.NewReader(make([]byte, size))
			if _, err := u.Part(ctx, number, content, int64(size)); err != nil {
				log.Fatal(err) // or u.Abort(ctx), which frees what is stored
			}
		})
	}
	wg.Wait()
	r, err := u.Complete(ctx, nil, client.PutOptions{})
	fmt.Println(r.Size, "bytes in", r.Chunks, "chunks,", err)
	// Output: 8388708 bytes in 4 chunks, <nil>
}

func ExampleSession_With() {
	s, end := session()
	defer end()
	fast := s.With(client.SessionOptions{Timeout: time.Second, Resends: client.Off})
	fmt.Println(fast.Options().Timeout, s.Options().Timeout)
	// Output: 1s 30s
}

func ExampleClient_NodeStates() {
	s, end := session()
	defer end()
	up := 0
	for n := range s.Client().NodeStates(context.Background()) {
		if n.Up {
			up++
		}
	}
	fmt.Println(up, "nodes are up")
	// Output: 3 nodes are up
}

func ExampleWithTrace() {
	s, end := session()
	defer end()
	id := foci.TraceID(0x1234).Note()
	ctx := client.WithTrace(context.Background(), id)
	if _, err := s.Put(ctx, foci.Name{Bucket: "traced", Key: "k"}, strings.NewReader("x"), 1, client.PutOptions{}); err != nil {
		log.Fatal(err)
	}
	steps, err := s.Client().Trace(ctx, id)
	fmt.Println(len(steps) > 6, err)
	// Output: true <nil>
}
