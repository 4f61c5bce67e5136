// Command large holds much in all sorts of things that are no map.
package main

import (
	"bytes"
	"container/list"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
)

// few pointers are as many as Go 1.22 and 1.23 describe by a mask; more, by a program for one.
const many, few = 50_000, 16_000

type record struct {
	body [64]byte
	self *record
}

var (
	queue   = list.New()
	pool    sync.Pool
	text    string
	buffer  bytes.Buffer
	builder strings.Builder
	array   *[few]*record
	outbox  = make(chan *record, many)
	texts   []string
)

func main() {
	array = new([few]*record)
	for i := range array {
		array[i] = &record{}
	}
	for i := 0; i < many; i++ {
		queue.PushBack(&record{})
		outbox <- &record{}
		texts = append(texts, fmt.Sprint("text number ", i))
	}
	for i := 0; i < 64; i++ {
		pool.Put(bytes.NewBuffer(make([]byte, 1<<16)))
	}
	text = strings.Repeat("x", 3<<20)
	buffer.Write(make([]byte, 3<<20))
	builder.WriteString(strings.Repeat("y", 3<<20))
	fmt.Println("READY")
	os.Stdin.Read(make([]byte, 1))
	runtime.KeepAlive([]any{queue, &pool, text, &buffer, &builder, array, outbox, texts})
}
