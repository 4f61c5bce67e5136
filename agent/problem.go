package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// problem is an error a caller gets to see: a status, a code to branch on, a
// sentence saying what is wrong and one saying what to do next.
type problem struct {
	status  int
	Code    string `json:"code"`
	Message string `json:"message"`
	Next    string `json:"next"`
}

func (p *problem) Error() string { return p.Code + ": " + p.Message }

func badRequest(format string, args ...any) *problem {
	return &problem{400, "bad_request", fmt.Sprintf(format, args...),
		"correct the request; docs/reference/agent-api.yaml lists every field"}
}

func unknownMap(name string) *problem {
	return &problem{404, "unknown_map", fmt.Sprintf("no map is registered as %q", name),
		"GET /debug/mapmedic/v1/maps lists the names"}
}

func unknownOperation() *problem {
	return &problem{404, "unknown_operation", "no operation has this id, or it is no longer among the last 32",
		"GET /debug/mapmedic/v1/operations lists the ids"}
}

func notFound() *problem {
	return &problem{404, "not_found", "the agent serves nothing at this path",
		"GET /debug/mapmedic/v1/maps is a place to start"}
}

func notSupported(why string) *problem {
	return &problem{422, "strategy_not_supported", why,
		"POST /debug/mapmedic/v1/plan says what is possible for a map"}
}

// toProblem finds the answer for an error of the layers below.
func toProblem(err error) *problem {
	var p *problem
	var broken lockBroken
	var large tooLarge
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &broken):
		return notSupported(broken.Error())
	case errors.As(err, &large):
		return &problem{422, "strategy_not_supported", large.Error(),
			"allow more with max_lock_hold_ms (at most 1000), or use swap, whose hold does not grow with the map"}
	case errors.Is(err, errNilMap):
		return notSupported(errNilMap.Error())
	case errors.Is(err, errLockTimeout):
		return &problem{503, "lock_timeout", err.Error() + "; nothing was lost",
			"try again, or look at goroutine?debug=2 for the holder of the lock; an undo that has begun goes on by itself"}
	case errors.Is(err, errInProgress):
		return &problem{409, "operation_in_progress", err.Error(),
			"commit or undo it first, or wait until its hold or the restore under way is over"}
	case errors.Is(err, errBusy):
		return &problem{409, "operation_in_progress", err.Error(),
			"ask again in a moment; GET the operation to see what it is busy with"}
	case errors.Is(err, errWrongState):
		return &problem{409, "wrong_state", err.Error(),
			"GET the operation to see its state; a stream of its entries must end before commit"}
	}
	return internalProblem()
}

func internalProblem() *problem {
	return &problem{500, "internal", "the agent failed; the service is not affected",
		"report this with the log line of the service"}
}

func writeProblem(w http.ResponseWriter, p *problem) {
	writeJSON(w, p.status, map[string]*problem{"error": p})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil { // only our own flat structs come here
		status, raw = 500, []byte(`{"error":{"code":"internal","message":"unencodable answer","next":"report this"}}`)
	}
	raw = append(raw, '\n')
	h := w.Header()
	h.Set("Content-Length", strconv.Itoa(len(raw)))
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(raw) // a client that has gone needs no answer
}
