package fault

import (
	"fmt"
	"strings"
	"time"
)

// curve is a line of a plot.
type curve struct {
	name, colour string
	value        func(s *moment) float64
}

// panel is one of the plots that stand one below the other.
type panel struct {
	title  string
	curves []curve
}

// plot draws the samples of a soak, and its events as lines across, as SVG.
func (k *soak) plot() string {
	const width, height, left, top = 900, 170, 70, 30
	panels := []panel{
		{"records", []curve{
			{"written", "#888", func(s *moment) float64 { return float64(s.written) }},
			{"stored", "#06c", func(s *moment) float64 { return float64(s.stored) }}}},
		{"memory, MiB", []curve{
			{"agent", "#06c", func(s *moment) float64 { return float64(s.agentRSS) / (1 << 20) }},
			{"indexer", "#c60", func(s *moment) float64 { return float64(s.indexerRSS) / (1 << 20) }}}},
		{"queue, MiB", []curve{
			{"agent", "#06c", func(s *moment) float64 { return float64(s.queue) / (1 << 20) }}}},
		{"descriptors", []curve{
			{"agent", "#06c", func(s *moment) float64 { return float64(s.descriptors) }},
			{"indexer", "#c60", func(s *moment) float64 { return float64(s.indexerDescriptors) }}}},
	}
	colours := map[string]string{"agent killed": "#c00", "agent's power cut": "#900", "agent's disk full": "#b0b",
		"indexer killed": "#e80", "indexer's power cut": "#a50", "configuration changed": "#0a0", "network": "#999"}
	end := max(k.samples[len(k.samples)-1].at, time.Second)
	x := func(at time.Duration) float64 { return left + float64(at)/float64(end)*width }
	b := new(strings.Builder)
	total := top + len(panels)*(height+40) + 30
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" font-size="12"><rect width="100%%" height="100%%" fill="#fff"/>`+"\n", left+width+20, total)
	for i, p := range panels {
		y0 := top + i*(height+40)
		most := 1.0
		for j := range k.samples {
			for _, c := range p.curves {
				most = max(most, c.value(&k.samples[j]))
			}
		}
		for _, e := range k.events {
			fmt.Fprintf(b, `<line x1="%.1f" y1="%d" x2="%.1f" y2="%d" stroke="%s" stroke-opacity=".25"><title>%s</title></line>`+"\n", x(e.at), y0, x(e.at), y0+height, colours[e.kind], e.kind)
		}
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%d" height="%d" fill="none" stroke="#ccc"/><text x="%d" y="%d" font-weight="bold">%s</text><text x="%d" y="%d" text-anchor="end">%.0f</text><text x="%d" y="%d" text-anchor="end">0</text>`+"\n",
			left, y0, width, height, left, y0-6, p.title, left-6, y0+10, most, left-6, y0+height)
		for n, c := range p.curves {
			fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s">%s</text><polyline fill="none" stroke="%s" stroke-width="1.5" points="`, left+120+n*90, y0-6, c.colour, c.name, c.colour)
			for j := range k.samples {
				s := &k.samples[j]
				fmt.Fprintf(b, "%.1f,%.1f ", x(s.at), float64(y0+height)-c.value(s)/most*height)
			}
			b.WriteString(`"/>` + "\n")
		}
	}
	at := left
	for _, kind := range []string{"agent killed", "agent's power cut", "agent's disk full", "indexer killed", "indexer's power cut", "configuration changed", "network"} {
		fmt.Fprintf(b, `<text x="%d" y="%d" fill="%s">%s</text>`+"\n", at, total-10, colours[kind], kind)
		at += 10 + 7*len(kind)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
