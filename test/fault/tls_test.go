package fault

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"shipper/test/site"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// pair is a certificate with its key, in PEM form.
type pair struct{ cert, key []byte }

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{}
	template := certificate(name, "", time.Now().Add(time.Hour))
	template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
	a.cert, a.key = sign(t, template, template, nil)
	return a
}

func certificate(name, address string, end time.Time) *x509.Certificate {
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: end}
	if address != "" {
		c.IPAddresses = []net.IP{net.ParseIP(address)}
	}
	return c
}

// sign makes a certificate; a nil key of the signer is its own.
func sign(t *testing.T, template, signer *x509.Certificate, by *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer, &key.PublicKey, by)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// issue signs a certificate for an address, valid to end.
func (a *authority) issue(t *testing.T, address string, end time.Time) pair {
	t.Helper()
	return encode(t, a.cert, a.key, certificate("leaf", address, end))
}

func encode(t *testing.T, signer *x509.Certificate, by *ecdsa.PrivateKey, template *x509.Certificate) pair {
	t.Helper()
	cert, key := sign(t, template, signer, by)
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{pemOf(cert), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})}
}

func pemOf(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// config is that of a server that shows p.
func (p pair) config(t *testing.T) *tls.Config {
	t.Helper()
	c, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{c}}
}

