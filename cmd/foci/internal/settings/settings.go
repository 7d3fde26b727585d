package settings

import (
	"log/slog"
	"time"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
	"github.com/foci-store/foci/internal/localcluster"
)

// File is where serve looks for its configuration.
const File = localcluster.ConfigFile

// DefaultCluster is the name of a cluster that was given none.
const DefaultCluster = "foci"

// Node is foci.toml, the configuration of one node. Every setting has a
// flag or a default, so that the file may be short; a key that is not here is
// an error, because a misspelt setting would silently have no effect.
type Node struct {
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
	TLS TLS `toml:"tls,omitempty"`

	// Auth is about who may not come in although it has a credential.
	Auth Auth `toml:"auth,omitempty"`

	// Insecure lets a node listen on addresses that are not loopback with neither
	// key nor [tls]: each client that reaches them may read and write everything. False:
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
	Addresses []Address `toml:"address,omitempty"`

	// Backends are the directories that store, each best on a disk of its own.
	// Empty: those that the layout has for this node, in Dir.
	Backends []Backend `toml:"backend,omitempty"`

	// Connections is how many TCP connections a link has for each class.
	Connections Connections `toml:"connections_per_node,omitempty"`

	// Mesh and Classes are how links to other nodes behave.
	Mesh    Mesh    `toml:"mesh,omitempty"`
	Classes Classes `toml:"class,omitempty"`

	// Txn is for this node's own transactions: its repairs of what others have missed.
	Txn Txn `toml:"txn,omitempty"`
}

// Txn is [txn].
type Txn struct {
	// Stall is how long a request is without an answer until it counts as stalled
	// and is sent again, like "2s"; from 1ms to 1h. Empty: 2s.
	Stall Duration `toml:"stall,omitempty"`

	// Resends is how often a request that stalled is sent again; after that it
	// fails. At most 4096, -1: never. 0: 5.
	Resends int `toml:"resends,omitempty"`

	// Deadline is how long one transaction may take in all, like "30s"; at most
	// 24h. Empty: 30s.
	Deadline Duration `toml:"deadline,omitempty"`
}

// Duration is a time span in the file, as text like "1.5s".
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration does.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return foci.Errorf(foci.Invalid, "%.80q: want a time span like \"2s\" or \"500ms\"", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Bounds of Txn and of the flags that mean the same.
const (
	MinStall    = time.Millisecond
	MaxStall    = time.Hour
	MaxResends  = 4096
	maxDeadline = 24 * time.Hour
)

// TLS is [tls]: three files of PEM, relative to the file's own directory.
// They are read again when they change. All or none.
type TLS struct {
	Cert string `toml:"cert,omitempty"` // the node's; it names cluster and node as URI foci:CLUSTER/node/UUID
	Key  string `toml:"key,omitempty"`  // its private key, not readable by everybody
	CA   string `toml:"ca,omitempty"`   // whose certificates are believed

	// IssuingKey is the private key of an authority in CA. A node that has it renews
	// certificates, its own too; others ask it to. At least one node should. Empty:
	// this node renews none.
	IssuingKey string `toml:"issuing_key,omitempty"`
}

// Auth is [auth].
type Auth struct {
	// Deny is a file that lists what is denied, relative to this file's own
	// directory: lines "serial HEX" for one certificate, "name client/NAME" or
	// "name node/UUID" for all of one identity, comments from #. It is read again
	// when it changes, and channels that are open are closed within 5 s. Empty: the
	// file deny in Dir, if there is one.
	Deny string `toml:"deny,omitempty"`
}

// Address is one [[address]].
type Address struct {
	// Addr is host:port:family-table, what others dial. Never empty.
	Addr string `toml:"addr"`

	// Listen is the IP:port to bind in its place, behind NAT, virtual IPs and in
	// containers. Empty: Addr itself.
	Listen string `toml:"listen,omitempty"`
}

// Backend is one [[backend]].
type Backend struct {
	// Dir is its directory, relative to the file's own. Never empty.
	Dir string `toml:"dir"`

	// Group is the ring that it belongs to, from 1: one replica of everything.
	// A group is typically a datacenter, a rack or a node. 0: the group of the
	// node's first backend in the layout that has no directory yet.
	Group foci.Group `toml:"group,omitempty"`
}

// Connections is [connections_per_node]. Classes have connections of
// their own so that large bodies never delay small requests; several of one
// class spread over paths and processors. 0: the usual number, of 13 in all.
type Connections struct {
	Ping     int `toml:"ping,omitempty"`     // liveness; usually 1
	State    int `toml:"state,omitempty"`    // routes and layout; usually 1
	Reg      int `toml:"reg,omitempty"`      // puts, gets and votes; usually 6
	Bulk     int `toml:"bulk,omitempty"`     // bodies of large objects; usually 3
	Recovery int `toml:"recovery,omitempty"` // repair; usually 2
}

// maxConnections bounds one class of Connections.
const maxConnections = 64

// perClass are the numbers by class, 0 where the usual one is meant.
func (c Connections) perClass() [foci.NumClasses]int {
	return [foci.NumClasses]int{
		foci.Ping: c.Ping, foci.State: c.State, foci.Reg: c.Reg, foci.Bulk: c.Bulk, foci.Recovery: c.Recovery,
	}
}
