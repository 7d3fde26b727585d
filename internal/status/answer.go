package status

import (
	"encoding/json"
	"strings"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/core/wire"
	"github.com/foci-store/foci/internal/device/mesh"
)

// The questions. A trace id follows AskTrace.
const (
	AskNode  = wire.AskNode
	AskMesh  = "mesh"
	AskTxns  = "txns"
	AskTrace = "trace "
)

// Source is a process that reports its status. Its methods may be called at any time,
// by several goroutines.
type Source interface {
	Status() Node
	Mesh() mesh.Stats
	Txns() Txns
	Trace(foci.TraceID) []Step
}

// Serve answers a question about a process.
func Serve(in *mesh.Incoming, q *wire.Ask, s Source) {
	v, err := answer(s, q.What)
	var b []byte
	if err == nil {
		b, err = json.Marshal(v)
	}
	if err != nil {
		in.Fail(err)
		return
	}
	in.Reply(nil, b)
}

func answer(s Source, what string) (any, error) {
	switch what {
	case AskNode:
		return s.Status(), nil
	case AskMesh:
		return s.Mesh(), nil
	case AskTxns:
		return s.Txns(), nil
	}
	if text, is := strings.CutPrefix(what, AskTrace); is {
		id, err := foci.ParseTraceID(text)
		if err != nil {
			return nil, err
		}
		return s.Trace(id), nil
	}
	return nil, foci.Errorf(foci.Invalid, "status %.80q: want %s, %s, %s or %sID", what, AskNode, AskMesh, AskTxns, AskTrace)
}
