package agent

import (
	"os"
	"runtime"
	"testing"
)

func TestStats(t *testing.T) {
	runtime.GC()
	_, stats := serve(t, NewRegistry()).do("GET", "/debug/mapmedic/v1/stats", "")
	if stats["schema"] != statsSchema || stats["pid"] != float64(os.Getpid()) || stats["go_version"] != runtime.Version() {
		t.Errorf("%v", stats)
	}
	for _, name := range []string{"uptime_seconds", "goroutines", "heap_alloc_bytes", "heap_inuse_bytes", "heap_objects",
		"sys_bytes", "num_gc", "last_gc_unix_ns", "pause_total_ns", "gc_pause_p99_ns"} {
		if n, ok := stats[name].(float64); !ok || n <= 0 {
			t.Errorf("%s is %v", name, stats[name])
		}
	}
	if rss, ok := stats["rss_bytes"].(float64); runtime.GOOS == "linux" && (!ok || rss < 1<<20) {
		t.Errorf("rss_bytes is %v", stats["rss_bytes"])
	}
}

func TestPauseP99IsANearestRank(t *testing.T) {
	cases := []struct {
		pauses int
		want   uint64
	}{{0, 0}, {1, 1}, {99, 99}, {100, 99}, {101, 100}, {256, 254}, {1000, 254}}
	for _, c := range cases {
		m := runtime.MemStats{NumGC: uint32(c.pauses)}
		for i := range m.PauseNs {
			m.PauseNs[i] = uint64(i + 1)
		}
		if got := pauseP99(&m); got != c.want {
			t.Errorf("%d pauses: %d, want %d", c.pauses, got, c.want)
		}
	}
}
