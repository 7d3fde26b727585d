package client

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/foci-store/foci/internal/device/mesh"
	"github.com/foci-store/foci/internal/status"
)

// TestToldIsAll: what processes say of themselves comes out as it went in, every
// field of it. The types of this package are copies, and must not lag behind.
func TestToldIsAll(t *testing.T) {
	same[MeshStatus](t, &mesh.Stats{})
	same[TxnStatus](t, &status.Txns{})
	same[NodeReport](t, &status.Node{})
	same[TraceStep](t, &status.Step{})
}

func same[T any](t *testing.T, own any) {
	t.Helper()
	fill(reflect.ValueOf(own).Elem())
	want, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	is, err := recode[T](own)
	if err != nil {
		t.Fatal(err)
	}
	var got, compact map[string]any
	back, err := json.Marshal(is)
	if err != nil {
		t.Fatal(err)
	}
	for b, m := range map[*[]byte]*map[string]any{&want: &compact, &back: &got} {
		if err := json.Unmarshal(*b, m); err != nil {
			t.Fatal(err)
		}
	}
	delete(got, "name") // a step has the name of its process besides
	if compact["name"] != nil {
		delete(compact, "name")
	}
	if !reflect.DeepEqual(got, compact) {
		t.Errorf("%T came out otherwise:\n%s\n%s", own, want, back)
	}
	if bytes.Contains(want, []byte("null")) {
		t.Errorf("%T: a field was left out: %s", own, want)
	}
}

// fill sets every field to something.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 2).UTC()))
			return
		}
		for i := range v.NumField() {
			if f := v.Field(i); f.CanSet() && v.Type().Field(i).Tag.Get("json") != "-" {
				fill(f)
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint8: // kinds, classes, states: few are valid
		v.SetUint(1)
	case reflect.Uint, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(7)
	default:
		panic(v.Type().String())
	}
}