// put replaces a file as a certificate manager does: another one under its name.
func put(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// badTLS has each connection fail in another way, then a receiver that wants
// another certificate of the client, then one with another authority.
func badTLS(t *testing.T) {
	ours, others, clients := newAuthority(t, "ours"), newAuthority(t, "others"), newAuthority(t, "clients")
	hour := time.Now().Add(time.Hour)
	old := ours.issue(t, "127.0.0.1", hour).config(t)
	old.MaxVersion, old.MinVersion = tls.VersionTLS11, tls.VersionTLS10
	self := certificate("self", "127.0.0.1", hour)
	bad := []*tls.Config{
		ours.issue(t, "127.0.0.1", time.Now().Add(-time.Hour)).config(t),
		ours.issue(t, "127.0.0.9", hour).config(t),
		others.issue(t, "127.0.0.1", hour).config(t),
		encode(t, self, nil, self).config(t),
		old,
		nil, // a plain server
		nil, // one that says nothing
		nil, // one that resets the connection
	}
	plain, silent := len(bad)-3, len(bad)-2
	trusted := x509.NewCertPool()
	trusted.AddCert(clients.cert)
	mutual := func(p pair) *tls.Config {
		c := p.config(t)
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, trusted
		return c
	}
	var good atomic.Pointer[tls.Config]
	good.Store(mutual(ours.issue(t, "127.0.0.1", hour)))
	srv := &server{
		greet: func(n int, c net.Conn) bool {
			switch {
			case n >= len(bad) || bad[n] != nil:
				return true
			case n == plain:
				io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
				io.Copy(io.Discard, c)
			case n == silent:
				io.Copy(io.Discard, c)
			default:
				(&call{Conn: c}).reset()
			}
			return false
		},
		tls: func(n int) *tls.Config {
			if n < len(bad) {
				return bad[n]
			}
			return good.Load()
		},
	}
	s := site.New(t, binary, "", "")
	srv.target = s.URL()
	serve(t, srv)
	ca, cert, key := filepath.Join(s.Dir, "ca.pem"), filepath.Join(s.Dir, "cert.pem"), filepath.Join(s.Dir, "key.pem")
	put(t, ca, pemOf(ours.cert))
	expired := clients.issue(t, "", time.Now().Add(-time.Hour))
	put(t, cert, expired.cert)
	put(t, key, expired.key)
	shipTo(t, s, "", fmt.Sprintf("native: {url: %s}\n    tls: {ca_file: %q, cert_file: %q, key_file: %q}", srv.url(), ca, cert, key))
	edit(t, s, "timeout: 1s", "timeout: 5s") // each fault comes once and is to be seen
	s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	o.Write(t, 3000)
	site.Await(t, "the client's certificate to be refused", func() bool { return srv.conns.Load() > int64(len(bad)+2) })
	s.AwaitLog(t, "tls: expired certificate") // a reset may be seen before the alert
	if n := srv.requests.Load(); n != 0 {
		t.Errorf("%d requests were sent to who is not to be trusted, or does not trust the agent", n)
	}
	fresh := clients.issue(t, "", hour)
	put(t, cert, fresh.cert)
	put(t, key, fresh.key)
	settle(t, s, o)

	good.Store(mutual(others.issue(t, "127.0.0.1", hour)))
	srv.closeAll()
	failed := sample(t, s, "shipper_output_failed_requests_total")
	o.Write(t, 3000)
	site.Await(t, "the other authority to be refused", func() bool {
		return sample(t, s, "shipper_output_failed_requests_total") > failed+2
	})
	put(t, ca, pemOf(others.cert))
	settle(t, s, o)
	says(t, s, "certificate has expired or is not yet valid", "certificate is valid for 127.0.0.9, not 127.0.0.1",
		"certificate signed by unknown authority", "tls: protocol version not supported",
		"server gave HTTP response to HTTPS client", "no whole answer within 5s", "tls: expired certificate")
}

// proxied runs an agent behind a proxy that fails in each of those ways.
func proxied(t *testing.T, srv *server, tlsKeys string, faults []act, good act) *site.Site {
	t.Helper()
	s := site.New(t, binary, "", "")
	srv.target = s.URL()
	serve(t, srv)
	proxy := serve(t, &server{target: s.URL(), script: func(n int) act {
		if n < len(faults) {
			return spoil(faults[n])
		}
		return good
	}})
	shipTo(t, s, "", "native: {url: "+srv.url()+"}\n    proxy: http://user:hunter2@"+proxy.l.Addr().String()+tlsKeys)
	edit(t, s, "timeout: 1s", "timeout: 5s") // each fault comes once and is to be seen
	s.StartIndexer(t)
	s.StartAgent(t)
	settle(t, s, feed(t, s, proxy, srv)) // through a tunnel the proxy sees no requests
	if n := proxy.spoilt.Load(); int(n) != len(faults) {
		t.Errorf("%d requests were spoilt", n)
	}
	return s
}

// page is what a proxy says in place of the receiver.
const page = "<html>this network wants you to log in</html>\n"

func proxyToTLS(t *testing.T) {
	ours := newAuthority(t, "ours")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	put(t, ca, pemOf(ours.cert))
	config := ours.issue(t, "127.0.0.1", time.Now().Add(time.Hour)).config(t)
	plain := func(answer string) act {
		return func(c *call) bool {
			io.WriteString(c, answer)
			return false
		}
	}
	s := proxied(t, &server{tls: func(int) *tls.Config { return config }}, fmt.Sprintf("\n    tls: {ca_file: %q}", ca), []act{
		func(c *call) bool {
			return c.reply(407, "Proxy-Authenticate: Basic realm=\"net\"\r\n", []byte(page))
		},
		func(c *call) bool { return c.reply(200, "", []byte(page)) },
		func(c *call) bool { return c.reply(302, "Location: http://127.0.0.1:1/login\r\n", nil) },
		func(c *call) bool { return c.reply(502, "", []byte(page)) },
		plain("HTTP/1.1 200"),
		plain("SSH-2.0-OpenSSH_9.2p1\r\n"),
		func(c *call) bool { return c.reset() },
		func(c *call) bool { return c.hang() },
	}, tunnel)
	says(t, s, "refuses to connect: 407 Proxy Authentication Required", "answers with a page instead of a connection",
		"refuses to connect: 302 Found", "refuses to connect: 502 Bad Gateway")
	if strings.Contains(s.AgentLog.String(), "hunter2") {
		t.Error("the agent's log has the proxy's password")
	}
}

// tunnel does what CONNECT asks for.
func tunnel(c *call) bool {
	out, err := net.Dial("tcp", c.req.Host)
	if err != nil {
		c.t.Error(err)
		return false
	}
	defer out.Close()
	io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		io.Copy(c.Conn, out)
		c.Close()
	}()
	io.Copy(out, c.Conn)
	return false
}

func proxyToPlain(t *testing.T) {
	s := proxied(t, &server{}, "", []act{
		status(407, "Proxy-Authenticate: Basic realm=\"net\"\r\n"),
		text("HTTP/1.1 200 OK\r\nContent-Length: 46\r\n\r\n" + page),
		status(302, "Location: http://127.0.0.1:1/login\r\n"),
	}, good)
	says(t, s, "407 Proxy Authentication Required", "200 without a whole answer of an indexer", "302 Found: redirect to")
}
