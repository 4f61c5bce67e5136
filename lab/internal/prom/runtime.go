package prom

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"time"
)

func goFamilies() []family {
	threads, _ := runtime.ThreadCreateProfile(nil)
	info := gauge("go_info", "Information about the Go environment.", 1)
	info.samples[0].labels = fmt.Sprintf("{version=%q}", runtime.Version())
	families := []family{
		info,
		gauge("go_goroutines", "Number of goroutines that currently exist.", float64(runtime.NumGoroutine())),
		gauge("go_threads", "Number of OS threads created.", float64(threads)),
	}
	families = append(families, pauses()...)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return append(append(families, heapFamilies(&m)...), systemFamilies(&m)...)
}

func pauses() []family {
	stats := debug.GCStats{PauseQuantiles: make([]time.Duration, 5)}
	debug.ReadGCStats(&stats)
	summary := family{
		name: "go_gc_duration_seconds", kind: "summary",
		help: "A summary of the wall-time pause (stop-the-world) duration in garbage collection cycles.",
	}
	for i, quantile := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		summary.samples = append(summary.samples,
			sample{labels: fmt.Sprintf("{quantile=%q}", quantile), value: stats.PauseQuantiles[i].Seconds()})
	}
	summary.samples = append(summary.samples,
		sample{suffix: "_sum", value: stats.PauseTotal.Seconds()},
		sample{suffix: "_count", value: float64(stats.NumGC)})
	last := gauge("go_memstats_last_gc_time_seconds", "Number of seconds since 1970 of last garbage collection.",
		float64(stats.LastGC.UnixNano())/1e9)
	return []family{summary, last}
}

func heapFamilies(m *runtime.MemStats) []family {
	gauge := memGauge
	return []family{
		gauge("alloc_bytes", "Number of bytes allocated in heap and currently in use.", m.Alloc),
		counter("go_memstats_alloc_bytes_total", "Total number of bytes allocated in heap until now, even if released already.", float64(m.TotalAlloc)),
		counter("go_memstats_mallocs_total", "Total number of heap objects allocated, both live and gc-ed.", float64(m.Mallocs)),
		counter("go_memstats_frees_total", "Total number of heap objects frees.", float64(m.Frees)),
		gauge("heap_alloc_bytes", "Number of heap bytes allocated and currently in use, same as go_memstats_alloc_bytes.", m.HeapAlloc),
		gauge("heap_sys_bytes", "Number of heap bytes obtained from system.", m.HeapSys),
		gauge("heap_idle_bytes", "Number of heap bytes waiting to be used.", m.HeapIdle),
		gauge("heap_inuse_bytes", "Number of heap bytes that are in use.", m.HeapInuse),
		gauge("heap_released_bytes", "Number of heap bytes released to OS.", m.HeapReleased),
		gauge("heap_objects", "Number of currently allocated objects.", m.HeapObjects),
		gauge("next_gc_bytes", "Number of heap bytes when next garbage collection will take place.", m.NextGC),
	}
}

func systemFamilies(m *runtime.MemStats) []family {
	gauge := memGauge
	return []family{
		gauge("sys_bytes", "Number of bytes obtained from system.", m.Sys),
		gauge("stack_inuse_bytes", "Number of bytes in use by the stack allocator.", m.StackInuse),
		gauge("stack_sys_bytes", "Number of bytes obtained from system for stack allocator.", m.StackSys),
		gauge("mspan_inuse_bytes", "Number of bytes in use by mspan structures.", m.MSpanInuse),
		gauge("mspan_sys_bytes", "Number of bytes used for mspan structures obtained from system.", m.MSpanSys),
		gauge("mcache_inuse_bytes", "Number of bytes in use by mcache structures.", m.MCacheInuse),
		gauge("mcache_sys_bytes", "Number of bytes used for mcache structures obtained from system.", m.MCacheSys),
		gauge("buck_hash_sys_bytes", "Number of bytes used by the profiling bucket hash table.", m.BuckHashSys),
		gauge("gc_sys_bytes", "Number of bytes used for garbage collection system metadata.", m.GCSys),
		gauge("other_sys_bytes", "Number of bytes used for other system allocations.", m.OtherSys),
	}
}

func memGauge(name, help string, value uint64) family {
	return gauge("go_memstats_"+name, help, float64(value))
}
