package agent_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"

	"github.com/mapmedic/mapmedic/agent"
)

// A service names its map and mounts the handler; an operator empties the map
// while the service runs.
func Example() {
	var mu sync.RWMutex
	sessions := map[string]int{"ada": 1, "bob": 2}

	registry := agent.NewRegistry()
	if err := agent.RegisterMapIn(registry, "sessions", &sessions, &mu); err != nil {
		fmt.Println(err)
		return
	}
	medic := agent.Handler(agent.Options{Token: "secret", Registry: registry})
	mux := http.NewServeMux()
	mux.Handle("/debug/mapmedic/", medic)
	mux.Handle("/debug/hotfix/", medic)

	call := httptest.NewRequest("POST", "/debug/hotfix/clear-cache", strings.NewReader(`{"map":"sessions"}`))
	call.Header.Set("Authorization", "Bearer secret")
	call.Header.Set("Content-Type", "application/json")
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, call)

	mu.RLock()
	fmt.Println(answer.Code, len(sessions))
	mu.RUnlock()
	// Output: 200 0
}
