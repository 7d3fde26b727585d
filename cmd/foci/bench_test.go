package main

import "testing"

func TestValidLoad(t *testing.T) {
	if err := validLoad(1024, 1, 1); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{validLoad(2<<30, 1, 1), validLoad(1, 0, 1), validLoad(1, 1, 0), validLoad(1<<30, 1, 64)} {
		if exitStatus(err) != statusUsage {
			t.Errorf("accepted: %v", err)
		}
	}
}
