// Package prom writes the metrics that a Go service with client_golang's
// default collectors exposes, under the same names and in the same format, so
// that what reads them here reads them anywhere.
package prom

import (
	"bytes"
	"fmt"
	"net/http"
	"sort"
	"strconv"
)

// family is one metric with its HELP and TYPE lines.
type family struct {
	name, help, kind string
	samples          []sample
}

type sample struct {
	suffix, labels string
	value          float64
}

// Serve answers a scrape in the text format 0.0.4.
func Serve(w http.ResponseWriter, _ *http.Request) {
	families := append(goFamilies(), processFamilies()...)
	sort.Slice(families, func(i, j int) bool { return families[i].name < families[j].name })
	var out bytes.Buffer
	for _, f := range families {
		f.writeTo(&out)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

func (f family) writeTo(out *bytes.Buffer) {
	fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", f.name, f.help, f.name, f.kind)
	for _, s := range f.samples {
		// client_golang prints the shortest form, with an exponent from 1e+06 on.
		value := strconv.FormatFloat(s.value, 'g', -1, 64)
		fmt.Fprintf(out, "%s%s%s %s\n", f.name, s.suffix, s.labels, value)
	}
}

func single(name, kind, help string, value float64) family {
	return family{name, help, kind, []sample{{value: value}}}
}

func gauge(name, help string, value float64) family { return single(name, "gauge", help, value) }

func counter(name, help string, value float64) family { return single(name, "counter", help, value) }
