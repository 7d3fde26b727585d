package foci

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

// TestReplicas: an error of an operation names each replica on a line of its
// own, once, and the lines are bounded.
func TestReplicas(t *testing.T) {
	node := NodeID{1, 2, 3, 4}
	long := &Error{Kind: Stalled, Where: "node " + node.Short(), Msg: strings.Repeat("ü", 5000), Fix: "look"}
	r := Replicas{
		{Group: 1, Node: node, Name: "n1"},
		{Group: 2, Node: node, Name: "n2", Err: &Error{Kind: Unreachable, Where: "node " + node.Short(), Msg: "no\nchannel", Fix: "look"}},
		{Group: 3, Node: node, Err: long},
		{Group: 4, Err: Errorf(NoRoute, "nobody owns it")},
	}
	err := error(&Error{Kind: NoQuorum, Op: "get", Where: "b/k", Msg: "1 of 4 groups answered", Fix: "see foci nodes", Err: r})
	lines := strings.Split(err.Error(), "\n")
	want := []string{
		"get b/k: 1 of 4 groups answered (see foci nodes):",
		"group 1, node n1 (01020304): done",
		"group 2, node n2 (01020304): no; channel",
		"group 3, node 01020304: üü",
		"group 4: nobody owns it",
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines:\n%v", len(lines), err)
	}
	for i, l := range lines {
		if !strings.HasPrefix(l, want[i]) || len(l) > maxReplicaText+100 || strings.ContainsRune(l, '\uFFFD') {
			t.Errorf("line %d: %.200q, want %q", i, l, want[i])
		}
	}
	var found Replicas
	if !errors.As(err, &found) || len(found) != 4 || !errors.Is(err, Unreachable) || KindOf(err) != NoQuorum {
		t.Errorf("%v in %v", found, err)
	}
	text, e := json.Marshal(&r[1])
	if e != nil || string(text) != `{"group":2,"node":"01020304-0000-0000-0000-000000000000","name":"n2","kind":"unreachable","error":"no; channel"}` {
		t.Errorf("%s %v", text, e)
	}
}
