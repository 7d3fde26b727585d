// Command one runs a cluster of three nodes and a client in one process and
// writes what a single operation executes: it is built with -cover, clears the
// counters before each operation and writes them into a folder of its own
// afterwards. Tests read them with go tool covdata.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/coverage"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/layout"
	"github.com/foci-store/foci/internal/node"
	"github.com/foci-store/foci/internal/testports"
)

const groups = 3

var (
	out  = flag.String("out", "", "the folder for counters, one folder below it for each operation")
	runs = flag.Int("runs", 10, "how many times each operation runs")
)

func main() {
	log.SetFlags(0)
	flag.Parse()
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "life")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	nodes, remotes, err := start(dir)
	defer func() {
		for _, n := range nodes {
			_ = n.Close()
		}
	}()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, client.Config{Remotes: remotes})
	if err != nil {
		return err
	}
	defer c.Close()
	return measure(ctx, c.Session(client.SessionOptions{}))
}

// start runs a node for each group.
func start(dir string) (nodes []*node.Node, remotes []string, err error) {
	port, release, err := testports.Find(groups)
	if err != nil {
		return nil, nil, err
	}
	defer release()
	plan := &layout.Plan{Cluster: "life"}
	for i := range groups {
		a, err := route.ParseAddress(fmt.Sprintf("127.0.0.1:%d:2-0", port+i))
		if err != nil {
			return nil, nil, err
		}
		remotes = append(remotes, a.Remote().String())
		plan.Nodes = append(plan.Nodes, layout.PlanNode{
			Name: fmt.Sprintf("n%d", i+1), Addrs: []route.Address{a},
			Backends: []layout.PlanBackend{{Group: foci.Group(i + 1)}},
		})
	}
	l, err := layout.Init(plan, rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range plan.Nodes {
		n, err := node.New(node.Config{Cluster: plan.Cluster, Name: p.Name, Dir: filepath.Join(dir, p.Name), Layout: l, Role: foci.RoleData})
		if err != nil {
			return nodes, nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, remotes, nil
}

// settled is how long the cluster rests before and after an operation, so that
// the last replica's answer belongs to it.
const settled = 30 * time.Millisecond

func measure(ctx context.Context, s *client.Session) error {
	for i := range *runs + 1 { // the first of each opens channels
		name := foci.Name{Bucket: "life", Key: fmt.Sprintf("key %d", i)}
		content := bytes.NewReader([]byte("content"))
		if err := counted("put", i, func() error {
			_, err := s.Put(ctx, name, content, content.Size(), client.PutOptions{})
			return err
		}); err != nil {
			return err
		}
	}
	return nil
}

// counted writes what op executes into the folder name-i, but for the first
// time.
func counted(name string, i int, op func() error) error {
	time.Sleep(settled)
	if err := coverage.ClearCounters(); err != nil {
		return err
	}
	if err := op(); err != nil {
		return err
	}
	time.Sleep(settled)
	if i == 0 {
		return nil
	}
	dir := filepath.Join(*out, fmt.Sprintf("%s-%d", name, i))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if err := coverage.WriteMetaDir(dir); err != nil {
		return err
	}
	return coverage.WriteCountersDir(dir)
}
