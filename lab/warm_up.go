package main

import (
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var warmUpMap = scenario{
	sentence: "a cache takes in each of a fixed number of streets when it is first asked for, and grows until it has them all",
	// Once the truth says flat it does not grow, is small and is used. Before
	// that a single look cannot tell it from a leak, and nobody should claim to.
	verdict:  "healthy",
	defaults: load{entries: 2_000, rate: 600, valueBytes: 2_000, flatAfter: 10 * time.Second},
	start: func(l load) service {
		streetMap = &streetCache{
			streets:   make(map[string]*Street),
			inTown:    l.entries + int(l.rate*l.flatAfter.Seconds()),
			flatAfter: l.flatAfter, shapeBytes: l.valueBytes,
		}
		return streetMap
	},
}

const streetsField = "main.streetCache.streets"

var streetMap *streetCache

// Street is one street with its course.
type Street struct {
	Name  string
	Shape []byte
}

type streetCache struct {
	mu         sync.RWMutex
	streets    map[string]*Street
	inTown     int // streets that exist
	flatAfter  time.Duration
	shapeBytes int
}

// Street returns a street, loaded now or earlier.
func (c *streetCache) Street(number int) *Street {
	name := fmt.Sprintf("street-%012d", number)
	if s := c.cached(name); s != nil {
		return s
	}
	s := loadStreet(name, number, c.shapeBytes)
	c.keep(s)
	return s
}

func (c *streetCache) cached(name string) *Street {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.streets[name]
}

func loadStreet(name string, number, shapeBytes int) *Street {
	s := &Street{Name: name, Shape: make([]byte, shapeBytes)}
	fillWith(s.Shape, uint64(number))
	return s
}

func (c *streetCache) keep(s *Street) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.streets[s.Name] = inserting(s)
}

// add asks for the streets in turn, again from the first after the last.
func (c *streetCache) add(n int) { c.Street(n % c.inTown) }

func (c *streetCache) work(key string) any {
	s := c.Street(int(hashOf(key) % uint64(c.inTown)))
	return map[string]any{"street": s.Name, "shape": checksum(s.Shape)}
}

func (c *streetCache) register() error {
	return agent.RegisterMap(streetsField, &c.streets, &c.mu)
}

func (c *streetCache) holding() holding {
	c.mu.RLock()
	defer c.mu.RUnlock()
	h := holding{
		path: "main.streetMap.streets", declared: streetsField,
		typ: reflect.TypeOf(c.streets), size: mapsize.Map(c.streets),
	}
	h.facts.WarmUp = &warmUp{
		Flat: len(c.streets) == c.inTown, FlatAtEntries: c.inTown, FlatAfterSeconds: c.flatAfter.Seconds(),
	}
	for _, s := range c.streets {
		// The key is the same text as s.Name.
		h.valuesBytes += mapsize.New[Street]() + mapsize.String(s.Name) + mapsize.Bytes(s.Shape)
	}
	return h
}
