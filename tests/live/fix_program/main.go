// Command fix is a service whose maps are emptied from outside. It does what a
// line of its stdin says and answers with a line; it ends with its stdin.
package main

import (
	"bufio"
	"fmt"
	"os"
	"sync"
	"time"
)

// Session is what a session holds.
type Session struct {
	user    string
	payload [512]byte
}

// Manager guards its maps by a lock of its own.
type Manager struct {
	mu       sync.RWMutex
	sessions map[string]*Session
	never    map[string]int
	empty    map[int]string
}

// Shop is there twice.
type Shop struct {
	mu     sync.Mutex
	orders map[int]string
}

var (
	mgr   *Manager
	left  = &Shop{orders: map[int]string{}}
	right = &Shop{orders: map[int]string{}}

	// Only ever read: nobody locks.
	bare   map[string]int
	bareMu sync.Mutex

	nobody map[string]int

	guarded sync.Map

	walking = make(chan bool)
)

func fill(count int) {
	for i := 0; i < count; i++ {
		mgr.mu.Lock()
		mgr.sessions[fmt.Sprintf("tenant-%d:%d", i%7, i)] = &Session{user: fmt.Sprint(i)}
		mgr.mu.Unlock()
	}
}

// exercise says what is wrong with a map that may just have been emptied.
func exercise() string {
	mgr.mu.Lock()
	defer mgr.mu.Unlock()
	before := len(mgr.sessions)
	for i := 0; i < 1000; i++ {
		mgr.sessions[fmt.Sprint("new-", i)] = &Session{user: "new"}
	}
	seen := 0
	for key, session := range mgr.sessions {
		if session == nil || mgr.sessions[key] != session {
			return "an entry is not what it was"
		}
		seen++
	}
	for i := 0; i < 1000; i++ {
		delete(mgr.sessions, fmt.Sprint("new-", i))
	}
	if seen != before+1000 || len(mgr.sessions) != before {
		return fmt.Sprintf("%d seen, %d before, %d now", seen, before, len(mgr.sessions))
	}
	return "sound"
}

// walk keeps an iterator of the map while nobody holds the lock.
func walk() {
	for range mgr.sessions {
		walking <- true
		<-walking
	}
	walking <- false
}

//go:noinline
func lookUp(name string) int { return bare[name] + nobody[name] + mgr.never[name] }

func do(what string) string {
	switch what {
	case "count":
		mgr.mu.RLock()
		defer mgr.mu.RUnlock()
		return fmt.Sprint(len(mgr.sessions), len(bare))
	case "exercise":
		return exercise()
	case "replace":
		mgr.mu.Lock()
		defer mgr.mu.Unlock()
		fresh := make(map[string]*Session, len(mgr.sessions))
		for key, session := range mgr.sessions {
			fresh[key] = session
		}
		mgr.sessions = fresh
	case "hold":
		mgr.mu.Lock()
	case "release":
		mgr.mu.Unlock()
	case "walk":
		go walk()
		<-walking
	default:
		return fmt.Sprint("unknown ", lookUp(what))
	}
	return "done"
}

func main() {
	mgr = &Manager{sessions: map[string]*Session{}, empty: map[int]string{}}
	bare = map[string]int{}
	for i := 0; i < 100; i++ {
		bare[fmt.Sprint(i)] = i
		left.orders[i], right.orders[i] = "l", "r"
		guarded.Store(i, i)
	}
	fill(60_000)
	// In a program in which nothing happens nothing is collected for a minute.
	go func() {
		for range time.Tick(10 * time.Millisecond) {
		}
	}()
	fmt.Println("READY", os.Getpid())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fmt.Println(do(lines.Text()))
	}
	fmt.Fprintln(os.Stderr, len(mgr.empty), bareMu.TryLock())
}
