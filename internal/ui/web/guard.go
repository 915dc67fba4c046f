package web

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// policy lets a page load nothing but the style, the script and the live state of this server, and lets no other page frame it. A
// policy of no-referrer would take the Origin from the forms of our own pages (Fetch, "append a request Origin header").
var policy = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'",
	"Referrer-Policy":              "same-origin",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control":                "no-store",
}

// guarded lets through what a person with the token sent from a page of this server.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for name, value := range policy {
			w.Header().Set(name, value)
		}
		switch {
		case !s.ours(r.Host):
			// A name of someone else that leads here makes a browser hold our pages for theirs (DNS rebinding).
			refuse(w, http.StatusMisdirectedRequest,
				"This server does not know the host name of the address. Open the address that quarry ui printed.")
		case !s.fromOurPages(r):
			refuse(w, http.StatusForbidden, "The request comes from a page of another server.")
		case r.URL.Query().Has("token"):
			s.exchange(w, r)
		case !s.known(r):
			refuse(w, http.StatusUnauthorized, "Open the address that quarry ui printed. It has a token, which is valid until quarry ui ends.")
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			next.ServeHTTP(w, r)
		}
	})
}

func refuse(w http.ResponseWriter, status int, why string) { http.Error(w, why, status) }

// ours reports whether a host of a request is one by which this server is reached. Addresses are: a name can be made to lead anywhere.
func (s *Server) ours(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.Trim(host, "[]"), ""
	}
	switch {
	case s.cfg.BehindProxy: // which decides which names lead to it
		return true
	case port != s.port && port != "":
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	return loopback(name) || s.names != nil && s.names.VerifyHostname(name) == nil
}

// fromOurPages refuses what a page of another server sent, also one at another port of this machine. A link that was followed from there
// brings no cookie with it (SameSite=Strict).
func (s *Server) fromOurPages(r *http.Request) bool {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if origin != "" {
		u, err := url.Parse(origin)
		return err == nil && u.Host != "" && strings.EqualFold(u.Host, s.hostOf(r))
	}
	if reads && (site == "" || r.Header.Get("Sec-Fetch-Mode") == "navigate") {
		return true
	}
	return site == "same-origin" || reads && site == "none"
}

// hostOf is the host that a browser believes to talk to.
func (s *Server) hostOf(r *http.Request) string {
	if forwarded := r.Header.Get("X-Forwarded-Host"); s.cfg.BehindProxy && forwarded != "" {
		return forwarded
	}
	return r.Host
}

// exchange gives a cookie for the token and takes the token out of the address.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet || r.URL.Path != "/" || !same(r.URL.Query().Get("token"), s.token) {
		refuse(w, http.StatusUnauthorized,
			"The token is not valid: it belongs to another start of quarry ui. Open the address that was printed last.")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie(), Value: s.session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || s.cfg.BehindProxy && r.Header.Get("X-Forwarded-Proto") == "https",
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// cookie is its name. Cookies belong to a host whatever the port, and several servers may run on one machine.
func (s *Server) cookie() string { return "quarry-ui-" + s.port }

func (s *Server) known(r *http.Request) bool {
	c, err := r.Cookie(s.cookie())
	return err == nil && same(c.Value, s.session)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
