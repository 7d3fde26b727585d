package check

import (
	"testing"

	"github.com/foci-store/foci"
)

func TestDurable(t *testing.T) {
	holds := func(values ...string) func(string, *Op) bool {
		return func(key string, o *Op) bool {
			for _, v := range values {
				if o.Value == v && key == "k" {
					return true
				}
			}
			return false
		}
	}
	for _, c := range []struct {
		name   string
		h      []Op
		logged func(string, *Op) bool
		broken bool
	}{
		{"all there", []Op{put(0, 1, "a"), appended(2, 3, "b")}, holds("a", "b"), false},
		{"an append is lost", []Op{put(0, 1, "a"), appended(2, 3, "b")}, holds("a"), true},
		{"a put is lost", []Op{put(0, 1, "a"), appended(2, 3, "b")}, holds("b"), true},
		{"a remove is lost", []Op{removed(0, 1)}, holds(), true},
		{"what was not acknowledged may be lost", []Op{unknown(put(0, 0, "a")), failed(put(1, 2, "b"))}, holds(), false},
		{"gets are not kept", []Op{got(0, 1, "")}, holds(), false},
		{"one group may lose it", []Op{at(foci.One, put(0, 1, "a"))}, holds(), false},
		{"all groups may not", []Op{at(foci.All, put(0, 1, "a"))}, holds(), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			expect(t, Durable(c.h, c.logged), map[bool]string{true: "D"}[c.broken])
		})
	}
}

func TestConverged(t *testing.T) {
	expect(t, Converged(map[string][][]string{"k": {{"a", "b"}, {"a", "b"}}, "none": {nil, {}}}), "")
	expect(t, Converged(map[string][][]string{"k": {{"a", "b"}, {"b", "a"}}}), "C")
	expect(t, Converged(map[string][][]string{"k": {{"a"}, {"a"}, {"a", "b"}}}), "C")
}

func TestPrintIsInOrderOfCalls(t *testing.T) {
	want := "" +
		"     0.000ms client 0 put    k a  until 0.001ms 00000000000000000000000000 \n" +
		"     0.002ms client 0 get    k = [a b]  until 0.003ms 00000000000000000000000000 \n" +
		"     0.004ms client 0 append k c  outcome unknown \n" +
		"     0.005ms client 0 remove k   failed \n"
	h := []Op{failed(removed(5000, 0)), unknown(appended(4000, 0, "c")), got(2000, 3000, "a", "b"), put(0, 1000, "a")}
	if got := Print(h); got != want {
		t.Fatalf("got\n%swant\n%s", got, want)
	}
}
