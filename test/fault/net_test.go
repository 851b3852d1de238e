package fault

import (
	endian "encoding/binary"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"

	"shipper/test/site"
)

// zone is what a resolver says of every name.
type zone struct {
	code   int // RCODE
	silent bool
	raw    string       // instead of an answer
	v4, v6 []netip.Addr // A and AAAA
}

// resolver is a DNS server.
type resolver struct {
	zone    atomic.Pointer[zone]
	queries atomic.Int64
}

// serveDNS answers at address, port 53.
func serveDNS(t *testing.T, address string) *resolver {
	t.Helper()
	c, err := net.ListenPacket("udp", address+":53")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	r := new(resolver)
	r.zone.Store(&zone{silent: true})
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			r.queries.Add(1)
			if z := r.zone.Load(); !z.silent {
				c.WriteTo(z.answer(buf[:n]), from)
			}
		}
	}()
	return r
}

// answer makes a response (RFC 1035, 4.1) to a query with one question.
func (z *zone) answer(query []byte) []byte {
	if z.raw != "" {
		return append(query[:2:2], z.raw...)
	}
	end := 12
	for end < len(query) && query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5 // the root, type and class
	if end > len(query) {
		return nil
	}
	var addresses []netip.Addr
	switch endian.BigEndian.Uint16(query[end-4:]) {
	case 1:
		addresses = z.v4
	case 28:
		addresses = z.v6
	}
	m := append([]byte(nil), query[:2]...)
	m = endian.BigEndian.AppendUint16(m, 0x8180|uint16(z.code)) // response, recursion
	m = append(m, 0, 1, 0, byte(len(addresses)), 0, 0, 0, 0)
	m = append(m, query[12:end]...)
	for _, a := range addresses {
		m = append(m, 0xc0, 12) // the name of the question
		m = append(m, query[end-4:end]...)
		m = endian.BigEndian.AppendUint32(m, 1) // seconds to live
		raw := a.AsSlice()
		m = endian.BigEndian.AppendUint16(m, uint16(len(raw)))
		m = append(m, raw...)
	}
	return m
}

// names has a receiver that goes by a name, and a resolver that fails in each
// way, then gives one address and then another.
func names(t *testing.T) {
	if !private(t) {
		return
	}
	conf := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(conf, nil, 0o644); err != nil { // the resolver of the machine itself, which there is not
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "--bind", conf, "/etc/resolv.conf").CombinedOutput(); err != nil {
		skip(t, "no resolv.conf of one's own: "+string(out))
	}
	command(t, "ip", "-6", "addr", "add", "2001:db8:1::1/128", "dev", "lo")
	command(t, "ip", "-6", "route", "add", "2001:db8:2::/48", "dev", "lo") // what goes there is dropped without a word

	l, err := net.Listen("tcp", "127.0.0.11:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	s := site.New(t, binary, "", "")
	one := serve(t, &server{target: s.URL(), l: l})
	dns := serveDNS(t, "127.0.0.53")
	shipTo(t, s, "http://logs.example:"+port, "")
	s.StartIndexer(t)
	s.StartAgent(t)
	o := site.NewOracle(s.Logs, "w", site.Rename, 5000)
	s.Begin(t, o)
	fails := func(what string) {
		t.Helper()
		before := sample(t, s, "shipper_output_failed_requests_total")
		site.Await(t, what, func() bool { return sample(t, s, "shipper_output_failed_requests_total") > before+1 })
	}
	fails("no resolver")
	if err := os.WriteFile(conf, []byte("nameserver 127.0.0.53\noptions timeout:1 attempts:1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	site.Await(t, "a query", func() bool { return dns.queries.Load() > 0 }) // resolv.conf is looked at every 5 s
	v4 := func(s string) []netip.Addr { return []netip.Addr{netip.MustParseAddr(s)} }
	for _, c := range []struct {
		what string
		zone zone
	}{
		{"NXDOMAIN", zone{code: 3}}, {"SERVFAIL", zone{code: 2}}, {"REFUSED", zone{code: 5}}, {"no answer", zone{silent: true}},
		{"garbage", zone{raw: "\xff\xff\xff"}}, {"no address", zone{}}, {"nobody there", zone{v4: v4("127.0.0.99")}},
	} {
		dns.zone.Store(&c.zone)
		fails(c.what)
	}
	hole := []netip.Addr{netip.MustParseAddr("2001:db8:2::1")}
	dns.zone.Store(&zone{v4: v4("127.0.0.11"), v6: hole}) // the other address is a black hole
	o.Write(t, 3000)
	settle(t, s, o)
	if one.requests.Load() == 0 {
		t.Error("nothing came to the first address")
	}

	l, err = net.Listen("tcp", "127.0.0.12:"+port)
	if err != nil {
		t.Fatal(err)
	}
	two := serve(t, &server{target: s.URL(), l: l})
	dns.zone.Store(&zone{v4: v4("127.0.0.12")})
	one.l.Close()
	one.closeAll()
	o.Write(t, 3000)
	settle(t, s, o)
	if two.requests.Load() == 0 {
		t.Error("nothing came to the second address")
	}
	says(t, s, "read: connection refused", "no such host", "server misbehaving")
}

// linkDown has a receiver on another node, whose link goes down under load, and
// down again while the receiver forgets its connections.
func linkDown(t *testing.T) {
	if !private(t) {
		return
	}
	p := newPeer(t)
	s := site.New(t, binary, "", "")
	srv := serve(t, &server{target: s.URL(), l: p.listen()})
	shipTo(t, s, srv.url(), "")
	s.StartIndexer(t)
	s.StartAgent(t)
	o := feed(t, s, srv)
	for range 2 {
		before := sample(t, s, "shipper_output_failed_requests_total")
		p.ip("link", "set", p.link, "down")
		o.Write(t, 5000)
		site.Await(t, "requests to fail", func() bool {
			return sample(t, s, "shipper_output_failed_requests_total") > before+2
		})
		site.Await(t, "the output to fail", func() bool { return s.Metric(t, `shipper_output_failing{output="index"}`) == 1 })
		p.ip("link", "set", p.link, "up")
		o.Write(t, 1000)
		settle(t, s, o)
	}

	failed := sample(t, s, "shipper_output_failed_requests_total")
	p.ip("link", "set", p.link, "down")
	srv.forget()
	p.ip("link", "set", p.link, "up")
	o.Write(t, 1000)
	settle(t, s, o)
	if n := sample(t, s, "shipper_output_failed_requests_total") - failed; n > 4 { // one for each that could be kept
		t.Errorf("%d requests failed behind forgotten connections", n)
	}
	says(t, s, "no whole answer within 1s")
}
