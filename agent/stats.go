package agent

import (
	"os"
	"runtime"
	"sort"
	"time"
)

// processStarted is close enough to the start of the process: packages are
// initialised before main runs.
var processStarted = time.Now()

const statsSchema = "mapmedic.agent.stats/1"

// statsView is the answer to GET /stats, and memory_before and memory_after.
type statsView struct {
	Schema            string  `json:"schema"`
	PID               int     `json:"pid"`
	GoVersion         string  `json:"go_version"`
	AgentVersion      string  `json:"agent_version"`
	UptimeSeconds     float64 `json:"uptime_seconds"`
	TakenAt           string  `json:"taken_at"`
	Goroutines        int     `json:"goroutines"`
	RSSBytes          *uint64 `json:"rss_bytes"`
	HeapAllocBytes    uint64  `json:"heap_alloc_bytes"`
	HeapInuseBytes    uint64  `json:"heap_inuse_bytes"`
	HeapIdleBytes     uint64  `json:"heap_idle_bytes"`
	HeapReleasedBytes uint64  `json:"heap_released_bytes"`
	HeapObjects       uint64  `json:"heap_objects"`
	SysBytes          uint64  `json:"sys_bytes"`
	NumGC             uint32  `json:"num_gc"`
	LastGCUnixNs      uint64  `json:"last_gc_unix_ns"`
	PauseTotalNs      uint64  `json:"pause_total_ns"`
	GCPauseP99Ns      uint64  `json:"gc_pause_p99_ns"`
}

func takeStats() statsView {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	now := time.Now()
	return statsView{
		Schema:            statsSchema,
		PID:               os.Getpid(),
		GoVersion:         runtime.Version(),
		AgentVersion:      Version,
		UptimeSeconds:     now.Sub(processStarted).Seconds(),
		TakenAt:           stamp(now),
		Goroutines:        runtime.NumGoroutine(),
		RSSBytes:          residentBytes(),
		HeapAllocBytes:    m.HeapAlloc,
		HeapInuseBytes:    m.HeapInuse,
		HeapIdleBytes:     m.HeapIdle,
		HeapReleasedBytes: m.HeapReleased,
		HeapObjects:       m.HeapObjects,
		SysBytes:          m.Sys,
		NumGC:             m.NumGC,
		LastGCUnixNs:      m.LastGC,
		PauseTotalNs:      m.PauseTotalNs,
		GCPauseP99Ns:      pauseP99(&m),
	}
}

// pauseP99 is the nearest-rank 99th percentile of the pauses that the runtime
// still remembers: the last 256.
func pauseP99(m *runtime.MemStats) uint64 {
	n := int(min32(m.NumGC, uint32(len(m.PauseNs))))
	if n == 0 {
		return 0
	}
	pauses := append([]uint64(nil), m.PauseNs[:n]...)
	sort.Slice(pauses, func(i, j int) bool { return pauses[i] < pauses[j] })
	return pauses[(n*99+99)/100-1]
}

func min32(a, b uint32) uint32 {
	if a < b {
		return a
	}
	return b
}

// stamp writes a time the way every answer does.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
