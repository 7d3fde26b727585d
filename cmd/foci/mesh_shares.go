package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/foci-store/foci/client"
)

const sharesHeader = "NODE LIMIT USED OF HELD-BY"

// shareRows are the limits of a node of which something is in use, and who holds
// the most of each.
func shareRows(p *client.ProcessStatus[client.MeshStatus]) [][]string {
	if p.Is == nil {
		return nil
	}
	var rows [][]string
	for limit, is := range p.Is.Shares.All() {
		if is.Used == 0 {
			continue
		}
		number := func(n int64) string { return strconv.FormatInt(n, 10) }
		if strings.Contains(limit, "bytes") {
			number = func(n int64) string { return byteSize(n).String() }
		}
		var holders []string
		for i := range is.Top {
			holders = append(holders, fmt.Sprintf("%s:%s", is.Top[i].Name(), number(is.Top[i].Used)))
		}
		rows = append(rows, []string{p.Name, limit, number(is.Used), number(is.Limit), strings.Join(holders, ",")})
	}
	return rows
}
