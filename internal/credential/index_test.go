package credential

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/testwait"
)

// TestIndexIsItsUsersOnly: the index is written for its user alone, and one that
// others reach, or that is no file, is refused and not waited for.
func TestIndexIsItsUsersOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config", indexFolder, indexName)
	entry := Entry{Remote: "127.0.0.1:1025", Cluster: "c", Credential: path}
	update := func() {
		t.Helper()
		if err := updateIndex(path, []string{entry.Remote}, []Entry{entry}); err != nil {
			t.Fatal(err)
		}
	}
	update() // there is no file of that name yet, so the entry stays until the next one
	for p, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v, want %v: %v", p, info.Mode().Perm(), want, err)
		}
	}
	for name, spoil := range map[string]func() error{
		"readable by others":  func() error { return os.Chmod(path, 0o604) },
		"writable by a group": func() error { return os.Chmod(path, 0o620) },
		"a link":              func() error { return os.Symlink("/dev/null", path) },
		"a pipe":              func() error { return syscall.Mkfifo(path, 0o600) },
		"a folder":            func() error { return os.Mkdir(path, 0o700) },
		"another user's": func() error {
			if os.Geteuid() != 0 {
				return os.Chmod(path, 0o666) // only root can give files away
			}
			return os.Chown(path, 4711, 0)
		},
	} {
		update()
		if strings.HasPrefix(name, "a ") {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		err := testwait.Return(t, time.Second, "loading "+name, func() error { _, err := loadIndex(path); return err })
		if foci.KindOf(err) != foci.Invalid || err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "remove it") {
			t.Errorf("%s: %v", name, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

func TestIndexFinds(t *testing.T) {
	x := &index{Credentials: []Entry{
		{"127.0.0.1:1025", "c", "/a"},
		{"127.0.0.1:1026", "c", "/a"},
		{"127.0.0.1:2000", "d", "/b"},
		{"[::1]:3000", "e", "/e"},
	}}
	for _, c := range []struct{ remotes, want string }{
		{"127.0.0.1:1025:2", "/a"},
		{"localhost:1025:2", "/a"},
		{"127.0.0.1:1025:2 127.0.0.1:1026:2", "/a"},
		{"[::1]:3000:10", "/e"},
		{"127.0.0.1:1025:2 127.0.0.1:2000:2", ""}, // two clusters: neither's is right
		{"127.0.0.1:1025:2 127.0.0.1:9:2", ""},    // one is unknown
		{"10.0.0.1:1025:2", ""},                   // another machine
		{"localhost.example:1025:2", ""},          // a name that may lead anywhere
		{"srv:_foci._tcp.example", ""},
		{"", ""}, // no address
	} {
		var remotes []route.Remote
		for _, s := range strings.Fields(c.remotes) {
			r, err := route.ParseRemote(s)
			if err != nil {
				t.Fatal(err)
			}
			remotes = append(remotes, r)
		}
		if got := x.find(remotes); got != c.want {
			t.Errorf("%q: %q, want %q", c.remotes, got, c.want)
		}
	}
}

func TestHostileIndex(t *testing.T) {
	entry := func(remote, credential string) string {
		return fmt.Sprintf(`{"credentials":[{"remote":%q,"cluster":"c","credential":%q}]}`, remote, credential)
	}
	for text, good := range map[string]bool{
		`{"credentials":[]}`: true, entry("127.0.0.1:1", "/a"): true, entry("[::1]:1", "/a"): true,
		"": false, "[]": false, `{"credentials":[]}{}`: false, `{"credential":[]}`: false, strings.Repeat("[", 100_000): false,
		entry("10.0.0.1:1", "/a"): false, entry("127.0.0.1", "/a"): false, entry("127.0.0.1:1", "a"): false,
		entry("127.0.0.1:1", ""): false, `{"credentials":[{"remote":"127.0.0.1:1","credential":"/a\u0000"}]}`: false,
		entry("127.0.0.1:1", "/"+strings.Repeat("x", maxEntryPath)):                                             false,
		`{"credentials":[` + strings.Repeat(`{"remote":"127.0.0.1:1","credential":"/a"},`, maxEntries) + `{}]}`: false,
	} {
		if _, err := parseIndex([]byte(text)); (err == nil) != good {
			t.Errorf("%.80q: %v", text, err)
		}
	}
	path := filepath.Join(t.TempDir(), indexName)
	if err := os.WriteFile(path, make([]byte, maxIndex+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadIndex(path); err == nil || !strings.Contains(err.Error(), "over") {
		t.Errorf("too large: %v", err)
	}
}

// TestIndexIsBounded: entries take the place of those for the same remotes and
// of those whose file is gone; over the limit the oldest go.
func TestIndexIsBounded(t *testing.T) {
	x := new(index)
	never := func(Entry) bool { return false }
	for i := range maxEntries + 3 {
		r := fmt.Sprintf("127.0.0.1:%d", 1000+i)
		x.replace([]string{r}, []Entry{{Remote: r, Credential: "/old"}}, never)
	}
	if len(x.Credentials) != maxEntries || x.Credentials[0].Remote != "127.0.0.1:1003" {
		t.Fatalf("%d entries, the first %v", len(x.Credentials), x.Credentials[0])
	}
	x.replace([]string{"127.0.0.1:1003", "127.0.0.1:1004"}, []Entry{{Remote: "127.0.0.1:1003", Credential: "/new"}}, never)
	if n := len(x.Credentials); n != maxEntries-1 || x.Credentials[n-1].Credential != "/new" {
		t.Fatal(n, x.Credentials[n-1])
	}
	x.replace(nil, nil, func(e Entry) bool { return e.Credential == "/old" })
	if len(x.Credentials) != 1 {
		t.Fatal(x.Credentials)
	}
}
