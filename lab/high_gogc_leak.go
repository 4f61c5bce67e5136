package main

import (
	"fmt"
	"reflect"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var highGOGCLeak = scenario{
	sentence: "every job's result stays in a map for ever, on a service with GOGC=1000 that is hardly ever collected",
	// Between two collections the heap profile stands still and most of what
	// grows is garbage. After each, the map is larger: a leak all the same.
	verdict:  "map_leak",
	defaults: load{entries: 60_000, rate: 2_000, valueBytes: 1_000},
	start: func(l load) service {
		debug.SetGCPercent(rarelyCollect)
		jobs = &jobBoard{results: make(map[string]*JobResult), outputBytes: l.valueBytes}
		return jobs
	},
}

const resultsField = "main.jobBoard.results"

var jobs *jobBoard

// JobResult is what a job leaves behind.
type JobResult struct {
	ID     string
	Output []byte
}

type jobBoard struct {
	mu          sync.RWMutex
	results     map[string]*JobResult
	serial      atomic.Uint64
	outputBytes int
}

// Run does a job and keeps its result.
func (b *jobBoard) Run(job string) *JobResult {
	r := doJob(job, b.serial.Add(1), b.outputBytes)
	b.keep(r)
	return r
}

// doJob leaves as much garbage as it returns.
func doJob(job string, serial uint64, outputBytes int) *JobResult {
	draft := make([]byte, outputBytes)
	fillWith(draft, serial)
	return &JobResult{ID: fmt.Sprintf("job-%012d/%s", serial, job), Output: append([]byte(nil), draft...)}
}

func (b *jobBoard) keep(r *JobResult) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.results[r.ID] = inserting(r)
}

func (b *jobBoard) result(id string) *JobResult {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.results[id]
}

func (b *jobBoard) add(n int) { b.Run(fmt.Sprintf("task-%d", n)) }

func (b *jobBoard) work(key string) any {
	done := b.Run(key)
	r := b.result(done.ID)
	kept := r != nil
	if !kept {
		r = done
	}
	return map[string]any{"job": r.ID, "kept": kept, "output": checksum(r.Output)}
}

func (b *jobBoard) register() error {
	return agent.RegisterMap(resultsField, &b.results, &b.mu)
}

func (b *jobBoard) holding() holding {
	b.mu.RLock()
	defer b.mu.RUnlock()
	percent := rarelyCollect
	h := holding{
		path: "main.jobs.results", declared: resultsField,
		typ: reflect.TypeOf(b.results), size: mapsize.Map(b.results),
		facts: facts{GCPercent: &percent},
	}
	for _, r := range b.results {
		// The key is the same text as r.ID.
		h.valuesBytes += mapsize.New[JobResult]() + mapsize.String(r.ID) + mapsize.Bytes(r.Output)
	}
	return h
}
