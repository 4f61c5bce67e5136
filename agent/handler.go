package agent

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

const (
	defaultHold    = 60 * time.Second
	defaultMaxHold = 10 * time.Minute
	longestMaxHold = 24 * time.Hour
	maxOperator    = 128
)

// Options configure a [Handler].
type Options struct {
	// Token is what a caller must present as "Authorization: Bearer TOKEN".
	// Without one every request is refused: an open agent is never an accident.
	Token string
	// Registry is whose maps are served; nil means the default registry.
	Registry *Registry
	// Logger gets a line for every action; nil means slog.Default().
	Logger *slog.Logger
	// MaxHold bounds hold_seconds; 0 means ten minutes, the most is a day.
	MaxHold time.Duration
}

// Handler serves the agent under /debug/mapmedic/ and /debug/hotfix/clear-cache.
// Mount it at both /debug/mapmedic/ and /debug/hotfix/.
func Handler(o Options) http.Handler {
	s := &server{reg: o.Registry, log: o.Logger, maxHold: o.MaxHold}
	if s.reg == nil {
		s.reg = defaultRegistry
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	if s.maxHold <= 0 {
		s.maxHold = defaultMaxHold
	}
	s.maxHold = max(time.Second, min(s.maxHold, longestMaxHold)).Truncate(time.Second)
	if o.Token != "" {
		s.token = digest(o.Token)
	}
	return s
}

type server struct {
	reg     *Registry
	log     *slog.Logger
	maxHold time.Duration
	token   []byte // SHA-256; nil when none is configured

	lastStranger atomic.Int64 // Unix second of the last log line about one
}

// ServeHTTP implements http.Handler. Whatever happens inside, the service's
// server sees a normal answer.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := s.admit(r); p != nil {
		if p.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Bearer realm="mapmedic"`)
			s.noteStranger(r)
		}
		writeProblem(w, p)
		return
	}
	defer allowTime(w)() // flushes, so it comes after the answer to a panic
	defer func() {
		if p := recover(); p != nil {
			audit(s.log, "request failed", "remote", r.RemoteAddr, "panic", panicType(p))
			writeProblem(w, internalProblem())
		}
	}()
	s.route(w, r)
}

// noteStranger logs a refused caller, but not faster than one a second:
// strangers must not be able to fill the disk.
func (s *server) noteStranger(r *http.Request) {
	now, last := time.Now().Unix(), s.lastStranger.Load()
	if now != last && s.lastStranger.CompareAndSwap(last, now) {
		audit(s.log, "request without a valid token", "remote", r.RemoteAddr)
	}
}

// admit says why a request must not come in, or nil.
func (s *server) admit(r *http.Request) *problem {
	if s.token == nil {
		return &problem{503, "no_token_configured", "the service mounted the agent without a token",
			"set Options.Token, for instance from an environment variable, and restart the service"}
	}
	given := r.Header.Values("Authorization")
	if len(given) == 1 && len(given[0]) > 7 && strings.EqualFold(given[0][:7], "Bearer ") {
		// Digests have one length, so the comparison tells nothing, not even that.
		if subtle.ConstantTimeCompare(digest(given[0][7:]), s.token) == 1 {
			return nil
		}
	}
	return &problem{401, "unauthorized", "the token is missing or wrong",
		"send the header Authorization: Bearer TOKEN with the token of the service"}
}

func digest(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func operator(r *http.Request) string {
	return clip(r.Header.Get("X-Mapmedic-Operator"), maxOperator)
}
