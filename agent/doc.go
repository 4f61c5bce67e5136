// Package agent lets mapmedic see and mend the maps of a running Go service.
//
// A service names its maps once, at start, and mounts one handler:
//
//	var (
//		mu       sync.RWMutex
//		sessions = map[string]*Session{}
//	)
//
//	func main() {
//		agent.RegisterMap("sessions", &sessions, &mu)
//		medic := agent.Handler(agent.Options{Token: os.Getenv("MAPMEDIC_TOKEN")})
//		http.Handle("/debug/mapmedic/", medic)
//		http.Handle("/debug/hotfix/", medic)
//		http.ListenAndServe("127.0.0.1:6060", nil)
//	}
//
// RegisterFields does the same for every map of a struct, with the lock beside it:
//
//	type Manager struct {
//		mu       sync.RWMutex
//		sessions map[string]*Session
//	}
//	agent.RegisterFields(manager) // as "main.Manager.sessions"
//
// Until an operator calls, the agent costs one small record per map: no
// goroutine, no timer, no hook in the map.
//
// # What an operation does
//
// Swap takes the map out under its own lock and leaves an empty one: a pointer
// write, whatever the size. The old map is held until the operator commits
// (it is dropped and its memory goes back to the operating system) or undoes
// (its entries return; a key written since then keeps its newer value). When
// nobody says anything before the hold is over, the agent undoes by itself:
// losing the tool loses no entry.
//
// Clear, delete and evict (the entries that fit conditions) go the same way and
// keep the bucket arrays; shrink gives the arrays back and keeps the entries.
// Entries that were streamed before the commit can be restored after it.
//
// # What it promises the service
//
// It waits for a lock for a bounded time, holds it for a bounded time, does
// one operation at a time in the process, never calls a method of a key or a
// value, and never logs a key, a value or the token.
//
// The HTTP interface is written down in docs/reference/agent-api.yaml, the
// strategies in docs/reference/agent-strategies.md.
package agent

// Version is the version of the agent, as reported over HTTP.
const Version = "0.1.0"
