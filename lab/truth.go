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
}

// truth is the answer of /lab/truth. Names by DESIGN's "Names of an owner",
// bytes by its "Bytes of a map".
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
}

func tellTruth(name string, svc service) truth {
	s := scenarios[name]
	h := svc.holding()
	t := truth{
		Schema: "mapmedic.lab.truth/1", Scenario: name, Sentence: s.sentence,
		GoVersion: runtime.Version(), PID: os.Getpid(), ExpectedVerdict: s.verdict,
		Entries: h.size.Entries, Insertion: insertion.Load(),
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
