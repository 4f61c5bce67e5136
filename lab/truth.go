package main

import (
	"os"
	"reflect"
	"runtime"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

// holding is what a scenario knows of its container.
type holding struct {
	path, declared string // "" where there is no container with a name
	typ            reflect.Type
	size           mapsize.Measure
	valuesBytes    uint64 // what keys and values point to, as size-classed allocations
	parts          []part // where several maps are the container: size is their sum
	facts          facts
}

// part is one of the maps that together are a scenario's container.
type part struct {
	Path string `json:"path"`
	mapsize.Measure
	ValuesBytes uint64 `json:"values_bytes"`
}

// sumOf is a container that consists of several maps of one type.
func sumOf(parts []part) holding {
	sum := holding{parts: parts}
	capacity := 0
	for _, p := range parts {
		sum.size.Design = p.Design
		sum.size.Entries += p.Entries
		sum.size.ShallowBytes += p.ShallowBytes
		sum.size.DeadBytes += p.DeadBytes
		sum.valuesBytes += p.ValuesBytes
		capacity += *p.Capacity
	}
	sum.size.Capacity = &capacity
	return sum
}

// facts are what only some scenarios have to tell.
type facts struct {
	GCPercent    *int    `json:"gc_percent,omitempty"`     // set by the service itself
	OffHeapBytes *uint64 `json:"off_heap_bytes,omitempty"` // mapped and touched outside the Go heap
	FreedBytes   *uint64 `json:"freed_bytes,omitempty"`    // payload of the burst that is over
	WarmUp       *warmUp `json:"warm_up,omitempty"`
}

type warmUp struct {
	Flat             bool    `json:"flat"` // every key that exists is in the map
	FlatAtEntries    int     `json:"flat_at_entries"`
	FlatAfterSeconds float64 `json:"flat_after_seconds"` // from READY, by the background traffic
}

// truth is the answer of /lab/truth. Names and bytes by docs/concepts/the-house.md,
// "Names of an owner" and "Bytes of a map".
type truth struct {
	Schema          string  `json:"schema"`
	Scenario        string  `json:"scenario"`
	Sentence        string  `json:"sentence"`
	GoVersion       string  `json:"go_version"`
	PID             int     `json:"pid"`
	ExpectedVerdict string  `json:"expected_verdict"`
	Path            *string `json:"path"`
	Declared        *string `json:"declared"`
	Type            *string `json:"type"`
	Design          *string `json:"design"`
	Entries         int     `json:"entries"`
	Capacity        *int    `json:"capacity"`
	ShallowBytes    *uint64 `json:"shallow_bytes"`
	DeadBytes       *uint64 `json:"dead_bytes"`
	ValuesBytes     *uint64 `json:"values_bytes"`
	Insertion       *site   `json:"insertion"`
	NumGC           uint32  `json:"num_gc"`
	Parts           []part  `json:"parts,omitempty"`
	facts
}

func tellTruth(name string, svc service) truth {
	s := scenarios[name]
	h := svc.holding()
	t := truth{
		Schema: "mapmedic.lab.truth/1", Scenario: name, Sentence: s.sentence,
		GoVersion: runtime.Version(), PID: os.Getpid(), ExpectedVerdict: s.verdict,
		Entries: h.size.Entries, Insertion: insertion.Load(),
		Parts: h.parts, facts: h.facts,
	}
	t.describe(h)
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	t.NumGC = mem.NumGC
	return t
}

// describe fills in what only a container has: goroutines have none.
func (t *truth) describe(h holding) {
	if h.typ == nil {
		return
	}
	name := h.typ.String()
	t.Path, t.Declared, t.Type = &h.path, &h.declared, &name
	if h.size.Design != "" {
		t.Design = &h.size.Design
	}
	t.Capacity = h.size.Capacity
	t.ShallowBytes, t.DeadBytes, t.ValuesBytes = &h.size.ShallowBytes, &h.size.DeadBytes, &h.valuesBytes
}
