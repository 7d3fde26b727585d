package path

import (
	"time"

	"github.com/foci-store/foci"
)

// Verdict is the meaning of the answer to a relayed request.
type Verdict struct {
	Err     error // with the kind that it has for the request; nil: success
	ByRelay bool  // Err is the relay's own, not of the node behind it
	NotSent bool  // the relay did not forward the request
	Lost    bool  // the relay does not know the fate of the request
	// Again reports that a resting relay works again: requests that wait for a relay
	// can be sent.
	Again bool
}

// Relayed records the result of a request sent through a relay. author is the node
// that answered err; zero if err is of this process, like that of a lost channel.
func (m *Machine) Relayed(relay, node, author foci.NodeID, err error, now time.Duration) Verdict {
	v, works := judge(relay, author, err)
	t := m.targets[node]
	switch {
	case t == nil:
	case works == refuses:
		t.refused(relay, now)
	case works == relays:
		if v.Again = t.resting[relay] != nil; v.Again {
			delete(t.resting, relay)
			t.until = now
		}
	}
	return v
}

// works is what an answer shows about the relay.
type works uint8

const (
	nothing works = iota // it is busy, or its answer was lost
	relays               // it has a channel to the node
	refuses              // it has none, or does not relay for this process
)

// judge interprets the errors of relayed requests. An error of the node behind the relay
// is the answer. An error of the relay itself concerns the path: another relay may work.
func judge(relay, author foci.NodeID, err error) (Verdict, works) {
	v := Verdict{Err: err, ByRelay: err != nil && author == relay}
	switch {
	case err == nil:
		return v, relays
	case author.IsZero():
		return v, nothing
	case author != relay:
		return v, relays
	}
	switch foci.KindOf(err) {
	case foci.Busy, foci.Canceled:
		return v, nothing
	case foci.NoRoute:
		v.NotSent = true
	case foci.Protocol, foci.Invalid, foci.Denied, foci.TooLarge:
		v.NotSent, v.Err = true, foci.Errorf(foci.NoRoute, "%w", err)
	case foci.Unreachable:
		v.Lost = true
	default:
		v.Lost, v.Err = true, foci.Errorf(foci.Unreachable, "%w", err)
	}
	return v, refuses
}
