// Command flow_table is a service with one large map of connections, and a
// clock inside that tells for how long it stood still: every millisecond a
// goroutine notes the time, and the longest time between two notes is served.
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync/atomic"
	"time"
)

// tuple names a connection.
type tuple struct {
	source, destination [4]byte
	sourcePort, port    uint16
	protocol            uint32
}

// flow is what is known of a connection.
type flow struct {
	packets, bytes uint64
	first, last    time.Time
	state          string
	payload        []byte
}

const payloadBytes = 64

// table is what the tools are to name as the owner.
var table map[tuple]*flow

// longest is the longest stall in ns since it was last asked for.
var longest atomic.Int64

func main() {
	flags := flag.NewFlagSet("flow_table", flag.ExitOnError)
	entries := flags.Int("entries", 100_000, "connections in the table")
	flags.Bool("exit-with-stdin", true, "it always ends when standard input closes")
	_ = flags.Parse(os.Args[2:]) // the first word is a scenario's name, as of the lab

	fill(*entries)
	runtime.GC()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go watch()
	http.HandleFunc("/stall", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, longest.Swap(0))
	})
	http.HandleFunc("/memstats", func(w http.ResponseWriter, _ *http.Request) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Fprintln(w, m.HeapAlloc, m.HeapObjects)
	})
	go func() { log.Fatal(http.Serve(listener, nil)) }()
	fmt.Printf("READY %d http://%s\n", os.Getpid(), listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func fill(entries int) {
	table = make(map[tuple]*flow)
	began := time.Now()
	for n := 0; n < entries; n++ {
		var key tuple
		binary.LittleEndian.PutUint32(key.source[:], uint32(n))
		key.port, key.protocol = uint16(n%1000), 6
		payload := make([]byte, payloadBytes)
		binary.LittleEndian.PutUint64(payload, uint64(n))
		table[key] = &flow{packets: uint64(n), first: began, last: began, state: "established", payload: payload}
	}
}

func watch() {
	ticker := time.NewTicker(time.Millisecond)
	last := time.Now()
	for range ticker.C {
		now := time.Now()
		if stood := int64(now.Sub(last)); stood > longest.Load() {
			longest.Store(stood)
		}
		last = now
	}
}
