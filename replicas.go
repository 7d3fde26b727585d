package foci

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Replica is the outcome of an operation at one replica.
type Replica struct {
	Group Group
	Node  NodeID // zero: no request was sent
	Name  string // of the node in the layout; may be empty
	Err   error  // nil: success
}

// Replicas is the cause of errors of kind NoQuorum and OutcomeUnknown: the outcome
// at each replica of the object. [errors.As] finds it.
type Replicas []Replica

// maxReplicaText bounds one replica's line, in bytes. All attempts that a
// transaction remembers fit.
const maxReplicaText = 1500

// Error has one line for each replica.
func (r Replicas) Error() string {
	lines := make([]string, len(r))
	for i := range r {
		lines[i] = r[i].String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the errors of the replicas that failed.
func (r Replicas) Unwrap() []error {
	errs := make([]error, 0, len(r))
	for i := range r {
		if r[i].Err != nil {
			errs = append(errs, r[i].Err)
		}
	}
	return errs
}

// String is one line: the group, the node, and "done" or the error.
func (r Replica) String() string {
	return fmt.Sprintf("group %d%s: %s", r.Group, r.node(), r.text())
}

func (r Replica) node() string {
	switch {
	case r.Node.IsZero():
		return ""
	case r.Name == "":
		return ", node " + r.Node.Short()
	}
	return ", node " + r.Name + " (" + r.Node.Short() + ")"
}

func (r Replica) text() string {
	if r.Err == nil {
		return "done"
	}
	text := r.Err.Error()
	if e, ok := r.Err.(*Error); ok {
		bare := *e
		bare.Fix = "" // the whole error has one
		text = bare.Error()
	}
	text = strings.TrimPrefix(text, "node "+r.Node.Short()+": ")
	text = strings.ReplaceAll(text, "\n", "; ") // what a peer said may have lines
	if len(text) > maxReplicaText {
		text = strings.ToValidUTF8(text[:maxReplicaText], "") + "…"
	}
	return text
}

// MarshalJSON encodes group, node, name, and the kind and text of the error.
func (r Replica) MarshalJSON() ([]byte, error) {
	v := struct {
		Group Group  `json:"group"`
		Node  string `json:"node,omitempty"`
		Name  string `json:"name,omitempty"`
		Kind  string `json:"kind,omitempty"`
		Error string `json:"error,omitempty"`
	}{Group: r.Group, Name: r.Name}
	if !r.Node.IsZero() {
		v.Node = r.Node.String()
	}
	if r.Err != nil {
		v.Kind, v.Error = KindOf(r.Err).String(), r.text()
	}
	return json.Marshal(v)
}
