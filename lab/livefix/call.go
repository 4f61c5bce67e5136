package main

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// What an operator may have called in this program, in place of a way from
// outside. All of them are asked for over HTTP too, so that the linker keeps
// them.

var (
	parkingMu sync.Mutex
	parking   = map[string][]byte{}
)

// parkingLot fills a map that nobody but hotfixClear takes from.
func parkingLot(entries, size int) {
	parkingMu.Lock()
	defer parkingMu.Unlock()
	for i := range make([]struct{}, entries) {
		parking[fmt.Sprintf("car-%08d", i)] = bytes.Repeat([]byte{1}, size)
	}
}

//go:noinline
func hotfixClear() {
	parkingMu.Lock()
	defer parkingMu.Unlock()
	for key := range parking {
		delete(parking, key)
	}
	parking = map[string][]byte{}
}

//go:noinline
func hotfixPanic() {
	parkingMu.Lock()
	defer parkingMu.Unlock()
	panic("the hotfix went wrong")
}

//go:noinline
func hotfixSlow() {
	time.Sleep(3 * time.Second)
	hotfixClear()
}

//go:noinline
func hotfixSome(most int) {
	parkingMu.Lock()
	defer parkingMu.Unlock()
	for key := range parking {
		if most--; most < 0 {
			return
		}
		delete(parking, key)
	}
}

// parked fills the lot (POST), calls what is asked for, and tells how many are in it.
func parked(r *http.Request) any {
	switch r.URL.Query().Get("call") {
	case "fill":
		parkingLot(20_000, 1000)
	case "clear":
		hotfixClear()
	case "panic":
		hotfixPanic()
	case "slow":
		hotfixSlow()
	case "some":
		hotfixSome(1)
	}
	parkingMu.Lock()
	defer parkingMu.Unlock()
	return map[string]int{"parked": len(parking)}
}
