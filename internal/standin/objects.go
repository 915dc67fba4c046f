package standin

import (
	"net/http"

	"quarry/internal/standin/iamapi"
)

// allowS3 refuses what the policies of a role do not allow; the request's signature is proved. The administrator may do everything.
func (s *Server) allowS3(r *http.Request, accessKeyID, action, resource string) error {
	_, caller, ok := s.keys.find(accessKeyID)
	if !ok {
		return iamapi.ErrNoPrincipal // taken away since the request was proved
	}
	if caller.Role == "" {
		return nil
	}
	ctx := withCaller(r, caller, "").Context()
	return s.roles.Access(ctx, caller.ARN, action, resource, map[string]string{"aws:ResourceAccount": iamapi.Account})
}
