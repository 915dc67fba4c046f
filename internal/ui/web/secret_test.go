package web

// Secret is what the forms of a server have.
func (s *Server) Secret() string { return s.secret }
