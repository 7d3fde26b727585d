package client_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"pgregory.net/rapid"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/client"
)

// state is an object as a model has it, after one of its transactions.
type state struct {
	version foci.Version
	op      string
	content []byte
	exists  bool
}

// model is an object in a cluster beside what it should be.
type model struct {
	t    *rapid.T
	s    *client.Session
	key  string
	pool []byte // to cut contents from
	log  []state
}

func (m *model) now() state {
	if len(m.log) == 0 {
		return state{}
	}
	return m.log[len(m.log)-1]
}

// size is of a part: mostly small, sometimes around a limit, rarely of chunks.
func (m *model) size() int {
	switch rapid.IntRange(0, 19).Draw(m.t, "kind") {
	case 0:
		return rapid.IntRange(chunk-1, chunk+1).Draw(m.t, "around a chunk")
	case 1:
		return rapid.IntRange(chunk, 2*chunk+5).Draw(m.t, "chunked")
	case 2, 3:
		return rapid.IntRange(64<<10-1, 64<<10+1).Draw(m.t, "around inline")
	case 4, 5:
		return rapid.IntRange(0, 300<<10).Draw(m.t, "middling")
	default:
		return rapid.IntRange(0, 50).Draw(m.t, "small")
	}
}

func (m *model) write() {
	n := m.size()
	at := rapid.IntRange(0, len(m.pool)-n).Draw(m.t, "from")
	part := m.pool[at : at+n]
	told := int64(n)
	if rapid.Bool().Draw(m.t, "size unknown") {
		told = -1
	}
	was := m.now()
	next := state{exists: true}
	var r client.Result
	var err error
	switch rapid.IntRange(0, 9).Draw(m.t, "op") {
	case 0:
		next.op, next.exists = "remove", false
		r.Version, err = m.s.Remove(m.t.Context(), name(m.key))
	case 1, 2:
		next.op, next.content = "put", part
		r, err = m.s.Put(m.t.Context(), name(m.key), bytes.NewReader(part), told, client.PutOptions{})
	default:
		next.op, next.content = "append", append(bytes.Clone(was.content), part...)
		r, err = m.s.Append(m.t.Context(), name(m.key), bytes.NewReader(part), told)
	}
	if err != nil || !was.version.Less(r.Version) {
		m.t.Fatalf("%s: version %v after %v, %v", next.op, r.Version, was.version, err)
	}
	next.version = r.Version
	m.log = append(m.log, next)
}

// read gets a range of the newest content, or of that at some version.
func (m *model) read() {
	want, o := m.now(), client.GetOptions{}
	if len(m.log) > 1 && rapid.Bool().Draw(m.t, "old") {
		want = m.log[rapid.IntRange(0, len(m.log)-1).Draw(m.t, "which")]
		o.Version = want.version
	}
	o.Offset = int64(rapid.IntRange(0, len(want.content)+1).Draw(m.t, "offset"))
	o.Length = int64(rapid.IntRange(0, len(want.content)+1).Draw(m.t, "length"))
	obj, err := m.s.Get(m.t.Context(), name(m.key), o)
	switch {
	case !want.exists:
		if !errors.Is(err, foci.NotFound) {
			m.t.Fatalf("get of what does not exist: %v", err)
		}
		return
	case o.Offset > int64(len(want.content)):
		if !errors.Is(err, foci.Invalid) {
			m.t.Fatalf("get behind the end: %v", err)
		}
		return
	case err != nil:
		m.t.Fatalf("get %+v: %v", o, err)
	}
	defer obj.Close()
	if obj.Size != int64(len(want.content)) || obj.Version != want.version {
		m.t.Fatalf("%+v: %d bytes of version %v, want %d of %v", o, obj.Size, obj.Version, len(want.content), want.version)
	}
	cut := want.content[o.Offset:]
	if o.Length > 0 {
		cut = cut[:min(int(o.Length), len(cut))]
	}
	got, err := io.ReadAll(obj)
	if err != nil || !bytes.Equal(got, cut) {
		m.t.Fatalf("%+v of %d: %d bytes, want %d, %v", o, len(want.content), len(got), len(cut), err)
	}
}

func (m *model) history() {
	i := 0
	for e, err := range m.s.History(m.t.Context(), name(m.key)) {
		if err != nil || i == len(m.log) || e.Version != m.log[i].version || e.Op.String() != m.log[i].op {
			m.t.Fatalf("history at %d: %v %v, %v", i, e.Version, e.Op, err)
		}
		i++
	}
	if i != len(m.log) {
		m.t.Fatalf("history has %d entries, want %d", i, len(m.log))
	}
}

// TestObjectModel compares objects made of random parts with a model.
func TestObjectModel(t *testing.T) {
	s := newCluster(t, 3, 3).dial(client.SessionOptions{})
	pool := random(3*chunk, 11)
	objects := 0
	rapid.Check(t, func(rt *rapid.T) {
		objects++
		m := &model{t: rt, s: s, pool: pool, key: fmt.Sprintf("object %d", objects)}
		rt.Repeat(map[string]func(*rapid.T){
			"write":   func(*rapid.T) { m.write() },
			"read":    func(*rapid.T) { m.read() },
			"history": func(*rapid.T) { m.history() },
		})
	})
}
