package web_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry/internal/ui/view"
	"quarry/internal/ui/web"
)

func TestOnlyLoopbackIsServedInTheOpen(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]error{
		"127.0.0.1:0": nil, "localhost:80": nil, "[::1]:0": nil, "127.9.9.9:1": nil, "[::ffff:127.0.0.1]:0": nil,
		"0.0.0.0:0": web.ErrOpen, ":8080": web.ErrOpen, "[::]:0": web.ErrOpen, "192.168.1.2:80": web.ErrOpen, "example.com:80": web.ErrOpen,
		"127.0.0.1.example.com:80": web.ErrOpen, "localhost.example.com:80": web.ErrOpen,
	} {
		c := web.Config{Addr: addr}
		if err := c.Validate(); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", addr, err, want)
		}
		c.BehindProxy = true
		if err := c.Validate(); err != nil {
			t.Errorf("%s behind a proxy: %v", addr, err)
		}
		c = web.Config{Addr: addr, TLSCert: "cert.pem", TLSKey: "key.pem"}
		if err := c.Validate(); err != nil {
			t.Errorf("%s with TLS: %v", addr, err)
		}
	}
	for _, c := range []web.Config{{Addr: "127.0.0.1"}, {Addr: "127.0.0.1:0", TLSCert: "cert.pem"}, {Addr: "127.0.0.1:0", TLSKey: "key.pem"}} {
		if c.Validate() == nil {
			t.Errorf("%+v is not refused", c)
		}
	}
}

// request sends a request with headers, and with the cookie if it is there.
func (w *world) request(t *testing.T, method, path string, headers map[string]string) (status int, header http.Header, text string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), method, w.base+path, strings.NewReader(""))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		if name == "Host" {
			q.Host = strings.ReplaceAll(value, "PORT", q.URL.Port())
			continue
		}
		q.Header.Set(name, strings.ReplaceAll(value, "PORT", q.URL.Port()))
	}
	client := *w.client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := client.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(b)
}

func TestNothingIsAnsweredWithoutTheToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	address := w.run(t)
	stranger := setup(t) // has no cookie
	stranger.base = w.base
	for _, path := range []string{"/", address, address + "live", address + "report", "/style.css", "/ui.js", "/none", "/?token=wrong", "/?token="} {
		status, header, text := stranger.request(t, http.MethodGet, path, nil)
		if status != http.StatusUnauthorized || strings.Contains(text, "quarry-run") || header.Get("Set-Cookie") != "" {
			t.Errorf("GET %s without the cookie = %d: %s", path, status, text)
		}
	}
	_, token, _ := strings.Cut(w.URL(), "?")
	for path, want := range map[string]int{"/?" + token: http.StatusSeeOther, address + "?" + token: http.StatusUnauthorized, "//example.com/?" + token: http.StatusUnauthorized} {
		status, header, _ := stranger.request(t, http.MethodGet, path, nil)
		if status != want {
			t.Errorf("GET %s = %d, want %d", path, status, want)
		}
		if status != http.StatusSeeOther {
			continue
		}
		if to := header.Get("Location"); to != "/" {
			t.Errorf("the token leads to %q", to)
		}
		cookie := header.Get("Set-Cookie")
		for _, part := range []string{"HttpOnly", "SameSite=Strict", "Path=/", "quarry-ui-"} {
			if !strings.Contains(cookie, part) {
				t.Errorf("the cookie %q lacks %s", cookie, part)
			}
		}
		if _, value, _ := strings.Cut(token, "="); strings.Contains(cookie, value) {
			t.Error("the cookie is the token")
		}
	}
}

func TestRequestsOfOtherPagesAreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	tests := []struct {
		name, method string
		headers      map[string]string
		want         int
	}{
		{"no header", "GET", nil, 200},
		{"by the other name of this machine", "GET", map[string]string{"Host": "localhost:PORT"}, 401}, // the cookie is of the first name
		{"by its address of IPv6", "GET", map[string]string{"Host": "[::1]:PORT"}, 401},
		{"a name that was made to lead here", "GET", map[string]string{"Host": "rebind.example.com:PORT"}, 421},
		{"a name that looks like an address", "GET", map[string]string{"Host": "127.0.0.1.example.com:PORT"}, 421},
		{"another port", "GET", map[string]string{"Host": "127.0.0.1:1"}, 421},
		{"typed into the address line", "GET", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, 200},
		{"a link of another page", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		{"an image of another page", "GET", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403},
		{"a page at another port", "GET", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403},
		{"our own script", "GET", map[string]string{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200},
		{"another origin", "GET", map[string]string{"Origin": "https://example.com"}, 403},
		{"no origin", "GET", map[string]string{"Origin": "null"}, 403},
		{"our origin", "GET", map[string]string{"Origin": "http://127.0.0.1:PORT"}, 200},
		{"a form without a sign of its page", "POST", nil, 403},
		{"a form of another page", "POST", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403},
		{"a form of another origin", "POST", map[string]string{"Origin": "http://127.0.0.1:1"}, 403},
		{"a form of our own to a page that takes none", "POST", map[string]string{"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "same-origin"}, 404},
		{"another method", "DELETE", map[string]string{"Origin": "http://127.0.0.1:PORT"}, 404},
	}
	for _, test := range tests {
		status, header, _ := w.request(t, test.method, "/", test.headers)
		if status != test.want {
			t.Errorf("%s: %d, want %d", test.name, status, test.want)
		}
		for name, value := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
		} {
			if header.Get(name) != value {
				t.Errorf("%s: %s is %q", test.name, name, header.Get(name))
			}
		}
		policy := header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", test.name, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", test.name, policy)
		}
	}
}

func TestNoScriptRunsInTheReport(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.login(t)
	_, header, _ := w.request(t, http.MethodGet, w.run(t)+"report", nil)
	policy := header.Get("Content-Security-Policy")
	if strings.Contains(policy, "script") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "sandbox") {
		t.Errorf("the policy of the report is %q", policy)
	}
}

func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	server, err := web.Start(t.Context(), web.Config{
		Addr: "127.0.0.1:0", BehindProxy: true, Runs: web.Folders{t.TempDir()}, Say: t.Logf,
		Look: func(context.Context, string) (*view.State, error) { return nil, errors.New("no run is there") },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := setup(t)
	t.Cleanup(func() { _ = server.Close() })
	var query string
	w.base, query, _ = strings.Cut(server.URL(), "/?")
	status, header, _ := w.request(t, http.MethodGet, "/?"+query, map[string]string{"Host": "runs.example.com", "X-Forwarded-Proto": "https"})
	if status != http.StatusSeeOther || !strings.Contains(header.Get("Set-Cookie"), "Secure") {
		t.Errorf("the token through a proxy with TLS = %d, %q", status, header.Get("Set-Cookie"))
	}
	for host, want := range map[string]int{"runs.example.com": http.StatusUnauthorized, "other.example.com": http.StatusForbidden} {
		status, _, _ = w.request(t, http.MethodGet, "/", map[string]string{
			"Origin": "https://runs.example.com", "Host": "127.0.0.1:PORT", "X-Forwarded-Host": host,
		})
		if status != want {
			t.Errorf("a request to %s from a page of runs.example.com = %d, want %d", host, status, want)
		}
	}
}

// certificate writes a certificate for some names, with its key, and gives the pool that trusts it.
func certificate(t *testing.T, names ...string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key, pool = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), x509.NewCertPool()
	for path, block := range map[string]pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: text}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(&block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return cert, key, pool
}

func TestWithTLS(t *testing.T) {
	t.Parallel()
	cert, key, pool := certificate(t, "runs.example.com")
	server, err := web.Start(t.Context(), web.Config{
		Addr: "0.0.0.0:0", TLSCert: cert, TLSKey: key, Runs: web.Folders{t.TempDir()}, Say: t.Logf,
	})
	if err != nil {
		t.Skip(err) // a machine without such addresses
	}
	t.Cleanup(func() { _ = server.Close() })
	if !strings.HasPrefix(server.URL(), "https://runs.example.com:") {
		t.Errorf("the address is %s", server.URL())
	}
	w := setup(t)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	w.client.Transport = transport
	at, query, _ := strings.Cut(server.URL(), "/?")
	w.base = strings.Replace(at, "runs.example.com", "127.0.0.1", 1)
	status, header, _ := w.request(t, http.MethodGet, "/?"+query, nil)
	if status != http.StatusSeeOther || !strings.Contains(header.Get("Set-Cookie"), "Secure") {
		t.Errorf("the token = %d, %q", status, header.Get("Set-Cookie"))
	}
	for host, want := range map[string]int{
		"127.0.0.1:PORT": http.StatusOK, "runs.example.com:PORT": http.StatusUnauthorized, "other.example.com:PORT": http.StatusMisdirectedRequest,
	} {
		if status, _, _ := w.request(t, http.MethodGet, "/", map[string]string{"Host": host}); status != want {
			t.Errorf("a request to %s = %d, want %d", host, status, want)
		}
	}
}
