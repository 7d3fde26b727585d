package mesh

import (
	"testing"

	"github.com/foci-store/foci"
)

// TestLocalBodyIsTheHandlersUntilAnswered: a canceled request that this process
// serves itself is done when its handler answers, because the handler reads the
// sender's own memory.
func TestLocalBodyIsTheHandlersUntilAnswered(t *testing.T) {
	var served *Incoming
	m, err := New(Config{Cluster: "test", Role: foci.RoleTransport, Handler: HandlerFunc(func(in *Incoming) { served = in })})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	done := 0
	q := &Request{Class: foci.Reg, Body: []byte("body"), Done: func(*Reply, error) { done++ }}
	if err := m.Local(q); err != nil {
		t.Fatal(err)
	}
	q.Cancel()
	if done != 0 {
		t.Error("done while the handler has the body")
	}
	if !served.Canceled() {
		t.Error("the handler does not see that nobody wants the answer")
	}
	served.Reply(nil, nil)
	if done != 1 {
		t.Errorf("done %d times after the answer, want 1", done)
	}

	served, done = nil, 0
	q = &Request{Class: foci.Reg, Done: func(*Reply, error) { done++ }}
	q.Cancel()
	if err := m.Local(q); err != nil || served != nil || done != 1 {
		t.Errorf("canceled before: %v, served %v, done %d times", err, served != nil, done)
	}
}
