package deliver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{key: newKey(t)}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// sign returns the certificate and the key of name in PEM form.
func (a *authority) sign(t *testing.T, name string, serial int64) (cert, key []byte) {
	t.Helper()
	k := newKey(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &k.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})
}

func TestTLSFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	version := time.Now().Add(-time.Hour)
	write := func(name string, data []byte) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		version = version.Add(time.Second) // writes within a tick of the clock have different times, too
		if err := os.Chtimes(path, version, version); err != nil {
			t.Fatal(err)
		}
		return path
	}
	first, second := newAuthority(t, "first"), newAuthority(t, "second")
	clients := newAuthority(t, "clients")

	var serverCert tls.Certificate
	serve := func(a *authority) {
		t.Helper()
		cert, key := a.sign(t, "logs.example", 7)
		var err error
		if serverCert, err = tls.X509KeyPair(cert, key); err != nil {
			t.Fatal(err)
		}
	}
	serve(first)
	trusted := x509.NewCertPool()
	trusted.AddCert(clients.cert)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].SerialNumber.String())
	}))
	server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trusted,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &serverCert, nil }}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes
	server.StartTLS()
	defer server.Close()

	files := TLS{CAFile: write("ca.pem", first.pem), ServerName: "logs.example"}
	cert, key := clients.sign(t, "agent", 100)
	files.CertFile, files.KeyFile = write("cert.pem", cert), write("key.pem", key)
	config, err := files.Config()
	if err != nil {
		t.Fatal(err)
	}
	client := NewClient(config, nil)
	get := func(want string) {
		t.Helper()
		client.CloseIdleConnections()
		resp, err := client.Get(server.URL)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			got = string(body)
		}
		if !strings.Contains(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	get("100")

	cert, key = clients.sign(t, "agent", 200)
	write("cert.pem", cert)
	get("100") // the key is still that of the old one
	write("key.pem", key)
	get("200")

	serve(second)
	get("certificate signed by unknown authority")
	write("ca.pem", second.pem)
	get("200")
	write("ca.pem", []byte("nothing"))
	get("200")

	files.ServerName = "other.example"
	write("ca.pem", second.pem)
	if config, err = files.Config(); err != nil {
		t.Fatal(err)
	}
	client = NewClient(config, nil)
	get("certificate is valid for logs.example, not other.example")

	for _, bad := range []TLS{{CAFile: filepath.Join(dir, "none")}, {CAFile: files.KeyFile}, {CertFile: files.CertFile, KeyFile: files.CertFile}} {
		if _, err := bad.Config(); err == nil {
			t.Errorf("%+v: no error", bad)
		}
	}
}

// TestTLSHost: a certificate has to be for the host, also when that is an
// address, which TLS itself does not tell the receiver.
func TestTLSHost(t *testing.T) {
	a := newAuthority(t, "ours")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, a.pem, 0o600); err != nil {
		t.Fatal(err)
	}
	cert, key := a.sign(t, "logs.example", 7) // and 127.0.0.1
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Listener.Close()
	if server.Listener, err = net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skip("127.0.0.2 is not an address of this machine")
	}
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	for _, c := range []struct {
		files TLS
		want  string
	}{
		{TLS{CAFile: ca, Host: "127.0.0.2"}, "certificate is valid for 127.0.0.1, not 127.0.0.2"},
		{TLS{CAFile: ca, Host: "127.0.0.1"}, ""},
		{TLS{CAFile: ca, ServerName: "127.0.0.1", Host: "127.0.0.2"}, ""},
		{TLS{CAFile: ca, ServerName: "127.0.0.3"}, "certificate is valid for 127.0.0.1, not 127.0.0.3"},
		{TLS{CAFile: ca, ServerName: "logs.example", Host: "127.0.0.2"}, ""},
		{TLS{CAFile: ca}, "no name to check"},
		{TLS{CAFile: ca, InsecureSkipVerify: true}, ""},
	} {
		config, err := c.files.Config()
		if err != nil {
			t.Fatal(err)
		}
		client := NewClient(config, nil)
		got := ""
		if resp, err := client.Get(server.URL); err != nil {
			got = err.Error()
		} else {
			resp.Body.Close()
		}
		client.CloseIdleConnections()
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %q, want %q", c.files, got, c.want)
		}
	}
}
