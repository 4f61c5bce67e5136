package agent

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	basePath   = "/debug/mapmedic/v1/"
	hotfixPath = "/debug/hotfix/clear-cache"
	// answerPatience is how long an answer may take on a server whose own
	// write timeout is shorter than a collection of a large heap.
	answerPatience = 5 * time.Minute
)

// action answers one route; id is the operation's, where the path has one.
type action func(w http.ResponseWriter, r *http.Request, id string) error

// methods are the actions of one path.
type methods map[string]action

// find returns what is served at a path and the operation id in it.
func (s *server) find(path string) (methods, string) {
	if path == hotfixPath {
		return methods{"POST": s.clearCache}, ""
	}
	rest, inside := strings.CutPrefix(path, basePath)
	if !inside {
		return nil, ""
	}
	if tail, one := strings.CutPrefix(rest, "operations/"); one {
		id, verb, _ := strings.Cut(tail, "/")
		if id == "" || (verb == "" && strings.Contains(tail, "/")) {
			return nil, ""
		}
		return s.operationRoutes()[verb], id
	}
	return map[string]methods{
		"maps":       {"GET": s.listMaps},
		"plan":       {"POST": s.plan},
		"restore":    {"POST": s.restoreEntries},
		"stats":      {"GET": s.stats},
		"operations": {"GET": s.listOperations, "POST": s.beginOperation},
	}[rest], ""
}

func (s *server) operationRoutes() map[string]methods {
	return map[string]methods{
		"":        {"GET": s.showOperation},
		"entries": {"GET": s.streamEntries},
		"commit":  {"POST": s.commitOperation},
		"undo":    {"POST": s.undoOperation},
	}
}

func (s *server) route(w http.ResponseWriter, r *http.Request) {
	served, id := s.find(r.URL.Path)
	if served == nil {
		writeProblem(w, notFound())
		return
	}
	act, ok := served[r.Method]
	if !ok {
		w.Header().Set("Allow", served.allow())
		writeProblem(w, &problem{405, "method_not_allowed", "this path does not take this method",
			"use " + served.allow()})
		return
	}
	if err := act(w, r, id); err != nil {
		writeProblem(w, toProblem(err))
	}
}

func (m methods) allow() string {
	var names []string
	for _, name := range []string{"GET", "POST"} {
		if m[name] != nil {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// panicType names a panic without printing it: its text may hold a key or a value.
func panicType(p any) string { return fmt.Sprintf("%T", p) }

// allowTime lifts the server's write timeout for this answer where it can.
// Flushing before it is taken back keeps the last write bounded; the server
// sets its own again with the next request of the connection.
func allowTime(w http.ResponseWriter) (done func()) {
	control := http.NewResponseController(w)
	_ = control.SetWriteDeadline(time.Now().Add(answerPatience))
	return func() {
		_ = control.Flush()
		_ = control.SetWriteDeadline(time.Time{})
	}
}
