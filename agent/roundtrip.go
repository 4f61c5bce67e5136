package agent

import (
	"fmt"
	"reflect"
)

const (
	// The bounds of a look at types: nested types can be as wide as a program.
	maxTypeDepth  = 48
	maxTypeVisits = 20000
	maxLosses     = 64
	maxPathBytes  = 200 // the type string of an anonymous struct can be megabytes
)

// roundTrip says, from the types alone and before anything happens, whether
// entries survive being written to a stream and restored from it.
type roundTrip struct {
	// Lossless means that each entry is restored as the notes and conditions
	// say, or is counted in unencodable of the stream.
	Lossless    bool     `json:"lossless"`
	SameProcess bool     `json:"same_process"`
	Losses      []string `json:"losses"`
	Conditions  []string `json:"conditions"`

	notes     map[string]bool
	visits    int
	omitted   int
	inKey     bool
	recursive bool
	path      []reflect.Type // named types on the way down
}

const (
	noteTime    = "time.Time keeps its instant and zone offset; the monotonic reading and the name of the zone are not written."
	notePointer = "What a pointer or a slice leads to is written as it is at that moment, without the service's own locks; " +
		"an object changed at the same time may be written half old, half new (a data race like any other in Go: at worst the runtime " +
		"ends the process), and pointers to one object become copies."
	noteHidden = "Unexported fields are written and set again one by one: no constructor runs and no finalizer is attached, and a number " +
		"that stands for something outside the entry (a file descriptor, an index) stands for it still."
)

const (
	ifInterface = "an interface holds any type; the name of its type is written and known again only in this process (256 types at most), " +
		"and an entry whose type has a loss is left out of the stream"
	ifRecursive = "a type that leads back to itself can be a cycle; an entry with one, or nested deeper than 100, is left out of the stream"
	ifLock      = "it is restored as a new lock that nobody holds"
	ifTimeInKey = "keys compare the zone and the monotonic reading too; an entry whose time is not plain UTC is left out of the stream"
)

// checkRoundTrip walks the key and value types of a target.
func checkRoundTrip(t types) *roundTrip {
	r := newRoundTrip()
	r.inKey = true
	r.walk("key", t.key)
	r.inKey = false
	r.walk("value", t.value)
	return r.concluded()
}

func newRoundTrip() *roundTrip {
	return &roundTrip{Losses: []string{}, Conditions: []string{}, notes: map[string]bool{}}
}

func (r *roundTrip) concluded() *roundTrip {
	if r.omitted > 0 {
		r.Losses = append(r.Losses, fmt.Sprintf("and %d more", r.omitted))
	}
	r.Lossless = len(r.Losses) == 0
	return r
}

func (r *roundTrip) lose(path string, t reflect.Type, why string) {
	if len(r.Losses) >= maxLosses {
		r.omitted++
		return
	}
	r.Losses = append(r.Losses, sentence(path, t, why))
}

// provided notes what the types alone do not decide.
func (r *roundTrip) provided(path string, t reflect.Type, what string) {
	if len(r.Conditions) < maxLosses {
		r.Conditions = append(r.Conditions, sentence(path, t, what))
	}
}

func sentence(path string, t reflect.Type, what string) string {
	return fmt.Sprintf("%s (%s): %s", clip(path, maxPathBytes), clip(t.String(), maxPathBytes), what)
}

func (r *roundTrip) walk(path string, t reflect.Type) {
	r.visits++
	if len(r.path) > maxTypeDepth || r.visits > maxTypeVisits {
		if r.visits <= maxTypeVisits+1 {
			r.lose(path, t, "the types are nested too deeply to be checked")
		}
		return
	}
	if why := opaque(t); why != "" {
		r.lose(path, t, why)
		return
	}
	if t.Size() == 0 || r.special(path, t) {
		return
	}
	if r.onPath(t) {
		r.recursive = true
		r.provided(path, t, ifRecursive)
		return
	}
	r.path = append(r.path, t)
	r.inside(path, t)
	r.path = r.path[:len(r.path)-1]
}

// special judges the types that are written in a way of their own.
func (r *roundTrip) special(path string, t reflect.Type) bool {
	switch {
	case isTime(t):
		r.notes[noteTime] = true
		if r.inKey {
			r.provided(path, t, ifTimeInKey)
		}
	case isLock(t) && r.inKey:
		r.lose(path, t, "a lock in a key compares by its state; null is written")
	case isLock(t):
		r.provided(path, t, ifLock)
	case t.Kind() == reflect.Interface:
		r.SameProcess = true
		r.provided(path, t, ifInterface)
	default:
		return isAddr(t) || isAtomicNumber(t)
	}
	return true
}

// onPath tells whether a type contains itself. Only named types can.
func (r *roundTrip) onPath(t reflect.Type) bool {
	return t.Name() != "" && onPath(r.path, t)
}

func onPath(path []reflect.Type, t reflect.Type) bool {
	for _, above := range path {
		if above == t {
			return true
		}
	}
	return false
}

func (r *roundTrip) inside(path string, t reflect.Type) {
	switch t.Kind() {
	case reflect.Pointer:
		r.notes[notePointer] = true
		if why := r.pointerLoss(t); why != "" {
			r.lose(path, t, why)
		}
		r.walk(path, t.Elem())
	case reflect.Slice:
		r.notes[notePointer] = true
		r.walk(path+"[]", t.Elem())
	case reflect.Array:
		r.walk(path+"[]", t.Elem())
	case reflect.Struct:
		r.fields(path, t)
	}
}

func (r *roundTrip) fields(path string, t reflect.Type) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		if f.Name == "_" {
			continue // nobody can ask for it
		}
		if !f.IsExported() && f.Type.Size() > 0 {
			r.notes[noteHidden] = true
		}
		r.walk(path+"."+f.Name, f.Type)
	}
}
