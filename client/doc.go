// Package client is the Go client of Foci.
//
//	c, err := client.Dial(ctx, client.Config{Remotes: []string{"127.0.0.1:1025:2"}})
//	s := c.Session(client.SessionOptions{})
//	_, err = s.Put(ctx, foci.Name{Bucket: "photos", Key: "2026/cat.jpg"}, file, size, client.PutOptions{})
//
// # Clients and sessions
//
// [Dial] makes a transport client: it dials nodes, and is no member of the mesh.
// [Join] makes a node client: a member of the mesh that stores nothing, receives
// gossip and can serve as a relay. Both return a [Client]; a process needs one.
//
// Operations belong to a [Session], which runs changes of one key one at a time, in
// the order of the calls. [SessionOptions] say how many replicas must answer, how
// long an operation may take, and when a stalled request is resent; [Session.With]
// changes them for single calls.
//
// # Writing
//
// [Session.Put] replaces an object, [Session.Append] adds to its end,
// [Session.Remove] removes it. Content over 4 MiB is cut into chunks, at most four
// of which are in memory. [Session.Upload] takes content in parts, of any size and
// in any order; completing an upload copies nothing. [PutOptions] add metadata.
//
// # Reading
//
// [Session.Get] reads an object sequentially, [Session.Open] at any offset and in
// parallel. Both read one version, never a mixture of two; when the version has been
// destroyed, they fail with foci.Gone.
// [Session.Stat] describes an object, [Session.History] lists its transactions,
// [Session.List] and [Session.ListPage] list keys.
//
// # Not waiting
//
// [Session.PutAsync], [Session.GetAsync] and the like return a [Future] and call
// back at their end. At most 64 goroutines of the client run callbacks, under no
// lock. A pending change occupies no goroutine.
//
// # Errors
//
// Every call ends exactly once: with success; with an error, when the operation
// certainly was not applied; or with an error of kind foci.OutcomeUnknown, when it
// may have been. Decide by [foci.KindOf]; errors.Is(err, foci.NotFound) and errors.As
// with a *[foci.Kind], a **[foci.Error] or a *[foci.Replicas] search the causes too.
//
// # Observing
//
// [Client.Nodes], [Client.NodeStates], [Client.Mesh], [Client.Txns], [Client.Routes]
// and [Client.Trace] report the state of processes and the steps of operations: the
// data that the commands foci nodes, mesh, txns, route and trace print.
//
// # Inside
//
// The package owns futures, the order of changes of each key, the chunking of
// content and the reading of logs. Package peer runs the operations, and its
// goroutines call Done functions here. Goroutines of this package: at most 64 run
// callbacks; at most 64 begin to read for GetAsync; at most 16 read large content
// for asynchronous puts; some ask several nodes, or free several chunks, and end
// with the call that started them. No lock is held while another one is taken or
// a caller's function runs.
package client
