package main

import (
	"encoding/json"
	"net/http"
	"os"
	"runtime"
	"sort"
)

// bench is everything that is under way, by name.
type bench map[string]target

func (b bench) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/livefix/truth", answer(http.MethodGet, b.truth))
	mux.HandleFunc("/livefix/stats", answer(http.MethodGet, b.stats))
	mux.HandleFunc("/livefix/begin", answer(http.MethodPost, mark))
	mux.HandleFunc("/livefix/end", answer(http.MethodPost, mark))
	mux.HandleFunc("/livefix/refill", answer(http.MethodPost, b.each(func(t target) any { t.refill(); return t.figures() })))
	mux.HandleFunc("/livefix/exercise", answer(http.MethodPost, b.each(func(t target) any { return t.exercise() })))
	mux.HandleFunc("/livefix/recipe", answer(http.MethodPost, b.each(func(t target) any { t.recipe(); return t.figures() })))
	mux.HandleFunc("/livefix/parked", answer(http.MethodPost, parked))
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	return mux
}

type problem struct {
	Error string `json:"error"`
	code  int
}

func answer(method string, ask func(*http.Request) any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var told any = problem{"ask with " + method, http.StatusMethodNotAllowed}
		if r.Method == method {
			told = ask(r)
		}
		w.Header().Set("Content-Type", "application/json")
		if p, ok := told.(problem); ok {
			w.WriteHeader(p.code)
		}
		_ = json.NewEncoder(w).Encode(told)
	}
}

type truth struct {
	Schema    string                 `json:"schema"`
	PID       int                    `json:"pid"`
	GoVersion string                 `json:"go_version"`
	Kinds     map[string]targetTruth `json:"kinds"`
}

func (b bench) truth(*http.Request) any {
	told := truth{"mapmedic.lab.livefix.truth/1", os.Getpid(), runtime.Version(), map[string]targetTruth{}}
	for name, t := range b {
		told.Kinds[name] = t.truth()
	}
	return told
}

type stats struct {
	Schema     string             `json:"schema"`
	Generation uint64             `json:"generation"`
	LongestGap int64              `json:"longest_gap_ns"`
	Collected  uint32             `json:"num_gc"`
	Faults     faultCounts        `json:"faults"`
	Kinds      map[string]figures `json:"kinds"`
}

func (b bench) stats(*http.Request) any {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	told := stats{
		"mapmedic.lab.livefix.stats/1", generation.Load(), longestGap.Load(), memory.NumGC, countFaults(), map[string]figures{},
	}
	for name, t := range b {
		told.Kinds[name] = t.figures()
	}
	return told
}

type marked struct {
	Generation uint64 `json:"generation"`
	LongestGap int64  `json:"longest_gap_ns"`
}

// mark begins or ends a fix, and tells the longest gap since the last mark.
func mark(r *http.Request) any {
	begins := r.URL.Path == "/livefix/begin"
	now := generation.Load()
	if begins == isFix(now) || !generation.CompareAndSwap(now, now+1) {
		return problem{"begin and end take turns", http.StatusConflict}
	}
	return marked{now + 1, takeGap()}
}

// each asks the kind named in the request, or all.
func (b bench) each(ask func(target) any) func(*http.Request) any {
	return func(r *http.Request) any {
		name := r.URL.Query().Get("kind")
		if _, ok := b[name]; name != "" && !ok {
			return problem{"there is no such kind", http.StatusNotFound}
		}
		told := map[string]any{}
		for _, each := range b.names() {
			if name == "" || each == name {
				told[each] = ask(b[each])
			}
		}
		return told
	}
}

func (b bench) names() []string {
	names := make([]string, 0, len(b))
	for name := range b {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}
