package deliver

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
)

// TLS names the files of a TLS client. They are read again when they have
// changed: the next connection uses what is in them then, so that certificates
// can be replaced without a restart. Files that cannot be used any more leave
// those in force that were read before.
type TLS struct {
	CAFile             string // PEM, the authorities that are trusted; default: the system's
	CertFile, KeyFile  string // PEM, of the client, if it has to show a certificate
	ServerName         string // that the receiver's certificate has to be for; default: the name that is dialled
	Host               string // of the URL; it has to be there if it can be an address, which is no name in TLS
	InsecureSkipVerify bool   // takes any certificate
}

// Config returns the configuration for a client. The error says which file
// cannot be used.
func (t TLS) Config() (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	if t.CertFile != "" {
		pair := watched[tls.Certificate]{files: []string{t.CertFile, t.KeyFile}, load: func() (tls.Certificate, error) {
			return tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
		}}
		if _, err := pair.get(); err != nil {
			return nil, fmt.Errorf("read client certificate: %w", err)
		}
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			cert, err := pair.get()
			return &cert, err
		}
	}
	if t.CAFile != "" && !t.InsecureSkipVerify {
		roots := watched[*x509.CertPool]{files: []string{t.CAFile}, load: func() (*x509.CertPool, error) { return readPool(t.CAFile) }}
		if _, err := roots.get(); err != nil {
			return nil, fmt.Errorf("read certificate authorities: %w", err)
		}
		// crypto/tls holds its RootCAs for good, so the check is made here, with
		// the same means.
		c.InsecureSkipVerify = true
		c.VerifyConnection = func(s tls.ConnectionState) error {
			pool, err := roots.get()
			if err != nil {
				return err
			}
			return verify(s, pool, cmp.Or(t.ServerName, s.ServerName, t.Host))
		}
	}
	return c, nil
}

// verify checks the receiver's certificate as crypto/tls does.
func verify(s tls.ConnectionState, roots *x509.CertPool, name string) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the receiver has no certificate")
	}
	if name == "" {
		return errors.New("no name to check the receiver's certificate against")
	}
	o := x509.VerifyOptions{DNSName: name, Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	_, err := s.PeerCertificates[0].Verify(o)
	return err
}

func readPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate in PEM form", path)
	}
	return pool, nil
}

// watched is what was read from files, read again when one has changed. It is
// for concurrent use.
type watched[T any] struct {
	files []string
	load  func() (T, error)

	mu    sync.Mutex
	have  bool
	stamp stamp
	value T
}

// stamp tells versions of files apart.
type stamp struct {
	modified int64 // the latest, ns since the Unix epoch
	bytes    int64 // all together
}

func (w *watched[T]) get() (T, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now, err := stampOf(w.files)
	if err == nil && w.have && now == w.stamp {
		return w.value, nil
	}
	var v T
	if err == nil {
		v, err = w.load()
	}
	switch {
	case err == nil:
		w.value, w.stamp, w.have = v, now, true
	case w.have:
		err = nil // the pair may be half written: the next connection looks again
	}
	return w.value, err
}

func stampOf(files []string) (s stamp, err error) {
	for _, name := range files {
		var info fs.FileInfo
		if info, err = os.Stat(name); err != nil {
			return s, err
		}
		s.modified = max(s.modified, info.ModTime().UnixNano())
		s.bytes += info.Size()
	}
	return s, nil
}
