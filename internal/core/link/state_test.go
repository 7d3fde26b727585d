package link

import (
	"encoding/json"
	"testing"
)

// TestStatesInJSON: what one process says of its links another one reads.
func TestStatesInJSON(t *testing.T) {
	for s := range numStates {
		b, err := json.Marshal(s)
		var got State
		if err != nil || json.Unmarshal(b, &got) != nil || got != s {
			t.Errorf("%v is %s, read as %v", s, b, got)
		}
	}
	var s State
	if err := json.Unmarshal([]byte(`"nonsense"`), &s); err == nil {
		t.Error("nonsense is a state")
	}
}
