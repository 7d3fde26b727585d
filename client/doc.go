// Package client is the Go client of Foci.
//
//	c, err := client.Dial(ctx, client.Config{Remotes: []string{"127.0.0.1:1025:2"}})
//	s := c.Session(client.SessionOptions{})
//	_, err = s.Put(ctx, foci.Name{Bucket: "photos", Key: "2026/cat.jpg"}, file, size, client.PutOptions{})
//
// # Clients and sessions
//
// [Dial] makes a transport client: it dials nodes, and none of them knows it.
// [Join] makes a node client: a member of the mesh that stores nothing, is told of
// changes, and forwards for others. Both give a [Client], one for a process.
//
// A [Session] is what operations belong to: its changes of one key run one at a
// time, in the order of the calls. [SessionOptions] say how many replicas must
// answer, how long an operation may take, and when a silent request is sent again;
// [Session.With] changes them for single calls.
//
// # Writing
//
// [Session.Put] replaces an object, [Session.Append] adds to its end,
// [Session.Remove] removes it. Content over 4 MiB is cut into chunks, a few of
// which are in memory at a time. [Session.Upload] takes content in parts, of any
// size and in any order; completing it copies nothing. Metadata may be given when
// the content was read: see [PutOptions].
//
// # Reading
//
// [Session.Get] reads an object from one end to the other, [Session.Open] here and
// there, in parallel. Both keep to one version: content is never a mixture, and
// where the version has been destroyed the error is of kind foci.Gone.
// [Session.Stat] describes an object, [Session.History] lists its transactions,
// [Session.List] and [Session.ListPage] list keys.
//
// # Not waiting
//
// [Session.PutAsync], [Session.GetAsync] and the like return a [Future], and call
// back when they end. Callbacks run on at most 64 goroutines of the client's, under
// no lock. A pending change has no goroutine.
//
// # Errors
//
// Every call ends once: with success, with an error that says that it certainly
// did not happen, or with one of kind foci.OutcomeUnknown, which is no failure: it
// may have happened. [foci.KindOf] is the kind of an error and decides what to do;
// errors.Is(err, foci.NotFound) and errors.As with a *[foci.Kind], a **[foci.Error]
// or a *[foci.Replicas] look into causes, too.
//
// # Looking on
//
// [Client.Nodes], [Client.NodeStates], [Client.Mesh], [Client.Txns], [Client.Routes]
// and [Client.Trace] tell how processes see themselves and what becomes of
// operations: what foci nodes, mesh, txns, route and trace print.
//
// # Inside
//
// The package owns the futures, the turns of keys, the cutting of content into
// chunks and the reading of logs; operations themselves are those of peer, whose
// goroutines call Done functions here. Its own goroutines are at most 64 that run
// callbacks, 64 that begin to read for GetAsync, and one for each asynchronous put
// of large content, at most 16. No lock is held while another one is taken or a
// caller's function runs.
package client
