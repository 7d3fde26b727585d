package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/device/beacon"
	"github.com/foci-store/foci/internal/device/vfs"
	"github.com/foci-store/foci/internal/localcluster"
	"github.com/foci-store/foci/internal/metrics"
)

// configFile is where serve looks for its configuration.
const configFile = localcluster.ConfigFile

// defaultCluster is the name of a cluster that was given none.
const defaultCluster = "foci"

// maxConfig bounds a configuration file, in bytes: reading one by mistake that
// is no configuration must not fill the memory.
const maxConfig = 1 << 20

// serveConfig is foci.toml, the configuration of one node. Every setting has a
// flag or a default, so that the file may be short; a key that is not here is
// an error, because a misspelt setting would silently have no effect.
type serveConfig struct {
	// Cluster is the name that every member and client must say, so that two
	// clusters on one network never mix. Empty: "foci".
	Cluster string `toml:"cluster,omitempty"`

	// Name is the node's in the layout, from which it takes its identity at its
	// first start. Empty: the layout does not know it, and it owns nothing.
	Name string `toml:"name,omitempty"`

	// Dir holds the node's identity and its copy of the layout. A relative path
	// begins at the file's own directory. Empty: that directory.
	Dir string `toml:"dir,omitempty"`

	// Role is data for a node that stores, client for a member that does not.
	// Empty: data.
	Role string `toml:"role,omitempty"`

	// Seeds are peers to contact first, as host:port:family or srv:name.
	// Empty: those that the layout names.
	Seeds []route.Remote `toml:"seeds,omitempty"`

	// Multicast is the group and port, like 239.17.19.23:1026, by which nodes find
	// each other without seeds; it needs Key. Empty: none.
	Multicast string `toml:"multicast,omitempty"`

	// Log is the least level that is logged: debug, info, warn or error.
	// Empty: info.
	Log slog.Level `toml:"log,omitempty"`

	// Key is a file with the cluster key, as foci init makes it, relative to this
	// file's own directory; it must not be readable by everybody. The key is an
	// authority: members sign certificates for themselves with it, and believe
	// those that it has signed for members and clients. A file with two keys is
	// for rotation: the first signs, both are believed. It is read again when it
	// changes. Beside [tls] it is for multicast alone. Empty: none.
	Key string `toml:"key,omitempty"`

	// TLS has members and clients prove who they are by certificates of a separate
	// authority.
	TLS tlsConfig `toml:"tls,omitempty"`

	// Auth is about who may not come in although it has a credential.
	Auth authConfig `toml:"auth,omitempty"`

	// Insecure lets a node listen on addresses that are not loopback with neither
	// key nor [tls]: whoever reaches them may read and write everything. False:
	// that is refused.
	Insecure bool `toml:"insecure,omitempty"`

	// Metrics is the IP:port at which /metrics is served for Prometheus. Anything
	// but loopback needs MetricsToken. Empty: nowhere.
	Metrics string `toml:"metrics,omitempty"`

	// MetricsToken is a file with the token that scrapers must send, relative to
	// this file's own directory; it must not be readable by everybody. Empty: none.
	MetricsToken string `toml:"metrics_token,omitempty"`

	// Addresses are what others reach this node by. Empty: those that the layout
	// has for it.
	Addresses []addressConfig `toml:"address,omitempty"`

	// Backends are the directories that store, each best on a disk of its own.
	// Empty: those that the layout has for this node, in Dir.
	Backends []backendConfig `toml:"backend,omitempty"`

	// Connections is how many TCP connections a link has for each class.
	Connections connectionsConfig `toml:"connections_per_node,omitempty"`

	// Mesh and Classes are how links to other nodes behave.
	Mesh    meshConfig    `toml:"mesh,omitempty"`
	Classes classesConfig `toml:"class,omitempty"`

	// Txn is for this node's own transactions: its repairs of what others have missed.
	Txn txnConfig `toml:"txn,omitempty"`
}

// txnConfig is [txn].
type txnConfig struct {
	// Stall is how long a request is without an answer until it counts as stalled
	// and is sent again, like "2s"; from 1ms to 1h. Empty: 2s.
	Stall duration `toml:"stall,omitempty"`

	// Resends is how often a request that stalled is sent again; after that it
	// fails. At most 4096, -1: never. 0: 5.
	Resends int `toml:"resends,omitempty"`

	// Deadline is how long one transaction may take in all, like "30s"; at most
	// 24h. Empty: 30s.
	Deadline duration `toml:"deadline,omitempty"`
}

// duration is a time span in the file, as text like "1.5s".
type duration time.Duration

// UnmarshalText reads what time.ParseDuration does.
func (d *duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return foci.Errorf(foci.Invalid, "%.80q: want a time span like \"2s\" or \"500ms\"", text)
	}
	*d = duration(v)
	return nil
}

