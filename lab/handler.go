package main

import (
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"os"
	"unicode"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/prom"
)

const maxKeyBytes = 256

// patient is a service with a map that the agent may mend.
type patient interface {
	// register names the map to the agent as it is declared in the source.
	register() error
}

func newHandler(name string, svc service) (http.Handler, error) {
	mux := http.NewServeMux()
	if p, ok := svc.(patient); ok {
		if err := p.register(); err != nil {
			return nil, err
		}
	}
	// Without a token the agent answers nobody.
	medic := agent.Handler(agent.Options{Token: os.Getenv("MAPMEDIC_TOKEN")})
	mux.Handle("/debug/mapmedic/", medic)
	mux.Handle("/debug/hotfix/", medic)
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("/metrics", prom.Serve)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/api/work", func(w http.ResponseWriter, r *http.Request) {
		handleWork(w, r, svc)
	})
	mux.HandleFunc("/lab/truth", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, tellTruth(name, svc))
	})
	return mux, nil
}

func handleWork(w http.ResponseWriter, r *http.Request, svc service) {
	key := r.URL.Query().Get("key")
	if complaint := complaintAbout(key); complaint != "" {
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": complaint})
		return
	}
	writeJSON(w, http.StatusOK, svc.work(key))
}

func complaintAbout(key string) string {
	if key == "" {
		return "key is missing: /api/work?key=NAME"
	}
	if len(key) > maxKeyBytes {
		return "key is longer than 256 bytes"
	}
	for _, r := range key {
		if r == unicode.ReplacementChar || unicode.IsControl(r) {
			return "key is not printable UTF-8"
		}
	}
	return ""
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
