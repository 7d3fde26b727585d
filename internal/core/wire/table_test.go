package wire

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/foci-store/foci"
)

// TestTableOfMethods: every row is whole, and a request that names its need is
// judged by that.
func TestTableOfMethods(t *testing.T) {
	names := map[string]bool{}
	for _, r := range Methods() {
		if r.Name == "" || names[r.Name] || r.Classes == 0 {
			t.Errorf("method %d: name %q, classes %b", r.Method, r.Name, r.Classes)
		}
		names[r.Name] = true
		q := r.NewRequest()
		if _, is := q.(guarded); is != (r.Who == ByRights) {
			t.Errorf("%v: it names its need: %v, who may ask: %d", r.Method, is, r.Who)
		}
		if MethodOf(q) != r.Method || r.Method.Row() != r {
			t.Errorf("%v: its request is of method %v", r.Method, MethodOf(q))
		}
		if r.Relayed && r.Classes.Has(foci.Ping) {
			t.Errorf("%v is passed on by the class ping, where members ask whether they live", r.Method)
		}
	}
	for _, m := range []Method{0, 10, 15, 31, 32, 65535} {
		if m.Row() != nil || Relayable(m, foci.Reg) {
			t.Errorf("%v is in the table", m)
		}
	}
}

// TestRelayable: what may be passed on, and by which class.
func TestRelayable(t *testing.T) {
	var got []string
	for _, r := range Methods() {
		for c := range foci.NumClasses {
			if Relayable(r.Method, c) {
				got = append(got, fmt.Sprintf("%v by %v", r.Method, c))
			}
		}
	}
	want := []string{"status by state"}
	for _, m := range strings.Fields("query store have fetch list hint") {
		want = append(want, m+" by reg", m+" by bulk", m+" by recovery")
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

var documentedRow = regexp.MustCompile(`^\| (\d+) \| (\w+) \| ([^|]*) \| (yes)? ?\| ([^|]*) \| ([^|]*) \|$`)

// TestDocumentedMethods: the list in docs/protocol.md is the table.
func TestDocumentedMethods(t *testing.T) {
	text, err := os.ReadFile("../../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(text), "### Methods\n")
	var documented []string
	for line := range strings.SplitSeq(list, "\n") {
		if strings.HasPrefix(line, "#") {
			break
		}
		if f := documentedRow.FindStringSubmatch(line); f != nil {
			request, _, _ := strings.Cut(f[5], ";")
			reply, _, _ := strings.Cut(f[6], ";")
			documented = append(documented, strings.Join([]string{f[1], f[2], f[3], f[4], request, reply}, " | "))
		}
	}
	var want []string
	for _, r := range Methods() {
		relays := ""
		if r.Relayed {
			relays = "yes"
		}
		want = append(want, strings.Join([]string{fmt.Sprint(uint16(r.Method)), r.Name, classesText(r.Classes), relays, documentedHead(r.NewRequest()), documentedHead(r.NewReply())}, " | "))
	}
	for i := range max(len(want), len(documented)) {
		if i >= len(want) || i >= len(documented) || want[i] != documented[i] {
			t.Fatalf("docs/protocol.md lists\n%s\nthe table has\n%s", strings.Join(documented, "\n"), strings.Join(want, "\n"))
		}
	}
}

// documentedHead is what docs/protocol.md calls the head of a message.
func documentedHead(m any) string {
	switch m.(type) {
	case *Ping:
		return "anything"
	case *Empty, *AskLayout:
		return "empty"
	case *passed:
		return "those of that request's reply"
	}
	return reflect.TypeOf(m).Elem().Name()
}

func classesText(s Classes) string {
	if s == every {
		return "any"
	}
	var all []string
	for c := range foci.NumClasses {
		if s.Has(c) {
			all = append(all, c.String())
		}
	}
	return strings.Join(all, ", ")
}
