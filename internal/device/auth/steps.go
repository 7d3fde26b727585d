package auth

// The steps of authentication: what is to be proved, and how.
const (
	StepNone = 0 // nothing: for loopback only
	StepKey  = 1 // protocol 1's proof of a key, which no node accepts any more
	StepTLS  = 2 // a certificate; hello and all that follows travel inside TLS 1.3
)
