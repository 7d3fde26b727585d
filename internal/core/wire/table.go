package wire

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/codec"
)

// The table of methods, in the order of numbers: the heads of request and reply,
// number, name, classes, who may ask, and traits. Numbers are part of the
// protocol. A new method is one row here, its two messages, and a handler.
var (
	MethodPing    = define[Ping, Empty](1, "ping", every, Anyone)
	MethodRoutes  = define[Routes, Routes](2, "routes", state, Anyone)
	MethodLayout  = define[AskLayout, Empty](3, "layout", state, Anyone, slow)
	MethodStatus  = define[Ask, Empty](4, "status", state, ByRights, relayed, slow)
	MethodWatch   = define[Watch, Watched](5, "watch", state, Anyone)
	MethodForward = define[Forward, passed](6, "forward", passing, Anyone)
	MethodDigest  = define[Digest, Versions](7, "digest", state, Anyone)
	MethodRenew   = define[Renew, Renewed](8, "renew", state, Anyone)
	MethodRelayed = define[Relayed, passed](9, "relayed", passing, Members)

	MethodQuery = define[Query, QueryReply](16, "query", data, ByRights, relayed)
	MethodStore = define[Store, StoreReply](17, "store", data, ByRights, relayed)
	MethodHave  = define[Have, HaveReply](18, "have", data, ByRights, relayed)
	MethodFetch = define[Fetch, FetchReply](19, "fetch", data, ByRights, relayed, slow)
	MethodList  = define[List, ListReply](20, "list", data, ByRights, relayed, slow)
	MethodHint  = define[Hint, HintReply](21, "hint", data, ByRights, relayed, slow)
)

// Method says what a request asks for.
type Method uint16

// Who may ask by a method.
type Who uint8

// Zero is for administrators, so a row that says nothing is closed.
const (
	Admins   Who = iota
	Anyone       // no right is needed, or the handler judges the request itself
	Members      // nodes and node clients
	ByRights     // the request says what right it needs
)

// Row is one method of the table.
type Row struct {
	Method  Method
	Name    string
	Classes Classes // by which it travels
	Who     Who
	// Relayed: a node that a client reaches passes the request on, by the same
	// class. What concerns the asker's own place in the mesh is for its neighbours.
	Relayed bool
	// Slow: serving it may wait for a disk or build a long answer, so it does not
	// run on the goroutine that reads the channel.
	Slow bool
	// Aimed: the request is an [Aimed] one, to a replica.
	Aimed bool

	NewRequest, NewReply func() codec.Message
}

// Classes is a set of classes.
type Classes uint8

// Has reports whether the set has a class.
func (s Classes) Has(c foci.Class) bool { return c < foci.NumClasses && s>>c&1 == 1 }

const (
	state   Classes = 1 << foci.State
	data    Classes = 1<<foci.Reg | 1<<foci.Bulk | 1<<foci.Recovery
	passing         = state | data
	every           = passing | 1<<foci.Ping
)

type trait func(*Row)

func relayed(r *Row) { r.Relayed = true }
func slow(r *Row)    { r.Slow = true }

// rows are the table, by number.
var rows [32]*Row

var methodsOf = map[reflect.Type]Method{}

// define adds a row.
func define[Q, A any, PQ interface {
	*Q
	codec.Message
}, PA interface {
	*A
	codec.Message
}](number Method, name string, classes Classes, who Who, traits ...trait) Method {
	r := &Row{
		Method: number, Name: name, Classes: classes, Who: who,
		NewRequest: func() codec.Message { return PQ(new(Q)) }, NewReply: func() codec.Message { return PA(new(A)) },
	}
	_, r.Aimed = r.NewRequest().(Aimed)
	for _, t := range traits {
		t(r)
	}
	if rows[number] != nil {
		panic("wire: method " + strconv.Itoa(int(number)) + " is defined twice")
	}
	rows[number], methodsOf[reflect.TypeFor[PQ]()] = r, number
	return number
}

// Methods are the rows of the table, in the order of their numbers.
func Methods() []*Row {
	return slices.DeleteFunc(slices.Clone(rows[:]), func(r *Row) bool { return r == nil })
}

// Row is the method's row; nil for one that is not in the table.
func (m Method) Row() *Row {
	if int(m) >= len(rows) {
		return nil
	}
	return rows[m]
}

// String is the name used in output.
func (m Method) String() string {
	if r := m.Row(); r != nil {
		return r.Name
	}
	return "method " + strconv.Itoa(int(m))
}

// MethodOf is the method of a request; 0 for what is none.
func MethodOf(q codec.Message) Method { return methodsOf[reflect.TypeOf(q)] }

// Relayable reports whether a request may be passed on, by a class.
func Relayable(m Method, c foci.Class) bool {
	r := m.Row()
	return r != nil && r.Relayed && r.Classes.Has(c)
}
