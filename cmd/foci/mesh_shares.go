package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/foci-store/foci/client"
	"github.com/foci-store/foci/internal/device/mesh"
)

const sharesHeader = "NODE LIMIT USED OF HELD-BY"

// shareRows are the limits of a node of which something is in use, and who holds
// the most of each.
func shareRows(p *client.ProcessStatus[mesh.Stats]) [][]string {
	if p.Is == nil {
		return nil
	}
	var rows [][]string
	p.Is.Shares.Each(func(limit string, is *mesh.ShareStats) {
		if is.Used == 0 {
			return
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
	})
	return rows
}
