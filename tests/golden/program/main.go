// The program whose pprof answers are the goldens: every shape of stack the parsers must know, a little of each.
package main

import (
	"fmt"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"syscall"
)

const entries = 20000

type session struct{ payload [64]byte }

type sessionStore struct {
	mu       sync.RWMutex
	sessions map[string]*session
}

// Put is a method that inserts: the leak.
//
//go:noinline
func (s *sessionStore) Put(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[key] = newSession()
}

// newSession is inlined into Put.
func newSession() *session { return &session{} }

// Cache is a generic that inserts.
type Cache[K comparable, V any] struct{ items map[K]V }

//go:noinline
func (c *Cache[K, V]) Put(key K, value V) { c.items[key] = value }

type journal struct{ lines []string }

//go:noinline
func (j *journal) append(line string) { j.lines = append(j.lines, line) }

// outer, middle and inner are inlined into each other, three frames for one call.
func outer(store map[int64]int64, n int64)  { middle(store, n) }
func middle(store map[int64]int64, n int64) { inner(store, n) }
func inner(store map[int64]int64, n int64)  { store[n] = n }

//go:noinline
func fillInlined(store map[int64]int64) {
	for n := int64(0); n < entries; n++ {
		outer(store, n)
	}
}

// tailPanic ends in a call that never returns, and allocates while it panics.
//
//go:noinline
func tailPanic() {
	defer keep()
	panic("as planned")
}

//go:noinline
func keep() {
	_ = recover()
	kept = append(kept, make([]byte, 16<<10))
}

type naïveÜberMap struct{ m map[int]string }

//go:noinline
func (n *naïveÜberMap) füllen() {
	for i := 0; i < 2000; i++ {
		n.m[i] = "ä"
	}
}

var (
	store    = &sessionStore{sessions: map[string]*session{}}
	cache    = &Cache[int64, [32]byte]{items: map[int64][32]byte{}}
	syncMap  sync.Map
	log      = &journal{}
	inlined  = map[int64]int64{}
	umlaut   = &naïveÜberMap{m: map[int]string{}}
	closures []func() int
	kept     [][]byte
)

//go:noinline
func fill() {
	for i := 0; i < entries; i++ {
		key := fmt.Sprintf("session-%08d", i)
		store.Put(key)
		cache.Put(int64(i), [32]byte{})
		if i%8 == 0 {
			syncMap.Store(key, i)
		}
		log.append(key)
	}
	fillInlined(inlined)
	umlaut.füllen()
	for i := 0; i < 100; i++ {
		tailPanic()
	}
	func() {
		kept := make([]int, 64<<10)
		closures = append(closures, func() int { return len(kept) })
	}()
}

//go:noinline
func worker(jobs <-chan int, started *sync.WaitGroup) {
	started.Done()
	<-jobs
}

func locked(mu *sync.Mutex, started *sync.WaitGroup) {
	runtime.LockOSThread()
	started.Done()
	mu.Lock()
}

func block() {
	var started sync.WaitGroup
	jobs := make(chan int)
	mu := &sync.Mutex{}
	mu.Lock()
	for i := 0; i < 12; i++ {
		started.Add(1)
		go worker(jobs, &started)
	}
	for i := 0; i < 3; i++ {
		started.Add(1)
		go locked(mu, &started)
	}
	started.Add(1)
	go func() {
		started.Done()
		select {}
	}()
	started.Wait()
}

// metrics prints a few of client_golang's names, with one of its own between them.
func metrics(w http.ResponseWriter, _ *http.Request) {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	fmt.Fprintf(w, "# HELP go_info Information about the Go environment.\n# TYPE go_info gauge\ngo_info{version=%q} 1\n", runtime.Version())
	fmt.Fprintf(w, "# TYPE go_gc_duration_seconds summary\n")
	for _, quantile := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		fmt.Fprintf(w, "go_gc_duration_seconds{quantile=%q} %g\n", quantile, float64(stats.PauseNs[0])/1e9)
	}
	fmt.Fprintf(w, "go_gc_duration_seconds_sum %g\ngo_gc_duration_seconds_count %d\n", float64(stats.PauseTotalNs)/1e9, stats.NumGC)
	fmt.Fprintf(w, "# TYPE sessions_total counter\nsessions_total{tenant=\"a \\\"b\\\"\"} %d\n", entries)
	for name, value := range map[string]uint64{"alloc": stats.HeapAlloc, "sys": stats.HeapSys, "idle": stats.HeapIdle, "inuse": stats.HeapInuse, "released": stats.HeapReleased} {
		fmt.Fprintf(w, "# TYPE go_memstats_heap_%s_bytes gauge\ngo_memstats_heap_%s_bytes %g\n", name, name, float64(value))
	}
	fmt.Fprintf(w, "# TYPE go_goroutines gauge\ngo_goroutines %d\n", runtime.NumGoroutine())
	fmt.Fprintf(w, "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %g\n", float64(residentBytes()))
}

func residentBytes() (bytes int) {
	statm, _ := os.ReadFile("/proc/self/statm")
	var size, resident int
	_, _ = fmt.Sscan(string(statm), &size, &resident)
	return resident * os.Getpagesize()
}

func main() {
	runtime.MemProfileRate = 4096
	fill()
	block()
	runtime.GC()
	runtime.GC()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	http.HandleFunc("/metrics", metrics)
	go func() { _ = http.Serve(listener, nil) }()
	fmt.Printf("READY %d http://%s %s\n", os.Getpid(), listener.Addr(), runtime.Version())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, os.Interrupt)
	<-stop
	runtime.KeepAlive(closures)
}
