package standin

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Files of --tls-self-signed, below the server's directory.
const (
	tlsFolder = "tls"
	caFile    = "ca.pem"
	certFile  = "cert.pem" // of the server, with its key in keyFile
	keyFile   = "key.pem"

	certLife = 365 * 24 * time.Hour
	certLeft = 30 * 24 * time.Hour // a certificate with less than this is made new
)

// CAFile is where a self-signed server keeps the certificate that its clients must trust, in PEM: AWS_CA_BUNDLE, or
// NODE_EXTRA_CA_CERTS for Node.
func (c Config) CAFile() (string, error) {
	return filepath.Abs(filepath.Join(c.Dir, tlsFolder, caFile))
}

func (c Config) checkTLS() error {
	switch {
	case (c.TLSCert == "") != (c.TLSKey == ""):
		return errors.New("stand-in: a certificate and its key belong together: give --tls-cert and --tls-key")
	case c.TLSCert != "" && c.TLSSelfSigned:
		return errors.New("stand-in: either --tls-self-signed, or a certificate of your own")
	}
	return nil
}

// tls gives the TLS settings of a server, nil where it speaks plain HTTP.
func (c Config) tls(addr net.Addr) (*tls.Config, error) {
	var pair tls.Certificate
	var err error
	switch {
	case c.TLSCert != "":
		if pair, err = tls.LoadX509KeyPair(c.TLSCert, c.TLSKey); err != nil {
			return nil, fmt.Errorf("read the certificate %s and its key %s: %w", c.TLSCert, c.TLSKey, err)
		}
	case c.TLSSelfSigned:
		if pair, err = selfSigned(filepath.Join(c.Dir, tlsFolder), names(addr), time.Now()); err != nil {
			return nil, fmt.Errorf("make a self-signed certificate: %w", err)
		}
	default:
		return nil, nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

// names are what a certificate must be good for: this machine's own names, and the address that is listened on, which may
// be all of them.
func names(addr net.Addr) []string {
	out := []string{"localhost", "127.0.0.1", "::1"}
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return out
	}
	if !tcp.IP.IsUnspecified() {
		if name := tcp.IP.String(); !slices.Contains(out, name) {
			out = append(out, name)
		}
		return out
	}
	if host, err := os.Hostname(); err == nil && host != "" {
		out = append(out, host)
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return out // the names above are good for this machine
	}
	for _, a := range addrs {
		if ip, ok := a.(*net.IPNet); ok && !slices.Contains(out, ip.IP.String()) {
			out = append(out, ip.IP.String())
		}
	}
	return out
}

// selfSigned gives the certificate that is kept in dir, or makes a new one where there is none that is good for all names
// and long enough. The authority's key is thrown away: nothing else is ever signed by it.
func selfSigned(dir string, names []string, now time.Time) (tls.Certificate, error) {
	certPath, keyPath := filepath.Join(dir, certFile), filepath.Join(dir, keyFile)
	if pair, err := tls.LoadX509KeyPair(certPath, keyPath); err == nil && good(pair, names, now) {
		if _, err := os.Stat(filepath.Join(dir, caFile)); err == nil {
			return pair, nil
		}
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	ca := certificate("quarry local, certificate authority of "+filepath.Dir(dir), now)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caText, err := x509.CreateCertificate(rand.Reader, ca, ca, &caKey.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	if ca, err = x509.ParseCertificate(caText); err != nil {
		return tls.Certificate{}, err
	}
	leaf := certificate("quarry local", now)
	leaf.KeyUsage, leaf.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name, "*."+name)
		}
	}
	leafText, err := x509.CreateCertificate(rand.Reader, leaf, ca, &key.PublicKey, caKey)
	if err != nil {
		return tls.Certificate{}, err
	}
	keyText, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return tls.Certificate{}, err
	}
	for _, file := range []struct {
		path, kind string
		text       []byte
	}{{filepath.Join(dir, caFile), "CERTIFICATE", caText}, {certPath, "CERTIFICATE", leafText}, {keyPath, "PRIVATE KEY", keyText}} {
		if err := os.WriteFile(file.path, pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.text}), 0o600); err != nil {
			return tls.Certificate{}, err
		}
	}
	return tls.LoadX509KeyPair(certPath, keyPath)
}

func certificate(name string, now time.Time) *x509.Certificate {
	serial := make([]byte, 16)
	_, _ = rand.Read(serial) // never fails
	serial[0] &= 0x7f
	return &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(serial), Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certLife),
	}
}

// good tells whether a kept certificate still serves.
func good(pair tls.Certificate, names []string, now time.Time) bool {
	leaf := pair.Leaf
	if leaf == nil || now.Before(leaf.NotBefore) || now.Add(certLeft).After(leaf.NotAfter) {
		return false
	}
	for _, name := range names {
		if leaf.VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}
