package hostile

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/device/auth"
	"github.com/foci-store/foci/internal/device/files"
)

// orders are what a process of its own attacks, and for how long. It gets them in
// the environment: the test's binary starts itself again.
type orders struct {
	Remotes    []string      `json:"remotes"`
	Credential string        `json:"credential"` // "": it has none
	For        time.Duration `json:"for"`
	Spin       bool          `json:"spin"` // only burn the processor, to compare with
}

const ordersEnv = "FOCI_HOSTILE_ORDERS"

// obey runs the attacks of a hostile process and returns its exit status: 0 when
// no attack did harm.
func obey(text string) int {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, cancel := context.WithTimeout(context.Background(), o.For)
	defer cancel()
	if o.Spin {
		for ctx.Err() == nil {
		}
		return 0
	}
	a, err := newAttacker(ctx, &o)
	if err != nil {
		fmt.Fprintln(os.Stderr, "the attacker cannot begin:", err)
		return 2
	}
	list := byStrangers
	if a.certs != nil {
		list = byClients
	}
	return a.all(ctx, list)
}

// newAttacker learns of the cluster what any client is told.
func newAttacker(ctx context.Context, o *orders) (*attacker, error) {
	a := &attacker{remotes: o.Remotes}
	if o.Credential == "" {
		return a, nil
	}
	creds, err := auth.LoadCredential(files.OS(), o.Credential, nil)
	if err != nil {
		return nil, err
	}
	a.certs = creds.Certificates()
	if a.client, err = client.Dial(ctx, client.Config{Remotes: o.Remotes, Credential: o.Credential}); err != nil {
		return nil, err
	}
	a.nodes, err = a.client.Nodes(ctx)
	for _, n := range a.nodes {
		if n.Node == nil {
			return nil, fmt.Errorf("node %s: %s", n.Name, n.Error)
		}
	}
	return a, err
}

// all runs the attacks side by side.
func (a *attacker) all(ctx context.Context, list []attack) (status int) {
	errs := make([]error, len(list))
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() { errs[i] = list[i].run(ctx, a) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", list[i].name, err)
			status = 1
		}
	}
	return status
}
