// A service with C in it: memory of malloc's, a thread that Go knows nothing of, and a map that C's memory lies
// beside. Prints READY and its pid, ends with its standard input.
package main

/*
#cgo LDFLAGS: -lpthread
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *blocks[1000];

static void *idle(void *unused) {
	(void)unused;
	for (;;) pause();
}

static int start(void) {
	pthread_t thread;
	for (int i = 0; i < 1000; i++) {
		blocks[i] = malloc(10000);
		memset(blocks[i], 0xc0, 10000);
	}
	return pthread_create(&thread, NULL, idle, NULL);
}
*/
import "C"

import (
	"fmt"
	"io"
	"os"
	"runtime"
)

// Order is what the map leads to.
type Order struct {
	Number int
	Lines  []string
}

var orders = map[string]*Order{}

func main() {
	if C.start() != 0 {
		os.Exit(1)
	}
	for i := 0; i < 5000; i++ {
		orders[fmt.Sprint("order-", i)] = &Order{Number: i, Lines: make([]string, 4)}
	}
	runtime.GC()
	fmt.Println("READY", os.Getpid(), len(orders))
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(orders)
}