// MarshalText writes it.
func (d duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Bounds of txnConfig and of the flags that mean the same.
const (
	minStall    = time.Millisecond
	maxStall    = time.Hour
	maxResends  = 4096
	maxDeadline = 24 * time.Hour
)

func (t *txnConfig) check() error {
	switch stall, deadline := time.Duration(t.Stall), time.Duration(t.Deadline); {
	case stall != 0 && (stall < minStall || stall > maxStall):
		return foci.Errorf(foci.Invalid, "txn.stall = %v: want %v to %v", stall, minStall, maxStall)
	case t.Resends < -1 || t.Resends > maxResends:
		return foci.Errorf(foci.Invalid, "txn.resends = %d: want 1 to %d, -1 for never, or 0 for the usual 5", t.Resends, maxResends)
	case deadline < 0 || deadline > maxDeadline:
		return foci.Errorf(foci.Invalid, "txn.deadline = %v: want more than 0 and at most %v", deadline, maxDeadline)
	}
	return nil
}

// tlsConfig is [tls]: three files of PEM, relative to the file's own directory.
// They are read again when they change. All or none.
type tlsConfig struct {
	Cert string `toml:"cert,omitempty"` // the node's; it names cluster and node as URI foci:CLUSTER/node/UUID
	Key  string `toml:"key,omitempty"`  // its private key, not readable by everybody
	CA   string `toml:"ca,omitempty"`   // whose certificates are believed

	// IssuingKey is the private key of an authority in CA. A node that has it renews
	// certificates, its own too; others ask it to. At least one node should. Empty:
	// this node renews none.
	IssuingKey string `toml:"issuing_key,omitempty"`
}

// authConfig is [auth].
type authConfig struct {
	// Deny is a file that lists what is denied, relative to this file's own
	// directory: lines "serial HEX" for one certificate, "name client/NAME" or
	// "name node/UUID" for all of one identity, comments from #. It is read again
	// when it changes, and channels that are open are closed within 5 s. Empty: the
	// file deny in Dir, if there is one.
	Deny string `toml:"deny,omitempty"`
}

// addressConfig is one [[address]].
type addressConfig struct {
	// Addr is host:port:family-table, what others dial. Never empty.
	Addr string `toml:"addr"`

	// Listen is the IP:port to bind in its place, behind NAT, virtual IPs and in
	// containers. Empty: Addr itself.
	Listen string `toml:"listen,omitempty"`
}

// backendConfig is one [[backend]].
type backendConfig struct {
	// Dir is its directory, relative to the file's own. Never empty.
	Dir string `toml:"dir"`

	// Group is the ring that it belongs to, from 1: one replica of everything.
	// A group is typically a datacenter, a rack or a node. 0: the group of the
	// node's first backend in the layout that has no directory yet.
	Group foci.Group `toml:"group,omitempty"`
}

// connectionsConfig is [connections_per_node]. Classes have connections of
// their own so that large bodies never delay small requests; several of one
// class spread over paths and processors. 0: the usual number, of 13 in all.
type connectionsConfig struct {
	Ping     int `toml:"ping,omitempty"`     // liveness; usually 1
	State    int `toml:"state,omitempty"`    // routes and layout; usually 1
	Reg      int `toml:"reg,omitempty"`      // puts, gets and votes; usually 6
	Bulk     int `toml:"bulk,omitempty"`     // bodies of large objects; usually 3
	Recovery int `toml:"recovery,omitempty"` // repair; usually 2
}

// maxConnections bounds one class of connectionsConfig.
const maxConnections = 64

// perClass are the numbers by class, 0 where the usual one is meant.
func (c connectionsConfig) perClass() [foci.NumClasses]int {
	return [foci.NumClasses]int{
		foci.Ping: c.Ping, foci.State: c.State, foci.Reg: c.Reg, foci.Bulk: c.Bulk, foci.Recovery: c.Recovery,
	}
}

// readConfig reads foci.toml. Relative directories become relative to it.
func readConfig(path string) (serveConfig, error) {
	f, err := os.Open(path)
	if err != nil {
		return serveConfig{}, &foci.Error{Kind: foci.Invalid, Op: "config", Where: path, Err: vfs.Cause(err), Msg: "cannot be read"}
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return serveConfig{}, &foci.Error{Kind: foci.Invalid, Op: "config", Where: path, Err: vfs.Cause(err), Msg: "cannot be read"}
	}
	c, err := parseConfig(text)
	if err != nil {
		return serveConfig{}, foci.Errorf(foci.KindOf(err), "%s: %w", path, err)
	}
	c.anchor(filepath.Dir(path))
	return c, nil
}

// parseConfig reads the text of foci.toml; errors name the line and the key.
func parseConfig(text []byte) (serveConfig, error) {
	if len(text) > maxConfig {
		return serveConfig{}, foci.Errorf(foci.TooLarge, "over %d bytes: this is no configuration file", maxConfig)
	}
	var c serveConfig
	dec := toml.NewDecoder(strings.NewReader(string(text)))
	err := dec.DisallowUnknownFields().Decode(&c)
	var unknown *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return c, nil
	case errors.As(err, &unknown) && len(unknown.Errors) > 0:
		e := &unknown.Errors[0]
		line, _ := e.Position()
		return serveConfig{}, foci.Errorf(foci.Invalid, "line %d: unknown key %.80q; foci help serve lists them", line, strings.Join(e.Key(), "."))
	case errors.As(err, &bad):
		line, _ := bad.Position()
		return serveConfig{}, foci.Errorf(foci.Invalid, "line %d, key %.80q: %w", line, strings.Join(bad.Key(), "."), err)
	}
	return serveConfig{}, foci.Errorf(foci.Invalid, "%w", err)
}

