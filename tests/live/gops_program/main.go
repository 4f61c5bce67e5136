// Command gops_program leaks into a map and listens with a real gops agent; it prints READY and the agent's port.
package main

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/gops/agent"
)

var leak = map[string][]byte{}

func fill() {
	for i := 0; i < 20_000; i++ {
		leak[fmt.Sprint("key", i)] = make([]byte, 512)
	}
}

func main() {
	folder := os.Args[1]
	if err := agent.Listen(agent.Options{ConfigDir: folder}); err != nil {
		log.Fatal(err)
	}
	fill()
	port, err := os.ReadFile(filepath.Join(folder, fmt.Sprint(os.Getpid())))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("READY", strings.TrimSpace(string(port)))
	for range time.Tick(100 * time.Millisecond) {
		leak[fmt.Sprint("later", len(leak))] = make([]byte, 512)
	}
}
