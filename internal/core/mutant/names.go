package mutant

// The rules that can be switched off, by what is wrong without them.
const (
	// ClientAsMember: the certificate of a client is good for a member.
	ClientAsMember Name = "client-as-member"
	// ExpiredCertificate: a certificate is believed for ever after its end.
	ExpiredCertificate Name = "expired-certificate"
	// ForeignAuthority: a certificate of any authority is believed.
	ForeignAuthority Name = "foreign-authority"
	// ReadableKey: a secret that everybody on the machine can read is used.
	ReadableKey Name = "readable-key"
	// RemovedKey: a cluster key that was taken out of the file is believed.
	RemovedKey Name = "removed-key"
	// SecondKey: only the first key of the file is believed.
	SecondKey Name = "second-key"
	// StaleDenyList: a deny list is read once, when the process starts.
	StaleDenyList Name = "stale-deny-list"
	// DeniedStays: a channel that is open stays open when its certificate is denied.
	DeniedStays Name = "denied-stays"
	// RenewWidens: a renewed certificate has more rights than the one before.
	RenewWidens Name = "renew-widens"
	// RenewRenames: a client takes a certificate of another name for its own.
	RenewRenames Name = "renew-renames"
	// RenewByAnybody: a node without an issuing key can have a client believe
	// another authority.
	RenewByAnybody Name = "renew-by-anybody"
	// RenewDenied: a certificate that is denied is renewed while its channel is open.
	RenewDenied Name = "renew-denied"
	// PlainHello: a node with a key lets a peer in that speaks no TLS.
	PlainHello Name = "plain-hello"

	// NamelessReplicas: an error of too few replicas does not say which failed, and how.
	NamelessReplicas Name = "nameless-replicas"
	// WritesOnFullIndex: records are taken while the index waits for space.
	WritesOnFullIndex Name = "writes-on-full-index"
	// TailUnsynced: a backend opened on a full disk shows the end of its log
	// before that has been synced once more.
	TailUnsynced Name = "tail-unsynced"
	// ChildGoesOn: what is cut off from a full disk is not cut off in all its parts.
	ChildGoesOn Name = "child-goes-on"
	// SegmentReplaced: a new segment takes the name of one that exists.
	SegmentReplaced Name = "segment-replaced"
	// StrandedGroups: records behind a group that waits for space are not answered.
	StrandedGroups Name = "stranded-groups"
	// LateRefusal: a group that failed hears so after those before it are indexed.
	LateRefusal Name = "late-refusal"
	// HastyFull: a commit is refused although the index takes it at once.
	HastyFull Name = "hasty-full"
	// VisibleRefused: who repeats a record hears an answer from before it was visible.
	VisibleRefused Name = "visible-refused"
	// SpareUnread: what a node wrote in place of its identity, on a full disk,
	// does not count at its next start.
	SpareUnread Name = "spare-unread"
	// MemoryKept: a node keeps the memory of a load that has ended.
	MemoryKept Name = "memory-kept"

	// StuckCommand: a command that is stuck when a signal comes is waited for.
	StuckCommand Name = "stuck-command"
	// EndlessInput: --timeout does not bound how long input may take.
	EndlessInput Name = "endless-input"
	// CopyPipe: a copy opens named pipes and devices, and waits for them.
	CopyPipe Name = "copy-pipe"
	// OpenMetrics: metrics are served without the token that is set.
	OpenMetrics Name = "open-metrics"
	// ExposedMetrics: metrics beyond loopback need no token.
	ExposedMetrics Name = "exposed-metrics"
	// LooseIndex: other users may read and write which credential goes where.
	LooseIndex Name = "loose-index"
	// RawTerminal: text of other machines reaches the terminal as it is.
	RawTerminal Name = "raw-terminal"
	// ZeroVersion: get --version 000…0 gives the newest version.
	ZeroVersion Name = "zero-version"
	// NothingCopied: a copy from a prefix without keys succeeds.
	NothingCopied Name = "nothing-copied"
	// LinkedFolder: a symbolic link to a folder, named as the source of a copy, is skipped.
	LinkedFolder Name = "linked-folder"
	// AnyGroup: a node starts although its configuration and its layout name
	// different groups for a backend.
	AnyGroup Name = "any-group"
	// AnyProtocol: a peer that speaks no common protocol version is let in.
	AnyProtocol Name = "any-protocol"
	// EarlyProtocol: a peer whose hello has the first form is let in.
	EarlyProtocol Name = "early-protocol"
	// ProtocolAsUnreachable: a client that every node refuses for its version calls them
	// unreachable.
	ProtocolAsUnreachable Name = "protocol-as-unreachable"

	// AnyRouteIncarnation: an entry of the route table may have any incarnation.
	AnyRouteIncarnation Name = "any-route-incarnation"
	// AnyRouteCounter: an entry of the route table may have any counter.
	AnyRouteCounter Name = "any-route-counter"
	// RaisePastBound: a node raises its own entry beyond what others accept.
	RaisePastBound Name = "raise-past-bound"
	// AnyStoredIncarnation: a far-future incarnation of an earlier start counts for ever.
	AnyStoredIncarnation Name = "any-stored-incarnation"
	// HelloAnyIncarnation: a peer may claim any incarnation in the handshake.
	HelloAnyIncarnation Name = "hello-any-incarnation"
	// UnprovenForEver: an incarnation that nothing proved locks older ones out for ever.
	UnprovenForEver Name = "unproven-for-ever"
	// BeaconAnyIncarnation: a beacon may tell any incarnation.
	BeaconAnyIncarnation Name = "beacon-any-incarnation"
	// RelayUnsentUnknown: a relay answers unreachable in place of no route for a request
	// that no channel accepted.
	RelayUnsentUnknown Name = "relay-unsent-unknown"
	// UnprovenInAnyOrder: connections are not entered among the unauthenticated
	// peers in the order in which they came.
	UnprovenInAnyOrder Name = "unproven-in-any-order"
	// UnsentMayApply: a change that no channel accepted counts as one that may
	// have been applied.
	UnsentMayApply Name = "unsent-may-apply"

	// PrincipalShare: one principal may hold all of a limit of the process.
	PrincipalShare Name = "principal-share"

	// MembersReserve: clients may hold the quarter that is kept for members.
	MembersReserve Name = "members-reserve"

	// ConnectionShare: one principal may hold all connections of a node.
	ConnectionShare Name = "connection-share"

	// WatchShare: one principal may hold all watches of a node.
	WatchShare Name = "watch-share"

	// AnnouncedBytes: a request counts for all that it announces, before it arrives.
	AnnouncedBytes Name = "announced-bytes"

	// ReplyBudget: a peer that reads no replies may have as many as it asks for.
	ReplyBudget Name = "reply-budget"

	// WholeFetch: the payload of a fetch is in memory until it is sent.
	WholeFetch Name = "whole-fetch"

	// StalledBody: a request whose body does not arrive is kept for ever.
	StalledBody Name = "stalled-body"

	// JunkBeacons: multicast packets made without the key use up the time that there
	// is for those made with it.
	JunkBeacons Name = "junk-beacons"

	// RelayShare: one principal may have all the requests relayed that a node relays.
	RelayShare Name = "relay-share"

	// ReadShare: one principal may hold all reads and questions that a node serves
	// at a time.
	ReadShare Name = "read-share"

	// ReaderStores: a right to write is not needed to store a record.
	ReaderStores Name = "reader-stores"
	// WriterReads: a right to write is enough to fetch content.
	WriterReads Name = "writer-reads"
	// AnyBucket: a right on one bucket is a right on each.
	AnyBucket Name = "any-bucket"
	// OpenReserved: a right on all buckets is one on reserved buckets, too.
	OpenReserved Name = "open-reserved"
	// ForgedScope: the bucket that a request names need not be that of its id.
	ForgedScope Name = "forged-scope"
	// AnyRelay: a client may name another principal as the asker.
	AnyRelay Name = "any-relay"
	// RelayPays: a relayed request counts as one of the relay.
	RelayPays Name = "relay-pays"
	// RelayRights: a relayed request has the rights of a member.
	RelayRights Name = "relay-rights"
	// WriterStats: a read asks for votes as a write does, so that the right to write
	// is enough to find out that an object is there.
	WriterStats Name = "writer-stats"
	// WriterSums: the sum of a vote, which confirms a guess of the content, is told
	// to a client that may only write.
	WriterSums Name = "writer-sums"
	// EmptyInline: a query that asks for no content gets the metadata of an object
	// whose content is empty.
	EmptyInline Name = "empty-inline"
	// StrayRecords: a record is stored in a group in which its bucket does not live.
	StrayRecords Name = "stray-records"
	// StrayHints: a hint may be for a group in which the object's bucket does not live.
	StrayHints Name = "stray-hints"
	// BroughtUnasked: a reader that had the write-back done by a voter answers
	// without asking for votes again.
	BroughtUnasked Name = "brought-unasked"
	// BringShare: one principal may have all write-backs done that a node does for
	// readers at a time.
	BringShare Name = "bring-share"
	// HintShare: one principal may fill the hints of a backend.
	HintShare Name = "hint-share"
	// BlindReserved: who names no bucket sees the objects of reserved ones.
	BlindReserved Name = "blind-reserved"
	// FreeRouteQuestions: transport clients may ask about routes as often as they like.
	FreeRouteQuestions Name = "free-route-questions"
	// ClientRoutes: routes that a transport client tells are taken.
	ClientRoutes Name = "client-routes"
	// ClientEpochs: an epoch that a transport client tells has the layout fetched.
	ClientEpochs Name = "client-epochs"
	// RequestEpochs: each request that names a newer epoch causes a round of questions.
	RequestEpochs Name = "request-epochs"

	// UnprovedUnbounded: a client without an identity moves a key as far ahead
	// of the clocks as there is evidence for.
	UnprovedUnbounded Name = "unproved-unbounded"
	// SeenBelieved: what a sender claims to have seen is evidence.
	SeenBelieved Name = "seen-believed"
	// RepairUnchecked: the time of a repair is not checked.
	RepairUnchecked Name = "repair-unchecked"
	// ChunkTimeUnchecked: the time of a chunk is not checked.
	ChunkTimeUnchecked Name = "chunk-time-unchecked"
	// ChunksByOwnClock: an uploader's clock alone makes the version of its chunks.
	ChunksByOwnClock Name = "chunks-by-own-clock"
	// OwnersNotAsked: a time that this replica has no evidence for is refused
	// without asking the object's other owners.
	OwnersNotAsked Name = "owners-not-asked"
	// WrongClockVotes: a node goes on to vote although its clock differs from most.
	WrongClockVotes Name = "wrong-clock-votes"
	// StoppedNodeVotes: a node that knows its clock to be wrong votes all the same.
	StoppedNodeVotes Name = "stopped-node-votes"
	// UnboundedOffset: the round trip of a ping is not taken for uncertainty of
	// the clock that it brought.
	UnboundedOffset Name = "unbounded-offset"
	// InquiryShare: one client may hold all searches for evidence.
	InquiryShare Name = "inquiry-share"
	// SilenceIsNo: an owner that could not be asked counts as one without evidence.
	SilenceIsNo Name = "silence-is-no"
	// UnsignedRoutes: under TLS a route without a signature is taken.
	UnsignedRoutes Name = "unsigned-routes"
	// ForgedRoutes: under TLS a route with any signature is taken.
	ForgedRoutes Name = "forged-routes"
	// RoutesOfOthers: under TLS a route that another node has signed is taken.
	RoutesOfOthers Name = "routes-of-others"
	// AllBadProofs: a message of nothing but bad proofs has all of them verified.
	AllBadProofs Name = "all-bad-proofs"
	// ArrivingIsLate: a group whose answer arrives counts as late.
	ArrivingIsLate Name = "arriving-is-late"
	// NewestMovesOnly: a leg whose older attempt moves is taken for stalled.
	NewestMovesOnly Name = "newest-moves-only"
	// StalledChannel: a request that is sent again may take the channel on which it
	// stalled.
	StalledChannel Name = "stalled-channel"
	// QueueIsSilence: a body that waits for its turn on a channel that moves is
	// taken for stalled.
	QueueIsSilence Name = "queue-is-silence"
	// ReadsUnwanted: a node serves a read that is not wanted any more.
	ReadsUnwanted Name = "reads-unwanted"
	// ResendsFeed: a read that is sent again leaves its earlier copies at work.
	ResendsFeed Name = "resends-feed"
	// StallIsFixed: the stall time of a leg does not grow with its stalls.
	StallIsFixed Name = "stall-is-fixed"
	// WorkIsSilence: an answer that a change is being stored costs a resend.
	WorkIsSilence Name = "work-is-silence"
	// EndlessWork: a replica that says without end that it is storing a change
	// keeps its leg until the deadline.
	EndlessWork Name = "endless-work"
	// EndlessLinger: a replica that never answers keeps the leg of a write until
	// its deadline although the caller was answered, and gets its hint only then.
	EndlessLinger Name = "endless-linger"
	// HintsAtClose: a process that closes does not wait for the hints of its writes.
	HintsAtClose Name = "hints-at-close"
	// LateDoubts: a search for evidence that comes after the node has ended those
	// that waited is queued.
	LateDoubts Name = "late-doubts"

	// SilentRotation: a client does not hear from a watch that nodes believe other
	// authorities.
	SilentRotation Name = "silent-rotation"
	// SlowHandshake: a handshake that began before a key was removed is not judged
	// by what is believed at its end.
	SlowHandshake Name = "slow-handshake"
	// LongChains: as many certificates as fit are verified for a peer that is not
	// known yet.
	LongChains Name = "long-chains"
	// VanishedDenyList: a deny list that is gone denies nothing.
	VanishedDenyList Name = "vanished-deny-list"
	// ReadOnce: a file that could not be read is not tried again until it changes.
	ReadOnce Name = "read-once"
	// DeniedAsker: a denied client is served when another member asks for it.
	DeniedAsker Name = "denied-asker"
	// ProvenByRemovedKey: an incarnation that a removed key has proved counts on.
	ProvenByRemovedKey Name = "proven-by-removed-key"

	// RestlessRelays: a relay that refused a request is used again at once.
	RestlessRelays Name = "restless-relays"
	// ManyProbes: when the rest of a relay ends, all that wait try it.
	ManyProbes Name = "many-probes"
	// LongChoice: that all relays rest is believed beyond the end of a rest.
	LongChoice Name = "long-choice"
	// BatchesOvertake: a commit batch enters the index before the one before it has
	// come back from there.
	BatchesOvertake Name = "batches-overtake"
	// LateRecordWaits: a record that is queued when the index waits for space, and
	// all others have been refused, is not.
	LateRecordWaits Name = "late-record-waits"
)
