package layout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/route"
)

// Limits on a layout's text and on what it may hold beyond the limits of
// package foci.
const (
	MaxSize    = 16 << 20 // bytes of JSON
	MaxBuckets = 100_000  // with groups of their own
	MaxNameLen = 63       // of clusters and nodes
	MaxDirLen  = 1024
)

// Marshal prints the layout as JSON for files and for the wire. It fails with
// TooLarge above [MaxSize].
func (l *Layout) Marshal() ([]byte, error) {
	b, err := json.MarshalIndent(l, "", " ")
	if err != nil {
		return nil, foci.Errorf(foci.Internal, "printing the layout: %w", err)
	}
	if len(b) >= MaxSize {
		// Indentation is for people; what machines need may still fit.
		if b, err = json.Marshal(l); err != nil || len(b) >= MaxSize {
			return nil, foci.Errorf(foci.TooLarge, "the layout takes %d bytes, want at most %d: use fewer points or buckets", len(b), MaxSize)
		}
	}
	return append(b, '\n'), nil
}

// Parse reads what Marshal prints and validates it. Unknown fields, trailing
// text and lists over their limits are refused.
func Parse(b []byte) (*Layout, error) {
	if len(b) > MaxSize {
		return nil, foci.Errorf(foci.TooLarge, "layout of %d bytes, want at most %d", len(b), MaxSize)
	}
	var f file
	if err := decodeStrict(b, &f); err != nil {
		return nil, invalid("not a layout", err)
	}
	l := &Layout{
		Cluster: f.Cluster, Epoch: f.Epoch, DefaultGroups: f.DefaultGroups,
		Nodes: make([]Node, len(f.Nodes)), Backends: make([]Backend, len(f.Backends)), Buckets: f.Buckets,
	}
	for i, n := range f.Nodes {
		l.Nodes[i] = Node{ID: n.ID, Name: n.Name, Addrs: n.Addrs}
	}
	for i, b := range f.Backends {
		l.Backends[i] = Backend{ID: b.ID, Node: b.Node, Group: b.Group, Weight: b.Weight, Dir: b.Dir, Points: b.Points}
	}
	if err := l.Validate(); err != nil {
		return nil, err
	}
	return l, nil
}

// file mirrors Layout with lists that know their limits, so that a small
// hostile text cannot ask for much memory: "{}," takes three bytes, the node
// that it would make a hundred.
type file struct {
	Cluster       string      `json:"cluster"`
	Epoch         foci.Epoch  `json:"epoch"`
	DefaultGroups groupList   `json:"default_groups"`
	Nodes         nodeList    `json:"nodes"`
	Backends      backendList `json:"backends"`
	Buckets       bucketMap   `json:"buckets"`
}

type fileNode struct {
	ID    foci.NodeID `json:"id"`
	Name  string      `json:"name"`
	Addrs addrList    `json:"addrs"`
}

type fileBackend struct {
	ID     foci.BackendID `json:"id"`
	Node   foci.NodeID    `json:"node"`
	Group  foci.Group     `json:"group"`
	Weight uint32         `json:"weight"`
	Dir    string         `json:"dir"`
	Points pointList      `json:"points"`
}

type (
	groupList   []foci.Group
	nodeList    []fileNode
	backendList []fileBackend
	addrList    []route.Address
	pointList   []Point
	bucketMap   map[string]Bucket
)

func (l *groupList) UnmarshalJSON(b []byte) error {
	return decodeList(b, (*[]foci.Group)(l), foci.MaxGroups, "groups")
}

func (l *nodeList) UnmarshalJSON(b []byte) error {
	return decodeList(b, (*[]fileNode)(l), foci.MaxNodes, "nodes")
}

func (l *backendList) UnmarshalJSON(b []byte) error {
	return decodeList(b, (*[]fileBackend)(l), foci.MaxBackends, "backends")
}

func (l *addrList) UnmarshalJSON(b []byte) error {
	return decodeList(b, (*[]route.Address)(l), foci.MaxAddrs, "addresses")
}

func (l *pointList) UnmarshalJSON(b []byte) error {
	return decodeList(b, (*[]Point)(l), foci.MaxPoints, "points")
}

// UnmarshalJSON reads the buckets one by one and stops above the limit.
func (m *bucketMap) UnmarshalJSON(b []byte) error {
	d := strict(b)
	t, err := d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('{') {
		return foci.Errorf(foci.Invalid, "buckets: want an object")
	}
	*m = bucketMap{}
	for d.More() {
		if len(*m) == MaxBuckets {
			return foci.Errorf(foci.TooLarge, "more than %d buckets", MaxBuckets)
		}
		t, err := d.Token()
		if err != nil {
			return err
		}
		name := t.(string) // the decoder takes nothing else for a key
		if _, twice := (*m)[name]; twice {
			return foci.Errorf(foci.Invalid, "bucket %q is there twice", foci.Clip(name))
		}
		var v struct {
			Groups groupList `json:"groups"`
		}
		if err := d.Decode(&v); err != nil {
			return invalid(fmt.Sprintf("bucket %q", foci.Clip(name)), err)
		}
		(*m)[name] = Bucket{Groups: v.Groups}
	}
	return nil
}

// decodeList reads a JSON list element by element and stops above its limit.
func decodeList[T any](b []byte, out *[]T, limit int, what string) error {
	d := strict(b)
	t, err := d.Token()
	if err != nil {
		return err
	}
	if t == nil {
		*out = nil
		return nil
	}
	if t != json.Delim('[') {
		return foci.Errorf(foci.Invalid, "%s: want a list", what)
	}
	list := []T{}
	for d.More() {
		if len(list) == limit {
			return foci.Errorf(foci.TooLarge, "more than %d %s", limit, what)
		}
		var v T
		if err := d.Decode(&v); err != nil {
			return invalid(fmt.Sprintf("%s[%d]", what, len(list)), err)
		}
		list = append(list, v)
	}
	*out = list
	return nil
}

func strict(b []byte) *json.Decoder {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d
}

func decodeStrict(b []byte, v any) error {
	d := strict(b)
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return foci.Errorf(foci.Invalid, "text after the end")
	}
	return nil
}

// invalid keeps the kind of our own errors; all others are about bad JSON.
func invalid(where string, err error) error {
	kind := foci.Invalid
	var e *foci.Error
	if errors.As(err, &e) {
		kind = e.Kind
	}
	return foci.Errorf(kind, "%s: %w", where, err)
}
