package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"
)

// scenarios is the whole lab: name -> one sentence -> service. A new scenario
// is one small file and one line here.
var scenarios = map[string]scenario{
	"batch-maps":      batchMaps,
	"bounded-lru":     boundedLRU,
	"channel-buffer":  channelBuffer,
	"closure-map":     closureMap,
	"emptied-map":     emptiedMap,
	"finalizer-map":   finalizerMap,
	"generic-cache":   genericCache,
	"global-map":      globalMap,
	"goroutine-leak":  goroutineLeak,
	"goroutine-local": goroutineLocal,
	"high-gogc":       highGOGC,
	"high-gogc-leak":  highGOGCLeak,
	"huge-values":     hugeValues,
	"idle-heap":       idleHeap,
	"map-of-maps":     mapOfMaps,
	"off-heap":        offHeap,
	"sharded-map":     shardedMap,
	"slice-growth":    sliceGrowth,
	"steady-cache":    steadyCache,
	"struct-field":    structField,
	"sync-map":        syncMap,
	"ttl-cache":       ttlCache,
	"warm-up":         warmUpMap,
}

type scenario struct {
	sentence string
	verdict  string // what a right diagnosis says: the contract mapmedic.diagnosis/1
	defaults load
	start    func(load) service
}

// service is a scenario at work.
type service interface {
	// add brings the n-th entry (from 0) the way a request would.
	add(n int)
	// work answers one business request. It must be right at any moment,
	// also while someone swaps the map under it.
	work(key string) any
	// holding measures the container that matters. It takes the
	// container's lock for as long as that lasts: a pause that only a lab
	// can afford.
	holding() holding
}

func scenarioNames() []string {
	names := make([]string, 0, len(scenarios))
	for name := range scenarios {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func listText(w io.Writer) {
	for _, name := range scenarioNames() {
		fmt.Fprintf(w, "  %-16s %s\n", name, scenarios[name].sentence)
	}
}

type listed struct {
	Name            string  `json:"name"`
	Sentence        string  `json:"sentence"`
	ExpectedVerdict string  `json:"expected_verdict"`
	Entries         int     `json:"entries"`
	Rate            float64 `json:"rate"`
	ValueBytes      int     `json:"value_bytes"`
}

func listJSON(w io.Writer) {
	list := struct {
		Schema    string   `json:"schema"`
		Scenarios []listed `json:"scenarios"`
	}{Schema: "mapmedic.lab.list/1"}
	for _, name := range scenarioNames() {
		s := scenarios[name]
		list.Scenarios = append(list.Scenarios, listed{
			name, s.sentence, s.verdict, s.defaults.entries, s.defaults.rate, s.defaults.valueBytes,
		})
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(list)
}
