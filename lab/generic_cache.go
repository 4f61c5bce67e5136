package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var genericCache = scenario{
	sentence: "a generic cache is used for thumbnails, which it never forgets, and for a dozen formats, which is right",
	// One source line, two maps: only the instance tells the leak from the
	// table that is as large as it should be.
	verdict:  "map_leak",
	defaults: load{entries: 120_000, rate: 2_000, valueBytes: 1_000},
	start: func(l load) service {
		thumbnails = NewCache[string, *Thumbnail]()
		formats = NewCache[int, string]()
		for width := 0; width < formatCount; width++ {
			formats.items[width] = fmt.Sprintf("format-%04d", 100*width)
		}
		return &studio{imageBytes: l.valueBytes}
	},
}

const formatCount = 12

var (
	thumbnails *Cache[string, *Thumbnail]
	formats    *Cache[int, string]
)

// Cache keeps values by their keys.
type Cache[K comparable, V any] struct {
	mu    sync.RWMutex
	items map[K]V
}

// NewCache returns an empty cache.
func NewCache[K comparable, V any]() *Cache[K, V] { return &Cache[K, V]{items: make(map[K]V)} }

// Put keeps a value.
func (c *Cache[K, V]) Put(key K, value V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.items[key] = inserting(value)
}

// Get finds a value.
func (c *Cache[K, V]) Get(key K) (V, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	value, ok := c.items[key]
	return value, ok
}

// itemsName is how Go prints the field of this instance.
func (c *Cache[K, V]) itemsName() string { return reflect.TypeOf(c).Elem().String() + ".items" }

func (c *Cache[K, V]) register() error { return agent.RegisterMap(c.itemsName(), &c.items, &c.mu) }

// Thumbnail is one small picture.
type Thumbnail struct {
	Source string
	Image  []byte
}

// studio makes thumbnails.
type studio struct {
	serial     atomic.Uint64
	imageBytes int
}

// Thumbnail makes a picture small. The mistake: the key has the number of the
// request.
func (s *studio) Thumbnail(source string) (key string, t *Thumbnail) {
	serial := s.serial.Add(1)
	key = fmt.Sprintf("thumbnail/%012d/%s", serial, source)
	t = newThumbnail(source, serial, s.imageBytes)
	thumbnails.Put(key, t)
	return key, t
}

func newThumbnail(source string, serial uint64, imageBytes int) *Thumbnail {
	t := &Thumbnail{Source: fmt.Sprintf("source:%-16s", source), Image: make([]byte, imageBytes)}
	fillWith(t.Image, serial)
	return t
}

func (s *studio) add(n int) { s.Thumbnail(fmt.Sprintf("picture-%d", n)) }

func (s *studio) work(key string) any {
	cacheKey, made := s.Thumbnail(key)
	t, kept := thumbnails.Get(cacheKey)
	if !kept {
		t = made
	}
	format, _ := formats.Get(len(key) % formatCount)
	return map[string]any{"source": t.Source, "format": format, "kept": kept, "image": checksum(t.Image)}
}

func (s *studio) register() error {
	if err := formats.register(); err != nil {
		return err
	}
	return thumbnails.register()
}

func (s *studio) holding() holding {
	thumbnails.mu.RLock()
	defer thumbnails.mu.RUnlock()
	h := holding{
		path: "main.thumbnails.items", declared: thumbnails.itemsName(),
		typ: reflect.TypeOf(thumbnails.items), size: mapsize.Map(thumbnails.items),
	}
	for key, t := range thumbnails.items {
		h.valuesBytes += mapsize.String(key) + mapsize.New[Thumbnail]() +
			mapsize.String(t.Source) + mapsize.Bytes(t.Image)
	}
	return h
}
