package main

import (
	"fmt"
	"strings"
	"testing"
)

// record is one stack of heap?debug=1.
type record struct {
	bytes     uint64
	functions map[string]bool
	places    map[string]bool // function file:line
}

func heapRecords(t *testing.T, profile string) []record {
	t.Helper()
	var records []record
	for _, line := range strings.Split(profile, "\n") {
		fields := strings.Fields(line)
		switch {
		case strings.Contains(line, "] @ "):
			r := record{functions: map[string]bool{}, places: map[string]bool{}}
			var count uint64
			if _, err := fmt.Sscanf(line, "%d: %d", &count, &r.bytes); err == nil {
				records = append(records, r)
			}
		case len(records) > 0 && len(fields) == 4 && fields[0] == "#":
			name, _, _ := strings.Cut(fields[2], "+0x")
			r := records[len(records)-1]
			r.functions[name] = true
			r.places[name+" "+fields[3]] = true
		}
	}
	return records
}

// A diagnosis joins two stacks: where values are made, and where they are put
// away. Neither is in the other, and the business function calls both.
func TestProfileShowsInsertionApartFromValues(t *testing.T) {
	for _, name := range []string{
		"struct-field", "global-map", "sync-map", "bounded-lru", "steady-cache", "slice-growth",
		"sharded-map", "map-of-maps", "channel-buffer", "finalizer-map",
		"closure-map", "generic-cache", "huge-values", "ttl-cache", "warm-up", "high-gogc-leak",
	} {
		t.Run(name, func(t *testing.T) {
			p := startLab(t, name, "--entries", "3000", "--rate", "0", "--value-bytes", "1000", "--exit-with-stdin")
			at := p.truth().Insertion
			records := heapRecords(t, p.get("/debug/pprof/heap?debug=1&gc=1"))
			place := fmt.Sprintf("%s %s:%d", at.Function, at.File, at.Line)
			var insertion, values record
			for _, r := range records {
				if r.places[place] && r.bytes > insertion.bytes {
					insertion = r
				}
				if r.bytes > values.bytes {
					values = r
				}
			}
			if insertion.bytes == 0 {
				t.Fatalf("nothing in the profile was allocated at %s", place)
			}
			if values.functions[at.Function] {
				t.Errorf("the values are allocated under %s: nothing to join", at.Function)
			}
			if !shareBusinessCaller(insertion, values) {
				t.Errorf("no common caller below add:\n%v\n%v", insertion.functions, values.functions)
			}
		})
	}
}

func shareBusinessCaller(a, b record) bool {
	for name := range a.functions {
		machinery := strings.HasSuffix(name, ".add") || name == "main.fill" || name == "main.host" ||
			name == "main.run" || name == "main.main" || !strings.HasPrefix(name, "main.")
		if b.functions[name] && !machinery {
			return true
		}
	}
	return false
}

func TestGoroutinesAreCreatedAtTheInsertion(t *testing.T) {
	p := startLab(t, "goroutine-leak", "--entries", "500", "--rate", "0", "--exit-with-stdin")
	at := p.truth().Insertion
	dump := p.get("/debug/pprof/goroutine?debug=2")
	if n := strings.Count(dump, "[chan receive"); n != 500 {
		t.Errorf("%d goroutines wait on a channel, want 500", n)
	}
	created := "created by " + at.Function
	if n := strings.Count(dump, created); n != 500 {
		t.Errorf("%d goroutines are %q, want 500", n, created)
	}
	if place := fmt.Sprintf("%s:%d ", at.File, at.Line); !strings.Contains(dump, place) {
		t.Errorf("no goroutine was created at %s", place)
	}
}
