package mutants

import "github.com/foci-store/foci/internal/core/mutant"

// row is one rule and the test that holds it.
type row struct {
	mutant mutant.Name
	pkg    string // folder of the test, from the top of the module
	test   string // its full name
}

// rows are sorted by package, so that each is built once.
var rows = []row{
	{mutant.ExpiredCertificate, "internal/device/auth", "TestUnbelieved"},
	{mutant.ForeignAuthority, "internal/device/auth", "TestUnbelieved"},
	{mutant.ReadableKey, "internal/device/auth", "TestSecretsOfTheOpenFile"},
	{mutant.RemovedKey, "internal/device/auth", "TestRotation"},
	{mutant.SecondKey, "internal/device/auth", "TestRotation"},
	{mutant.ClientAsMember, "internal/device/mesh", "TestForeignRoles"},
	{mutant.PlainHello, "internal/device/mesh", "TestPlainHello"},
	{mutant.ProtocolAsAway, "client", "TestNoCommonProtocol"},
	{mutant.ChunksByOwnClock, "client", "TestUploadByAFastClock"},
	{mutant.OwnersNotAsked, "client", "TestKeysAheadOfTheClocks"},
	{mutant.StuckCommand, "cmd/foci", "TestStuckCommandIsAbandoned"},
	{mutant.EndlessInput, "cmd/foci", "TestTimeoutBoundsTheInput"},
	{mutant.CopyPipe, "cmd/foci", "TestCopyRefusesPipes"},
	{mutant.ZeroVersion, "cmd/foci", "TestZeroVersionIsNone"},
	{mutant.NothingCopied, "cmd/foci", "TestCopyOfNothing"},
	{mutant.LinkedFolder, "cmd/foci", "TestCopyFollowsTheNamedLink"},
	{mutant.PrincipalShare, "internal/core/share", "TestPrincipalHoldsAnEighth"},
	{mutant.MembersReserve, "internal/core/share", "TestMembersQuarter"},
	{mutant.JunkBeacons, "internal/device/beacon", "TestJunkDropsNoBeacon"},
	{mutant.ConnectionShare, "internal/device/mesh", "TestConnectionsPerPrincipal"},
	{mutant.AnnouncedBytes, "internal/device/mesh", "TestAnnouncedBytesAreNotHeld"},
	{mutant.StalledBody, "internal/device/mesh", "TestStalledRequestsEnd"},
	{mutant.PrincipalShare, "internal/device/mesh", "TestBytesPerPrincipal"},
	{mutant.MembersReserve, "internal/device/mesh", "TestBytesForMembers"},
	{mutant.ReadShare, "internal/node", "TestReadsPerPrincipal"},
	{mutant.WatchShare, "internal/peer", "TestWatchesPerPrincipal"},
	{mutant.SeenBelieved, "internal/core/object", "TestSeenIsNoEvidence"},
	{mutant.RepairUnchecked, "internal/core/object", "TestRepairIsNoEvidence"},
	{mutant.ChunkTimeUnchecked, "internal/core/object", "TestChunkTimesAreChecked"},
	{mutant.SilenceIsNo, "internal/core/object", "TestSilenceIsNotNo"},
	{mutant.UnprovedUnbounded, "internal/core/version", "TestAccept"},
	{mutant.AnyProtocol, "internal/device/mesh", "TestProtocolVersions"},
	{mutant.NamelessReplicas, "internal/core/quorum", "TestErrorsNameEachReplica"},
	{mutant.AnyGroup, "internal/node", "TestRefusedStarts"},
	{mutant.EarlyProtocol, "internal/device/mesh", "TestEarlyProtocol"},
	{mutant.AnyRouteIncarnation, "internal/core/route", "TestIncarnationBound"},
	{mutant.AnyRouteCounter, "internal/core/route", "TestCounterBound"},
	{mutant.RaisePastBound, "internal/core/route", "TestRaiseStaysInBounds"},
	{mutant.FreeRouteQuestions, "internal/core/route", "TestAllowance"},
	{mutant.ClientRoutes, "internal/peer", "TestClientTellsNoRoutes"},
	{mutant.ClientEpochs, "internal/peer", "TestClientEpochsAreIgnored"},
	{mutant.RequestEpochs, "internal/peer", "TestRequestEpochsAreLimited"},
	{mutant.BeaconAnyIncarnation, "internal/device/beacon", "TestWhichPacketsCount"},
	{mutant.HelloAnyIncarnation, "internal/device/mesh", "TestIncarnationTooFarAhead"},
	{mutant.UnprovenForEver, "internal/device/mesh", "TestLockOutEnds"},
	{mutant.AnyStoredIncarnation, "internal/node", "TestFarFutureStart"},
	{mutant.RelayUnsentUnknown, "internal/device/mesh", "TestRelayUnsent"},
	{mutant.UnprovenInAnyOrder, "internal/device/mesh", "TestUnprovenInOrder"},
	{mutant.UnsentMayApply, "internal/peer", "TestFailureOfAnAttempt"},
	{mutant.AnyBucket, "internal/core/access", "TestOneBucketIsNotAnother"},
	{mutant.OpenReserved, "internal/core/access", "TestReservedBucketsAreForAdmins"},
	{mutant.ForgedScope, "internal/core/access", "TestForgedScope"},
	{mutant.ReaderStores, "internal/node", "TestReaderCannotWrite"},
	{mutant.WriterReads, "internal/node", "TestWriterCannotRead"},
	{mutant.HintShare, "internal/device/store", "TestHintsPerPrincipal"},
	{mutant.AnyRelay, "internal/node", "TestClientsDoNotRelay"},
	{mutant.RelayRights, "internal/node", "TestRelayedRights"},
	{mutant.BlindReserved, "internal/node", "TestBlindRequests"},
}
