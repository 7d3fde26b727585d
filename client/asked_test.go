package client_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/status"
)

// TestNodeClientAnswers: a node client tells of itself what a data node does, the
// steps of its traces too.
func TestNodeClientAnswers(t *testing.T) {
	c := newCluster(t, 3, 3)
	m, addr := joinTo(t, c)
	defer m.Close()
	trace := foci.TraceID(6).Note()
	n := foci.Name{Bucket: "bucket", Key: "k"}
	if _, err := m.Session(client.SessionOptions{}).Put(client.WithTrace(t.Context(), trace), n, strings.NewReader("x"), 1, client.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	a, err := route.ParseAddress(addr)
	if err != nil {
		t.Fatal(err)
	}
	asker, err := mesh.New(mesh.Config{Cluster: "test", Role: foci.RoleTransport})
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	link, err := asker.Dial(ctx, a, false)
	if err != nil {
		t.Fatal(err)
	}
	for what, want := range map[string]string{
		status.AskNode: `"role":"client"`, status.AskMesh: `"links"`, status.AskTxns: `"counters"`, status.AskTrace + trace.String(): "attempt 1 of",
	} {
		q := wire.Ask{What: what}
		if r, err := link.Call(ctx, foci.State, wire.MethodStatus, q.Append(nil), nil); err != nil || !bytes.Contains(r.Body, []byte(want)) {
			t.Errorf("%q: %v, want %s in\n%s", what, err, want, r.Body)
		}
	}
	q := wire.Query{ID: foci.ObjectID(n), Scope: wire.ObjectScope(n)}
	if _, err := link.Call(ctx, foci.Reg, wire.MethodQuery, q.Append(nil), nil); foci.KindOf(err) != foci.NotReady {
		t.Errorf("a query: %v, want %v", err, foci.NotReady)
	}
}
