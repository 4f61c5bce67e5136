package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var structField = scenario{
	sentence: "every login puts a session into a struct's map behind an RWMutex, and no session is ever taken out",
	verdict:  "map_leak",
	defaults: load{entries: 100_000, rate: 2_000, valueBytes: 1_800},
	start: func(l load) service {
		mgr = NewUserSessionManager(l.valueBytes)
		return mgr
	},
}

const sessionsField = "main.UserSessionManager.sessions"

// mgr is a package variable, as such managers often are: the path to the map
// is main.mgr.sessions.
var mgr *UserSessionManager

// Session is what a login leaves behind, about 2 KiB with the default cart.
type Session struct {
	ID        string
	User      string
	TenantID  string
	CreatedAt time.Time
	LastSeen  time.Time
	ExpiresAt int64 // Unix seconds, as the exp of a JWT
	Cart      []byte
}

// UserSessionManager keeps sessions by their ID.
type UserSessionManager struct {
	mu        sync.RWMutex
	sessions  map[string]*Session
	serial    atomic.Uint64
	cartBytes int
}

// NewUserSessionManager returns a manager without sessions.
func NewUserSessionManager(cartBytes int) *UserSessionManager {
	return &UserSessionManager{sessions: make(map[string]*Session), cartBytes: cartBytes}
}

// Login opens a session for a user.
func (m *UserSessionManager) Login(user string) *Session {
	s := newSession(user, m.serial.Add(1), m.cartBytes)
	m.remember(s)
	return s
}

// Resume finds the session of an ID, nil when there is none (any more).
func (m *UserSessionManager) Resume(id string) *Session {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.sessions[id]
}

func (m *UserSessionManager) remember(s *Session) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sessions[s.ID] = inserting(s)
}

// newSession makes texts of 16 bytes and more: shorter ones would share
// blocks with strangers and have no size of their own to tell the truth about.
func newSession(user string, serial uint64, cartBytes int) *Session {
	now := time.Now()
	s := &Session{
		ID:        sessionID(serial),
		User:      fmt.Sprintf("user:%s@session-%06d", user, serial%1_000_000),
		TenantID:  fmt.Sprintf("tenant-%012d", serial%97),
		CreatedAt: now,
		LastSeen:  now,
		ExpiresAt: now.Add(time.Hour).Unix(),
		Cart:      make([]byte, cartBytes),
	}
	fillWith(s.Cart, serial)
	return s
}

func sessionID(serial uint64) string {
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:8], mix(serial))
	binary.BigEndian.PutUint64(raw[8:], serial)
	return hex.EncodeToString(raw[:])
}

func (m *UserSessionManager) add(n int) { m.Login(fmt.Sprintf("visitor-%d", n)) }

func (m *UserSessionManager) work(key string) any {
	opened := m.Login(key)
	s := m.Resume(opened.ID)
	resumed := s != nil
	if !resumed {
		s = opened // cleared between the two calls: the login still stands
	}
	return map[string]any{"session": s.ID, "user": s.User, "resumed": resumed, "cart": checksum(s.Cart)}
}

func (m *UserSessionManager) register() error {
	return agent.RegisterMap(sessionsField, &m.sessions, &m.mu)
}

func (m *UserSessionManager) holding() holding {
	m.mu.RLock()
	defer m.mu.RUnlock()
	h := holding{
		path: "main.mgr.sessions", declared: sessionsField,
		typ: reflect.TypeOf(m.sessions), size: mapsize.Map(m.sessions),
	}
	for _, s := range m.sessions {
		// The key is the same text as s.ID.
		h.valuesBytes += mapsize.New[Session]() + mapsize.Bytes(s.Cart) +
			mapsize.String(s.ID) + mapsize.String(s.User) + mapsize.String(s.TenantID)
	}
	return h
}
