package agent

import (
	"fmt"
	"reflect"
	"time"
)

const (
	// The bounds of a look at types: nested types can be as wide as a program.
	maxTypeDepth  = 48
	maxTypeVisits = 20000
	maxLosses     = 64
	maxPathBytes  = 200 // the type string of an anonymous struct can be megabytes
)

// roundTrip says, from the types alone and before anything happens, whether
// entries survive being written to a stream and read back.
type roundTrip struct {
	Lossless bool     `json:"lossless"`
	Losses   []string `json:"losses"`

	notes   map[string]bool
	visits  int
	omitted int
	path    []reflect.Type // named types on the way down
}

var timeType = reflect.TypeOf(time.Time{})

const (
	noteTime    = "time.Time keeps its instant and zone offset; the monotonic reading and the name of the zone are not written."
	notePointer = "What a pointer or a slice leads to is written as it is at that moment, without the service's own locks; " +
		"an object changed at the same time may be written half old, half new, and pointers to one object become copies."
)

// checkRoundTrip walks the key and value types of a target.
func checkRoundTrip(t types) *roundTrip {
	r := &roundTrip{Losses: []string{}, notes: map[string]bool{}}
	r.walk("key", t.key)
	r.walk("value", t.value)
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
	r.Losses = append(r.Losses, fmt.Sprintf("%s (%s): %s", clip(path, maxPathBytes), clip(t.String(), maxPathBytes), why))
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
	if t == timeType {
		r.notes[noteTime] = true
		return
	}
	if r.onPath(t) {
		r.lose(path, t, "a type that leads back to itself can be a cycle; it is followed once, then written as null")
		return
	}
	r.path = append(r.path, t)
	r.inside(path, t)
	r.path = r.path[:len(r.path)-1]
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
		if isNilable(t.Elem()) {
			r.lose(path, t, "a nil pointer and a pointer to nil look the same when written")
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
		if f.Name == "_" || (f.Type.Size() == 0 && !f.IsExported()) {
			continue // holds nothing
		}
		at := path + "." + f.Name
		if !f.IsExported() {
			r.lose(at, f.Type, "an unexported field is written, but cannot be set again from outside its package")
		}
		r.walk(at, f.Type)
	}
}

func isNilable(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface:
		return true
	}
	return false
}

// opaque says why values of a type are not looked into at all, or "".
func opaque(t reflect.Type) string {
	switch t.PkgPath() {
	case "sync", "sync/atomic", "internal/sync":
		return "a lock or an atomic is bound to its address; null is written"
	}
	switch t.Kind() {
	case reflect.Func:
		return "a func is code, not data; null is written"
	case reflect.Chan:
		return "a channel lives in this process only; null is written"
	case reflect.UnsafePointer:
		return "an unsafe.Pointer may point to anything; null is written"
	case reflect.Map:
		return "a map inside an entry is not read, because Go ends the process when a map is read while it is written; null is written"
	case reflect.Interface:
		return "an interface holds any type; it is written with the name of its type, which cannot be turned back into a type"
	}
	return ""
}
