package lint

import (
	"fmt"
	"go/ast"
	"strings"
)

// opener is a standard package whose functions, all but the harmless ones,
// reach outside the process.
type opener struct {
	path     string
	what     string
	reaches  func(name string) bool
	home     string   // the one folder that may
	elsewise []string // other folders that may; each with its reason below
}

var openers = []opener{
	{
		path: "os", what: "files", home: "internal/device/vfs", reaches: fileFunction,
		elsewise: []string{
			"internal/device/files",        // keys and certificates, for programs without a store
			"cmd",                          // the user's own files: put, get, cp, configuration
			"internal/credential",          // the user's own files: init, credential, up
			"internal/localcluster",        // up: the cluster's directory
			"internal/transfer",            // cp: the user's own files
			"test",                         // drives whole processes
			"internal/bench/limit_disk.go", // the bare file that puts are compared with
			"internal/lint",                // reads the source tree
			"internal/story",               // plays and updates files of tests
		},
	},
	{
		path: "net", what: "sockets", home: "internal/device/mesh", reaches: socketFunction,
		elsewise: []string{
			"internal/device/names",          // DNS
			"internal/device/beacon",         // multicast
			"internal/bench/mesh_net.go",     // a bare TCP connection, and one that is reset under load
			"internal/localcluster/ports.go", // up: says before it starts that a port is in use
			"internal/metrics",               // scrapers dial in; it dials none
			"internal/testports",             // holds ports for tests
			"test",                           // free ports, proxies that delay and cut
		},
	},
	{
		path: "net/http", what: "sockets", home: "internal/metrics", reaches: httpFunction,
		elsewise: []string{"test"}, // scrapes metrics
	},
}

func fileFunction(name string) bool {
	for _, p := range []string{
		"Open", "Create", "ReadFile", "WriteFile", "ReadDir", "Mkdir", "Remove", "Rename",
		"Link", "Symlink", "Truncate", "Chmod", "Chtimes", "Chown", "Stat", "Lstat", "DirFS", "CopyFS",
	} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

func socketFunction(name string) bool {
	return strings.HasPrefix(name, "Dial") || strings.HasPrefix(name, "Listen") || strings.HasPrefix(name, "Lookup") ||
		name == "FileConn" || name == "FileListener" || name == "Resolver" || name == "DefaultResolver"
}

func httpFunction(name string) bool {
	switch name {
	case "Get", "Head", "Post", "PostForm", "Client", "DefaultClient", "Server", "ListenAndServe", "ListenAndServeTLS", "Serve", "ServeTLS", "Transport":
		return true
	}
	return false
}

// Outside wants one door to files and one to sockets, so that tests can stand
// in it and break things.
func Outside(m *Module) []Finding {
	var out []Finding
	for s := range m.sources() {
		if s.Test {
			continue
		}
		for _, o := range openers {
			if !o.mayUse(s.Rel) {
				out = append(out, o.uses(m, s)...)
			}
		}
	}
	return out
}

func (o *opener) mayUse(file string) bool {
	if within(file, o.home) {
		return true
	}
	for _, e := range o.elsewise {
		if within(file, e) {
			return true
		}
	}
	return false
}

func (o *opener) uses(m *Module, s *Source) []Finding {
	name := importName(s.AST, o.path)
	if name == "" {
		return nil
	}
	var out []Finding
	ast.Inspect(s.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && x.Name == name && o.reaches(sel.Sel.Name) {
			out = append(out, Finding{s.Rel, m.line(n), fmt.Sprintf("%s.%s: only %s opens %s", name, sel.Sel.Name, o.home, o.what)})
		}
		return true
	})
	return out
}
