// Command bare is a service as most are: a leaking map, its users' traffic, and
// nothing else. No agent and no net/http/pprof are linked into it, so whoever
// mends it has to come from outside.
package main

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

const (
	cartBytes = 1_800
	tick      = 10 * time.Millisecond
)

// Session is what a login leaves behind, about 2 KiB.
type Session struct {
	ID       string
	User     string
	LastSeen time.Time
	Cart     []byte
}

// SessionManager keeps sessions by their ID, and takes none out.
type SessionManager struct {
	mu       sync.RWMutex
	sessions map[string]*Session
	serial   uint64
}

// mgr is a package variable, as such managers often are.
var mgr *SessionManager

// NewSessionManager returns a manager without sessions.
func NewSessionManager() *SessionManager {
	return &SessionManager{sessions: make(map[string]*Session)}
}

// Login opens a session for a user.
func (m *SessionManager) Login(user string) *Session {
	cart := make([]byte, cartBytes)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.serial++
	binary.BigEndian.PutUint64(cart, m.serial)
	s := &Session{ID: sessionID(m.serial), User: user, LastSeen: time.Now(), Cart: cart}
	m.sessions[s.ID] = s
	return s
}

// Resume finds the session of an ID, nil when there is none (any more).
func (m *SessionManager) Resume(id string) *Session {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.sessions[id]
}

func sessionID(serial uint64) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], serial*0x9e3779b97f4a7c15)
	binary.BigEndian.PutUint64(raw[8:], serial)
	return hex.EncodeToString(raw[:])
}

func main() {
	entries := flag.Int("entries", 60_000, "sessions present at READY")
	rate := flag.Int("rate", 4_000, "sessions added per second from READY on")
	withStdin := flag.Bool("exit-with-stdin", false, "end when standard input closes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if *withStdin {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop()
		}()
	}
	mgr = NewSessionManager()
	for i := 0; i < *entries; i++ {
		mgr.Login(fmt.Sprintf("visitor-%d", i))
	}
	if err := serve(ctx, *rate); err != nil {
		log.Fatal(err)
	}
}

func serve(ctx context.Context, rate int) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	go visit(ctx, rate)
	fmt.Printf("READY %d http://%s\n", os.Getpid(), listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// visit is the background traffic: rate logins a second.
func visit(ctx context.Context, rate int) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	began, done := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			for wanted := int(time.Since(began).Seconds() * float64(rate)); done < wanted; done++ {
				mgr.Login(fmt.Sprintf("visitor-%d", done))
			}
		}
	}
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/api/work", func(w http.ResponseWriter, r *http.Request) {
		opened := mgr.Login(r.URL.Query().Get("key"))
		resumed := mgr.Resume(opened.ID) != nil // not when it was cleared between the two
		sum := crc32.ChecksumIEEE(opened.Cart)
		answer(w, map[string]any{"session": opened.ID, "resumed": resumed, "cart": sum})
	})
	return mux
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}
