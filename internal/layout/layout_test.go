package layout

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

// source is a fixed sequence of bytes, for identities that do not change from
// run to run.
func source(seed string) *rand.ChaCha8 { return rand.NewChaCha8(sha256.Sum256([]byte(seed))) }

// plan is n nodes, each with one backend, in groups 1 to g in turn.
func plan(n, g int) string {
	var b strings.Builder
	b.WriteString("cluster = \"home\"\n")
	for i := range n {
		fmt.Fprintf(&b, "[[node]]\nname = \"n%d\"\naddr = [\"10.0.%d.%d:1025:2-0\"]\n", i, i/250, i%250+1)
		fmt.Fprintf(&b, "[[node.backend]]\ngroup = %d\ndir = \"/srv/n%d\"\n", i%g+1, i)
	}
	return b.String()
}

func made(t testing.TB, text string) *Layout {
	t.Helper()
	p, err := ParsePlan([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	l, err := Init(p, source("layout"))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestInit(t *testing.T) {
	l := made(t, `
cluster = "home"
default_groups = [2, 1]
[[node]]
name = "a"
addr = ["10.0.0.1:1025:2-0", "[fd00::1]:1025:10-2"]
[[node.backend]]
group = 1
weight = 300
dir = "/srv/a"
[[node.backend]]
group = 2
[[node]]
name = "b"
addr = ["10.0.0.2:1025:2-0"]
[[node.backend]]
group = 1
weight = 100
`)
	if l.Cluster != "home" || l.Epoch != 1 || !reflect.DeepEqual(l.DefaultGroups, []foci.Group{2, 1}) {
		t.Errorf("made %s, epoch %d, groups %v", l.Cluster, l.Epoch, l.DefaultGroups)
	}
	if len(l.Nodes) != 2 || len(l.Nodes[0].Addrs) != 2 || l.Nodes[0].Addrs[1].Table != 2 {
		t.Fatalf("nodes are %+v", l.Nodes)
	}
	if len(l.Backends) != 3 || l.Backends[0].Dir != "/srv/a" || l.Backends[1].Weight != DefaultWeight || l.Backends[2].Node != l.Nodes[1].ID {
		t.Fatalf("backends are %+v", l.Backends)
	}
	if a, b := len(l.Backends[0].Points), len(l.Backends[2].Points); a != 3*b || b == 0 {
		t.Errorf("%d and %d points for weights 300 and 100", a, b)
	}
	for _, u := range []string{l.Nodes[0].ID.String(), l.Backends[0].ID.String()} {
		if u[14] != '4' || !strings.ContainsAny(u[19:20], "89ab") {
			t.Errorf("%s is not a random UUID", u)
		}
	}
	if got := made(t, plan(6, 3)).DefaultGroups; !reflect.DeepEqual(got, []foci.Group{1, 2, 3}) {
		t.Errorf("default groups of a plan without: %v", got)
	}
}

func TestInitRefuses(t *testing.T) {
	node := "[[node]]\nname = \"a\"\naddr = [\"10.0.0.1:1025:2-0\"]\n"
	backend := "[[node.backend]]\ngroup = 1\n"
	for name, text := range map[string]string{
		"empty": "", "no backend": "cluster = \"c\"\n" + node, "no address": "cluster = \"c\"\n[[node]]\nname = \"a\"\n" + backend,
		"no cluster": node + backend, "bad cluster name": "cluster = \"a b\"\n" + node + backend,
		"group 0": "cluster = \"c\"\n" + node + "[[node.backend]]\n", "group without backend": "cluster = \"c\"\ndefault_groups = [1, 2]\n" + node + backend,
		"same name": "cluster = \"c\"\n" + node + backend + node, "too heavy": "cluster = \"c\"\n" + node + backend + "weight = 2000000\n",
		"same dir": "cluster = \"c\"\n" + node + backend + "dir = \"/a\"\n" + backend + "dir = \"/a\"\n",
	} {
		p, err := ParsePlan([]byte(text))
		if err == nil {
			_, err = Init(p, source(""))
		}
		if foci.KindOf(err) != foci.Invalid {
			t.Errorf("%s: %v, want it refused", name, err)
		}
	}
	p, err := ParsePlan([]byte(plan(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Init(p, strings.NewReader("short")); err == nil {
		t.Error("identities were drawn from nothing")
	}
}

func TestParsePlanNamesTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"cluster = \"c\"\n\nclutser = 1\n":                   `line 3: unknown key "clutser"`,
		"cluster = \"c\"\n[[node]]\nadr = []\n":              `line 3: unknown key "node.adr"`,
		"cluster = \"c\"\n[[node]]\naddr = [\"a:1:2\"]\n":    "table is missing",
		"cluster = \"c\"\n[[node]\n":                         "line 2",
		"cluster = \"c\"\ndefault_groups = [-1]\n":           "nodes file",
		"cluster = \"" + strings.Repeat("x", MaxSize) + "\"": "want at most",
	} {
		if _, err := ParsePlan([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q in it", text, err, want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	l := made(t, plan(6, 3))
	l.Buckets = map[string]Bucket{"photos": {Groups: []foci.Group{3, 1}}}
	b, err := l.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, l) {
		t.Errorf("read back %+v, want %+v", got, l)
	}
	again, err := got.Marshal()
	if err != nil || !bytes.Equal(again, b) {
		t.Errorf("it prints differently the second time: %v", err)
	}
	c := l.Clone()
	if !reflect.DeepEqual(c, l) {
		t.Error("the clone differs")
	}
	c.Nodes[0].Addrs[0].Port++
	c.Backends[0].Points[0]++
	c.Buckets["photos"].Groups[0] = 9
	c.DefaultGroups[0] = 9
	if !reflect.DeepEqual(got, l) {
		t.Error("changing the clone changed the layout")
	}
}

func TestLargestClusterFits(t *testing.T) {
	l := made(t, plan(foci.MaxNodes, 3))
	for i, n := 0, len(l.Backends); n < foci.MaxBackends; n++ {
		b := l.Backends[i%foci.MaxNodes]
		b.ID[15], b.ID[14] = b.ID[15]+byte(n/foci.MaxNodes), ^b.ID[14]
		b.Dir, b.Points = fmt.Sprintf("/srv/disk%d", n), nil
		l.Backends = append(l.Backends, b)
		i++
	}
	for i := range l.Backends {
		l.Backends[i].Points = nil
	}
	if err := l.place(); err != nil {
		t.Fatal(err)
	}
	b, err := l.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d nodes, %d backends: %d bytes", len(l.Nodes), len(l.Backends), len(b))
	if _, err := Parse(b); err != nil {
		t.Error(err)
	}
}

func TestSnapshot(t *testing.T) {
	l := made(t, plan(6, 3))
	l.Buckets = map[string]Bucket{"photos": {Groups: []foci.Group{3}}}
	s, err := NewSnapshot(l)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.GroupsOf("photos"); !reflect.DeepEqual(got, []foci.Group{3}) {
		t.Errorf("groups of a bucket of its own: %v", got)
	}
	if got := s.GroupsOf("others"); !reflect.DeepEqual(got, l.DefaultGroups) {
		t.Errorf("groups of any bucket: %v", got)
	}
	owners := map[foci.NodeID]bool{}
	for i := range 200 {
		id := foci.ObjectID(foci.Name{Bucket: "others", Key: fmt.Sprint(i)})
		for _, g := range s.GroupsOf("others") {
			b, n, ok := s.Owner(g, id)
			if !ok || s.Backend(b).Group != g || s.Backend(b).Node != n || s.Node(n) == nil {
				t.Fatalf("owner of %s in group %d: backend %v of node %v", id.Short(), g, b, n)
			}
			owners[n] = true
		}
	}
	if len(owners) != 6 {
		t.Errorf("%d of 6 nodes own something of 200 objects", len(owners))
	}
	if _, _, ok := s.Owner(4, foci.ID{}); ok {
		t.Error("a group that does not exist has an owner")
	}
	n := s.NodeNamed("n4")
	if n == nil || s.Node(n.ID) != n || len(s.BackendsOf(n.ID)) != 1 || s.NodeNamed("n6") != nil || s.Node(foci.NodeID{}) != nil {
		t.Error("nodes are not found by name and id")
	}
	if n := testing.AllocsPerRun(100, func() { s.Owner(1, foci.ID{7}) }); n != 0 {
		t.Errorf("a lookup makes %v allocations", n)
	}
}

func TestHolderNeverGoesBack(t *testing.T) {
	var h Holder
	if h.Load() != nil || h.Epoch() != 0 {
		t.Error("a new holder holds something")
	}
	at := func(e foci.Epoch) *Snapshot {
		l := made(t, plan(3, 3))
		l.Epoch = e
		s, err := NewSnapshot(l)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct {
		epoch foci.Epoch
		taken bool
		then  foci.Epoch
	}{{2, true, 2}, {2, false, 2}, {1, false, 2}, {5, true, 5}} {
		if taken := h.Adopt(at(c.epoch)); taken != c.taken || h.Epoch() != c.then {
			t.Errorf("adopting %d: %v, then at %d", c.epoch, taken, h.Epoch())
		}
	}
}

// breakage changes the JSON of a good layout so that it is not good any more.
var breakages = map[string]func(m map[string]any){
	"no cluster":            func(m map[string]any) { delete(m, "cluster") },
	"long cluster name":     func(m map[string]any) { m["cluster"] = strings.Repeat("x", 64) },
	"epoch 0":               func(m map[string]any) { m["epoch"] = 0 },
	"negative epoch":        func(m map[string]any) { m["epoch"] = -1 },
	"unknown field":         func(m map[string]any) { m["colour"] = "red" },
	"unknown node field":    func(m map[string]any) { first(m, "nodes")["colour"] = "red" },
	"unknown backend field": func(m map[string]any) { first(m, "backends")["colour"] = "red" },
	"no groups":             func(m map[string]any) { m["default_groups"] = []any{} },
	"group without backend": func(m map[string]any) { m["default_groups"] = []any{1, 4} },
	"group twice":           func(m map[string]any) { m["default_groups"] = []any{1, 1} },
	"16 groups":             func(m map[string]any) { m["default_groups"] = make([]int, 16) },
	"no nodes":              func(m map[string]any) { m["nodes"] = []any{} },
	"nodes are a map":       func(m map[string]any) { m["nodes"] = map[string]any{} },
	"too many nodes":        func(m map[string]any) { m["nodes"] = make([]struct{}, foci.MaxNodes+1) },
	"node twice":            func(m map[string]any) { m["nodes"] = append(m["nodes"].([]any), first(m, "nodes")) },
	"zero node id":          func(m map[string]any) { first(m, "nodes")["id"] = foci.NodeID{}.String() },
	"bad node id":           func(m map[string]any) { first(m, "nodes")["id"] = "x" },
	"bad node name":         func(m map[string]any) { first(m, "nodes")["name"] = "../a" },
	"no address":            func(m map[string]any) { first(m, "nodes")["addrs"] = nil },
	"bad address":           func(m map[string]any) { first(m, "nodes")["addrs"] = []any{"10.0.0.1:1025"} },
	"another's address":     func(m map[string]any) { first(m, "nodes")["addrs"] = []any{"10.0.0.2:1025:2-0"} },
	"no backends":           func(m map[string]any) { m["backends"] = []any{} },
	"backend twice":         func(m map[string]any) { m["backends"] = append(m["backends"].([]any), first(m, "backends")) },
	"unknown node":          func(m map[string]any) { first(m, "backends")["node"] = foci.NodeID{9}.String() },
	"backend group 0":       func(m map[string]any) { first(m, "backends")["group"] = 0 },
	"weight 0":              func(m map[string]any) { first(m, "backends")["weight"] = 0 },
	"long dir":              func(m map[string]any) { first(m, "backends")["dir"] = strings.Repeat("x", MaxDirLen+1) },
	"NUL in dir":            func(m map[string]any) { first(m, "backends")["dir"] = "a\x00b" },
	"no points":             func(m map[string]any) { first(m, "backends")["points"] = []any{} },
	"257 points":            func(m map[string]any) { first(m, "backends")["points"] = make([]string, 257) },
	"point is a number":     func(m map[string]any) { first(m, "backends")["points"] = []any{1} },
	"short point":           func(m map[string]any) { first(m, "backends")["points"] = []any{"00"} },
	"point not hexadecimal": func(m map[string]any) { first(m, "backends")["points"] = []any{"000000000000000g"} },
	"point twice": func(m map[string]any) {
		first(m, "backends")["points"] = []any{"0000000000000001", "0000000000000001"}
	},
	"bucket name":        func(m map[string]any) { m["buckets"] = map[string]any{"A": map[string]any{"groups": []any{1}}} },
	"buckets are a list": func(m map[string]any) { m["buckets"] = []any{} },
	"bucket groups":      func(m map[string]any) { m["buckets"] = map[string]any{"abc": map[string]any{"groups": []any{9}}} },
}

func first(m map[string]any, list string) map[string]any {
	return m[list].([]any)[0].(map[string]any)
}

func TestParseRefuses(t *testing.T) {
	good, err := made(t, plan(3, 3)).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range breakages {
		var m map[string]any
		if err := json.Unmarshal(good, &m); err != nil {
			t.Fatal(err)
		}
		spoil(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		l, err := Parse(b)
		if k := foci.KindOf(err); l != nil || k != foci.Invalid && k != foci.TooLarge {
			t.Errorf("%s: %v, want it refused", name, err)
		} else if len(err.Error()) > 500 {
			t.Errorf("%s: the error is %d bytes long", name, len(err.Error()))
		}
	}
	twice := bytes.Replace(good, []byte("{"), []byte(`{"buckets":{"abc":{"groups":[1]},"abc":{"groups":[2]}},`), 1)
	for name, b := range map[string][]byte{
		"bucket twice": twice, "empty": nil, "null": []byte("null"), "text after the end": append(bytes.Clone(good), "{}"...), "garbage": []byte("\x00\xff"),
		"too large": bytes.Repeat([]byte(" "), MaxSize+1), "deep": bytes.Repeat([]byte("["), 1<<20),
	} {
		if _, err := Parse(b); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for n := 0; n < len(good)-2; n += 97 {
		if _, err := Parse(good[:n]); err == nil {
			t.Fatalf("cut at byte %d: accepted", n)
		}
	}
}

// TestHostileListsStaySmall wants memory for what is valid, not for what a
// text of commas and braces pretends.
func TestHostileListsStaySmall(t *testing.T) {
	var buckets strings.Builder
	for i := range 1_000_000 {
		fmt.Fprintf(&buckets, "\"%x\":{},", i)
	}
	for name, text := range map[string]string{
		"backends": `{"backends":[` + strings.Repeat("{},", 5_000_000) + `{}]}`,
		"points":   `{"backends":[{"points":[` + strings.Repeat(`"0000000000000000",`, 500_000) + `"0000000000000000"]}]}`,
		"groups":   `{"default_groups":[` + strings.Repeat("1,", 5_000_000) + `1]}`,
		"buckets":  `{"buckets":{` + buckets.String() + `"x":{}}}`,
	} {
		var before, after runtime.MemStats
		b := []byte(text)
		runtime.ReadMemStats(&before)
		_, err := Parse(b)
		runtime.ReadMemStats(&after)
		if foci.KindOf(err) != foci.TooLarge {
			t.Errorf("%s: %v, want TooLarge", name, err)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > 6*MaxSize {
			t.Errorf("%s: %d bytes of JSON made Parse allocate %d", name, len(b), got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, n := range []int{1, 3} {
		b, err := made(f, plan(n, n)).Marshal()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"cluster":"c","epoch":1,"default_groups":[1],"nodes":[{"id":"00000000-0000-4000-8000-000000000001","name":"a","addrs":["a:1:2-0"]}],` +
		`"backends":[{"id":"00000000-0000-4000-8000-000000000002","node":"00000000-0000-4000-8000-000000000001","group":1,"weight":1,"points":["0000000000000000"]}],` +
		`"buckets":{"abc":{"groups":[1]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := Parse(b)
		if err != nil {
			return
		}
		out, err := l.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("what was accepted prints as %s, which is refused: %v", out, err)
		}
		if twice, err := again.Marshal(); err != nil || !bytes.Equal(twice, out) {
			t.Fatalf("prints differently the second time: %v", err)
		}
	})
}

func FuzzParsePlan(f *testing.F) {
	f.Add([]byte(plan(3, 3)))
	f.Add([]byte("cluster = \"c\"\ndefault_groups = [1]\n[[node]]\nname = 'a'\naddr = ['[::1]:1:10-0']\nbackend = [{group = 1, weight = 7}]\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := ParsePlan(b)
		if err != nil {
			return
		}
		if l, err := Init(p, source("fuzz")); err == nil {
			if _, err := NewSnapshot(l); err != nil {
				t.Fatalf("the layout that was made is refused: %v", err)
			}
		}
	})
}
