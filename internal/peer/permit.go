package peer

import (
	"github.com/foci-store/foci/internal/core/access"
	"github.com/foci-store/foci/internal/core/codec"
	"github.com/foci-store/foci/internal/device/mesh"
)

// Permit fails a request that its asker may not make, and reports whether it may.
func Permit(in *mesh.Incoming, m codec.Message) bool {
	err := access.Check(Asker(in), m)
	if err != nil {
		in.Fail(err)
	}
	return err == nil
}

// Asker is the principal for whom a request is.
func Asker(in *mesh.Incoming) *access.Asker {
	return &access.Asker{Principal: in.From.Principal, Rights: in.From.Rights, Protocol: in.From.Protocol}
}
