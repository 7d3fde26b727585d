package wire

// The steps of authentication: what is to be proved, and how.
const (
	AuthNone = 0 // nothing: good for loopback only
	AuthKey  = 1 // protocol 1's proof of a key, which no node asks for any more
	AuthTLS  = 2 // a certificate; hello and all that follows travel under TLS 1.3
)
