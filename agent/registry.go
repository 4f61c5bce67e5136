package agent

import (
	"errors"
	"fmt"
	"runtime"
	"sort"
	"sync"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes bounds a registered name: it travels in every answer and log line.
const maxNameBytes = 200

// Errors of registration; test for them with errors.Is.
var (
	ErrName      = errors.New("agent: a name is 1 to 200 bytes of printable UTF-8")
	ErrDuplicate = errors.New("agent: the name is taken")
	ErrNil       = errors.New("agent: the map pointer, the lock and the registry must not be nil")
	ErrReadLock  = errors.New("agent: the lock is the read side of a RWMutex; pass the RWMutex itself")
)

// Registry knows a set of maps by name. Make one with [NewRegistry]; most
// programs use the default one through [RegisterMap].
type Registry struct {
	mu   sync.Mutex
	maps map[string]*registration
	desk desk
}

// registration is one named map and the place in the source that named it.
type registration struct {
	name   string
	at     string
	target target
}

var defaultRegistry = NewRegistry()

// NewRegistry returns an empty registry of its own.
func NewRegistry() *Registry {
	return &Registry{maps: make(map[string]*registration)}
}

// DefaultRegistry returns the registry that [RegisterMap] and [RegisterSyncMap] fill.
func DefaultRegistry() *Registry { return defaultRegistry }

// Unregister forgets a map of the default registry; see [Registry.Unregister].
func Unregister(name string) bool { return defaultRegistry.Unregister(name) }

// Unregister forgets the map of that name and reports whether there was one.
// An operation that already holds its entries can still be committed or undone.
func (r *Registry) Unregister(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, known := r.maps[name]
	delete(r.maps, name)
	return known
}

// add is addAll for one target.
func (r *Registry) add(name string, t target, skip int) error {
	return r.addAll([]named{{name, t}}, skip+1)
}

// addAll is the single door into the registry, for all of them or none; skip
// counts the frames between the caller to be remembered and addAll itself.
func (r *Registry) addAll(all []named, skip int) error {
	at := callerOf(skip + 1)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range all {
		if err := checkName(one.name); err != nil {
			return err
		}
		if before, taken := r.maps[one.name]; taken {
			return fmt.Errorf("%w: %q was registered at %s", ErrDuplicate, one.name, before.at)
		}
	}
	if r.maps == nil { // a Registry made without NewRegistry
		r.maps = make(map[string]*registration)
	}
	for _, one := range all {
		r.maps[one.name] = &registration{name: one.name, at: at, target: one.target}
	}
	return nil
}

func (r *Registry) lookup(name string) (*registration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reg, ok := r.maps[name]
	return reg, ok
}

// list copies the registrations out, sorted by name, so that nobody walks
// them with the registry locked.
func (r *Registry) list() []*registration {
	r.mu.Lock()
	all := make([]*registration, 0, len(r.maps))
	for _, reg := range r.maps {
		all = append(all, reg)
	}
	r.mu.Unlock()
	sort.Slice(all, func(i, j int) bool { return all[i].name < all[j].name })
	return all
}

func checkName(name string) error {
	if name == "" || len(name) > maxNameBytes || !utf8.ValidString(name) {
		return ErrName
	}
	for _, r := range name {
		if !unicode.IsPrint(r) {
			return ErrName
		}
	}
	return nil
}

func callerOf(skip int) string {
	_, file, line, ok := runtime.Caller(skip + 1)
	if !ok {
		return "unknown:0"
	}
	return fmt.Sprintf("%s:%d", file, line)
}
