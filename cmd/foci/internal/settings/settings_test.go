package settings

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
)

const fullConfig = `
cluster = "home"
dir = "n1"
role = "data"
seeds = ["10.0.0.18:1025:2", "srv:foci.example.org"]
log = "debug"

[[address]]
addr = "203.0.113.7:1025:2-2"
listen = "0.0.0.0:11025"

[[backend]]
dir = "/disk1"
group = 2

[[backend]]
dir = "disk2"

[connections_per_node]
reg = 4

[mesh]
links = "linked"
eager = true

[class.recovery]
tables = [1, 0]
[class.bulk]
dscp = 10
compress = "lz4"
tables = [1, 0]
queue = "16MiB"

[txn]
stall = "1.5s"
resends = 7
deadline = "1m"
`

func TestConfigReadsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "foci.toml")
	if err := os.WriteFile(path, []byte(fullConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Complete(); err != nil {
		t.Fatal(err)
	}
	base := filepath.Dir(path)
	want := []Backend{{"/disk1", 2}, {filepath.Join(base, "disk2"), 0}}
	if c.Cluster != "home" || c.Dir != filepath.Join(base, "n1") || !reflect.DeepEqual(c.Backends, want) || len(c.Seeds) != 2 {
		t.Fatalf("%+v", c)
	}
	wantBulk := mesh.ClassConfig{DSCP: 10, Compress: mesh.LZ4, Tables: []foci.Table{1, 0}, QueueBytes: 16 << 20}
	if all, err := c.Classes.mesh(); err != nil || !reflect.DeepEqual(all[foci.Bulk], wantBulk) || !reflect.DeepEqual(all[foci.Reg], mesh.ClassConfig{}) {
		t.Errorf("%+v, %v", all, err)
	}
	if n := c.Connections.perClass(); n[foci.Reg] != 4 || n[foci.Bulk] != 0 {
		t.Fatalf("connections %v", n)
	}
	if c.Txn != (Txn{Duration(1500 * time.Millisecond), 7, Duration(time.Minute)}) {
		t.Fatalf("transactions %+v", c.Txn)
	}
	if all, err := c.Classes.mesh(); err != nil || !c.Mesh.Eager || c.Mesh.Links != "linked" || !reflect.DeepEqual(all[foci.Recovery].Tables, []foci.Table{1, 0}) {
		t.Fatalf("%+v %+v", c.Mesh, all)
	}
	binds, err := c.binds()
	if err != nil || len(binds) != 1 || binds[0].ListenOn() != "0.0.0.0:11025" {
		t.Fatalf("%v %v", binds, err)
	}
}

// TestConfigErrorsSayWhere wants each mistake to be named with its line.
func TestConfigErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"cluster = \"a\"\nclutser = \"b\"":    `line 2: unknown key "clutser"`,
		"\n[mash]\nx = 1":                     `line 2: unknown key "mash"`,
		"[[backend]]\ndir = \"x\"\nsize = 3":  `line 3: unknown key "backend.size"`,
		"dir = 5":                             `line 1, key "dir"`,
		"[[backend]]\ngroup = -1":             `line 2, key "backend.group"`,
		"seeds = [\"nowhere\"]":               "nowhere",
		"dir = \"x\"\ndir = \"y\"":            "line 2",
		"not toml":                            "line 1",
		"#" + strings.Repeat("x", maxConfig):  "no configuration file",
		"[connections_per_node]\nping = 1e99": "line 2",
		"[txn]\nstall = \"2\"":                "line 2",
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %v, want %q", text, err, want)
		}
	}
}

func TestConfigRules(t *testing.T) {
	addr := []Address{{Addr: "10.0.0.1:1025:2-0"}}
	for want, c := range map[string]Node{
		"role":                   {Addresses: addr, Role: "transport"},
		"host:port:family-table": {Addresses: []Address{{Addr: "10.0.0.1:1025"}}},
		"there twice":            {Addresses: append(addr, addr...)},
		"stores nothing":         {Addresses: addr, Role: "client", Backends: []Backend{{Dir: "x"}}},
		"has no dir":             {Addresses: addr, Backends: []Backend{{}}},
		"is another's":           {Addresses: addr, Backends: []Backend{{Dir: "x"}, {Dir: "./x"}}},
		"txn.stall":              {Addresses: addr, Txn: Txn{Stall: 1}},
		"txn.resends":            {Addresses: addr, Txn: Txn{Resends: -2}},
		"txn.deadline":           {Addresses: addr, Txn: Txn{Deadline: -1}},
		"linked":                 {Addresses: addr, Mesh: Mesh{Links: "sometimes"}},
		"class.bulk.tables":      {Addresses: addr, Classes: Classes{Bulk: Class{Tables: []foci.Table{foci.MaxTable}}}},
		"class.reg.dscp = 64":    {Addresses: addr, Classes: Classes{Reg: Class{DSCP: 64}}},
		"compress":               {Addresses: addr, Classes: Classes{Bulk: Class{Compress: "gzip"}}},
		"class.ping.queue":       {Addresses: addr, Classes: Classes{Ping: Class{Queue: 5}}},
		"class.state.tables":     {Addresses: addr, Classes: Classes{State: Class{Tables: []foci.Table{foci.MaxTable}}}},
		"connections_per_node":   {Addresses: addr, Connections: Connections{Bulk: 65}},
	} {
		if err := c.Complete(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
}

// FuzzConfig reads any text: no panic, and what is accepted means the same
// after it was written and read again.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(fullConfig))
	f.Add([]byte("clutser = 1"))
	f.Add([]byte("[[address]]\naddr = \"[fd00::17]:1025:10-2\"\n[[backend]]"))
	f.Add([]byte("log = \"warn+2\"\nseeds = [\"a:1:0\"]"))
	f.Add([]byte("[connections_per_node]\nping = 0x7fffffff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse(text)
		if err != nil {
			if foci.KindOf(err) == foci.Internal || len(err.Error()) > 4096 {
				t.Fatalf("unclear error: %v", err)
			}
			return
		}
		out, err := toml.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(out)
		if err != nil {
			t.Fatalf("written as\n%s\ncannot be read: %v", out, err)
		}
		if twice, err := toml.Marshal(again); err != nil || string(twice) != string(out) {
			t.Fatalf("%s\nbecame\n%s", out, twice)
		}
		first, second := c.Complete(), again.Complete()
		if (first == nil) != (second == nil) {
			t.Fatalf("%+v (%v) became %+v (%v)", c, first, again, second)
		}
	})
}
