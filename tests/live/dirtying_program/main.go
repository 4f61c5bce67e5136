// Dirtying writes to every page of 144 MiB, over and over. To each line on its standard input it answers with how
// often it has been through.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sync/atomic"
)

const (
	heapBytes = 144 << 20
	pageBytes = 4096
)

var rounds atomic.Int64

func main() {
	go write(make([]byte, heapBytes))
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(rounds.Load())
	}
}

func write(heap []byte) {
	for ; ; rounds.Add(1) {
		for at := 0; at < len(heap); at += pageBytes {
			heap[at]++
		}
	}
}
