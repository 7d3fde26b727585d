package status

import (
	"errors"
	"reflect"
	"testing"

	"github.com/foci-store/foci"
	"github.com/foci-store/foci/internal/device/mesh"
)

// told is a process that answers with what it was made of.
type told struct{ traces Traces }

func (*told) Status() Node                   { return Node{Name: "n1", Role: foci.RoleClient} }
func (*told) Mesh() mesh.Stats               { return mesh.Stats{Cluster: "c"} }
func (*told) Txns() Txns                     { return Txns{Hints: 7} }
func (s *told) Trace(id foci.TraceID) []Step { return s.traces.Of(id) }

func TestAnswers(t *testing.T) {
	s := new(told)
	s.traces.Note(5, "step %d", 1)
	s.traces.Note(7, "another operation")
	for what, want := range map[string]any{AskNode: s.Status(), AskMesh: s.Mesh(), AskTxns: s.Txns(), AskTrace + "0000000000000005": s.traces.Of(5)} {
		if got, err := answer(s, what); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v, want %+v", what, got, err, want)
		}
	}
	if got := s.Trace(5); len(got) != 1 || got[0].What != "step 1" {
		t.Errorf("trace: %+v", got)
	}
	for _, what := range []string{"", "nodes", AskTrace, AskTrace + "x", "node "} {
		if _, err := answer(s, what); !errors.Is(err, foci.Invalid) {
			t.Errorf("%q: %v", what, err)
		}
	}
}

// TestTracesForgetTheOldest keeps the newest steps in order.
func TestTracesForgetTheOldest(t *testing.T) {
	var s Traces
	for i := range maxSteps + 3 {
		s.Note(5, "%d", i)
	}
	got := s.Of(5)
	if len(got) != maxSteps || got[0].What != "3" || got[maxSteps-1].What != "4098" {
		t.Errorf("%d steps, from %v to %v", len(got), got[0].What, got[len(got)-1].What)
	}
}
