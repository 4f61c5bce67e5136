// The program whose other profiles are goldens: contended locks, blocked channels, labels, CPU, and a log with a
// gctrace between its lines.
package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	_ "net/http/pprof"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"
)

var (
	mu   sync.Mutex
	held [][]byte
)

//go:noinline
func contend() {
	mu.Lock()
	defer mu.Unlock()
	spin(50 * time.Microsecond)
}

//go:noinline
func spin(long time.Duration) {
	for end := time.Now().Add(long); time.Now().Before(end); {
	}
}

//go:noinline
func hold(size int) { held = append(held, make([]byte, size)) }

func tenant(name string) {
	pprof.Do(context.Background(), pprof.Labels("tenant", name, "a \"b\"", "c\nd"), func(context.Context) {
		for {
			contend()
			time.Sleep(200 * time.Microsecond)
		}
	})
}

func main() {
	runtime.SetMutexProfileFraction(1)
	runtime.SetBlockProfileRate(1)
	runtime.MemProfileRate = 16 << 10
	debug.SetGCPercent(20)
	for i := 0; i < 24; i++ {
		hold(1 << 20)
		log.Printf("holding %d MiB", i+1)
	}
	for i := 0; i < 4; i++ {
		go tenant(fmt.Sprintf("tenant-%d", i))
	}
	runtime.GC()
	debug.FreeOSMemory()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go func() { _ = http.Serve(listener, nil) }()
	fmt.Printf("READY %d http://%s %s\n", os.Getpid(), listener.Addr(), runtime.Version())
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM)
	<-stop
	runtime.KeepAlive(held)
}
