package check

import (
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
)

// registerInput and the string outputs are what porcupine sees of an operation.
type registerInput struct {
	read  bool
	value string // written; "" = removed
}

var registerModel = porcupine.Model{
	Init: func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		in := input.(registerInput)
		if !in.read {
			return true, in.value
		}
		return output == nil || output.(string) == state.(string), state
	},
	DescribeOperation: func(input, output any) string {
		in := input.(registerInput)
		if in.read {
			return fmt.Sprintf("get = %q", output)
		}
		return fmt.Sprintf("put %q", in.value)
	},
}

// Register checks promise P1: puts, removes and gets of each key are
// linearizable (each takes effect at one moment between its call and its
// return). Appends are left out here, so what a get has seen of them does not
// count. An operation of unknown outcome may take effect at any time after its
// call, or never. A check that does not end within the limit is a failure.
func Register(h []Op, limit time.Duration) error {
	for key, ops := range promised(h) {
		events := registerEvents(ops)
		switch porcupine.CheckOperationsTimeout(registerModel, events, limit) {
		case porcupine.Ok:
		case porcupine.Unknown:
			return fmt.Errorf("P1 of %s: not decided within %v for %d operations", key, limit, len(events))
		default:
			return &Broken{Promise: "P1", Key: key, What: "not linearizable", History: ops}
		}
	}
	return nil
}

func registerEvents(ops []Op) []porcupine.Operation {
	var events []porcupine.Operation
	end := int64(0)
	for i := range ops {
		end = max(end, ops[i].Call, ops[i].Return)
	}
	read := valuesRead(ops)
	for i := range ops {
		o := &ops[i]
		e := porcupine.Operation{ClientId: i, Call: o.Call, Return: o.Return}
		switch {
		case o.Action == Append || o.Outcome == Failed:
			continue
		case o.Action == Get && o.Outcome != Acknowledged:
			continue
		case o.Action == Get:
			e.Input = registerInput{read: true}
			e.Output = o.Read[0]
		case o.Outcome == Unknown && o.Action == Put && !read[o.Value]:
			continue // no read ever saw it: leaving it out is always possible
		case o.Outcome == Unknown:
			e.Input, e.Return = registerInput{value: o.Value}, end+1
		default:
			e.Input = registerInput{value: o.Value}
		}
		if o.Action == Remove {
			e.Input = registerInput{}
		}
		events = append(events, e)
	}
	return events
}

// valuesRead is the set of base values that some get returned.
func valuesRead(ops []Op) map[string]bool {
	m := map[string]bool{}
	for i := range ops {
		if len(ops[i].Read) > 0 {
			m[ops[i].Read[0]] = true
		}
	}
	return m
}