// anchor makes directories relative to base.
func (c *serveConfig) anchor(base string) {
	at := func(p string) string {
		if filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(base, p)
	}
	c.Dir = at(c.Dir)
	for _, p := range []*string{&c.Key, &c.MetricsToken, &c.TLS.Cert, &c.TLS.Key, &c.TLS.CA, &c.TLS.IssuingKey, &c.Auth.Deny} {
		if *p != "" {
			*p = at(*p)
		}
	}
	for i := range c.Backends {
		c.Backends[i].Dir = at(c.Backends[i].Dir)
	}
}

// complete fills in cluster and role, and reports the first setting that breaks
// a rule.
func (c *serveConfig) complete() error {
	if c.Cluster == "" {
		c.Cluster = defaultCluster
	}
	if c.Role == "" {
		c.Role = foci.RoleData.String()
	}
	if c.Role != foci.RoleData.String() && c.Role != foci.RoleClient.String() {
		return foci.Errorf(foci.Invalid, "role %.80q: want data or client", c.Role)
	}
	if _, err := c.binds(); err != nil {
		return err
	}
	if err := c.checkMulticast(); err != nil {
		return err
	}
	if err := c.checkMesh(); err != nil {
		return err
	}
	if c.Metrics != "" {
		if err := metrics.CheckAddr(c.Metrics, c.MetricsToken != ""); err != nil {
			return err
		}
	}
	for class, n := range c.Connections.perClass() {
		if n < 0 || n > maxConnections {
			return foci.Errorf(foci.Invalid, "connections_per_node.%v = %d: want 1 to %d, or 0 for the usual number", foci.Class(class), n, maxConnections)
		}
	}
	if err := c.Txn.check(); err != nil {
		return err
	}
	return c.checkBackends()
}

func (c *serveConfig) checkMulticast() error {
	if c.Multicast == "" {
		return nil
	}
	if _, err := beacon.ParseGroup(c.Multicast); err != nil {
		return err
	}
	if c.Key == "" {
		return foci.Errorf(foci.Invalid, "multicast needs a cluster key, so that strangers' packets are told from members': foci init makes one; name it by key or --key")
	}
	return nil
}

func (c *serveConfig) checkBackends() error {
	if c.Role != foci.RoleData.String() {
		if len(c.Backends) > 0 {
			return foci.Errorf(foci.Invalid, "role %s stores nothing: remove [[backend]], or make it data", c.Role)
		}
		return nil
	}
	seen := make(map[string]bool, len(c.Backends))
	for i, b := range c.Backends {
		switch {
		case b.Dir == "":
			return foci.Errorf(foci.Invalid, "[[backend]] number %d has no dir", i+1)
		case seen[filepath.Clean(b.Dir)]:
			return foci.Errorf(foci.Invalid, "[[backend]] number %d: dir %.200q is another's", i+1, b.Dir)
		}
		seen[filepath.Clean(b.Dir)] = true
	}
	return nil
}

// oneBackend is what --group stands for.
func (c *serveConfig) oneBackend(g foci.Group) []backendConfig {
	return []backendConfig{{Dir: filepath.Join(c.Dir, "data"), Group: g}}
}

// binds are the addresses with what to listen on.
func (c *serveConfig) binds() ([]route.Bind, error) {
	binds := make([]route.Bind, 0, len(c.Addresses))
	addrs := make([]route.Address, 0, len(c.Addresses))
	for _, a := range c.Addresses {
		b, err := route.ParseBind(a.Addr, a.Listen)
		if err != nil {
			return nil, err
		}
		binds, addrs = append(binds, b), append(addrs, b.Addr)
	}
	return binds, route.CheckAddrs(addrs)
}
