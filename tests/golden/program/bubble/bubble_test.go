//go:build go1.25

// A test whose bubble ends in a deadlock: how Go prints goroutines of testing/synctest.
package bubble

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeadlock(t *testing.T) {
	synctest.Test(t, func(*testing.T) {
		var mu sync.Mutex
		mu.Lock()
		go func() { <-make(chan int) }()
		go func() { time.Sleep(time.Hour); select {} }()
		var group sync.WaitGroup
		group.Add(1)
		group.Wait()
	})
}
