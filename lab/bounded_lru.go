package main

import (
	"container/list"
	"fmt"
	"reflect"
	"sync"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var boundedLRU = scenario{
	sentence: "an LRU of pages, full to its bound, throws out the oldest page for every new one",
	verdict:  "healthy",
	defaults: load{entries: 4_000, rate: 500, valueBytes: 1_500},
	start: func(l load) service {
		pageCache = NewLRUCache(l.entries, l.valueBytes)
		return pageCache
	},
}

const lruItemsField = "main.LRUCache.items"

var pageCache *LRUCache

// Page is one rendered page.
type Page struct {
	URL  string
	Body []byte
}

// LRUCache keeps the pages asked for last.
type LRUCache struct {
	mu        sync.Mutex
	items     map[string]*list.Element
	order     *list.List // front: asked for last
	bound     int
	pageBytes int
}

// NewLRUCache returns an empty cache for up to bound pages.
func NewLRUCache(bound, pageBytes int) *LRUCache {
	return &LRUCache{
		items: make(map[string]*list.Element), order: list.New(),
		bound: bound, pageBytes: pageBytes,
	}
}

// Page returns the page of a URL, rendered now or earlier.
func (c *LRUCache) Page(url string) *Page {
	if p := c.get(url); p != nil {
		return p
	}
	p := renderPage(url, c.pageBytes)
	c.put(p)
	return p
}

func renderPage(url string, pageBytes int) *Page {
	p := &Page{URL: url, Body: make([]byte, pageBytes)}
	fillWith(p.Body, hashOf(url))
	return p
}

func (c *LRUCache) get(url string) *Page {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.items[url]
	if !ok {
		return nil
	}
	c.order.MoveToFront(element)
	return element.Value.(*Page)
}

func (c *LRUCache) put(p *Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[p.URL]; ok {
		return // another request was faster
	}
	c.items[p.URL] = inserting(c.order.PushFront(p))
	for c.order.Len() > c.bound {
		c.dropOldest()
	}
}

func (c *LRUCache) dropOldest() {
	oldest := c.order.Back()
	url := c.order.Remove(oldest).(*Page).URL
	// After a swap of the map the list still has pages that the map lacks,
	// or has under a newer element.
	if c.items[url] == oldest {
		delete(c.items, url)
	}
}

func pageURL(name string) string { return "https://pages.example/" + name }

func (c *LRUCache) add(n int) { c.Page(pageURL(fmt.Sprintf("page-%08d", n))) }

func (c *LRUCache) work(key string) any {
	p := c.Page(pageURL(key))
	return map[string]any{"url": p.URL, "body": checksum(p.Body)}
}

func (c *LRUCache) register() error {
	return agent.RegisterMap(lruItemsField, &c.items, &c.mu)
}

func (c *LRUCache) holding() holding {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := holding{
		path: "main.pageCache.items", declared: lruItemsField,
		typ: reflect.TypeOf(c.items), size: mapsize.Map(c.items),
	}
	for _, element := range c.items {
		p := element.Value.(*Page)
		// The key is the same text as p.URL.
		h.valuesBytes += mapsize.New[list.Element]() + mapsize.New[Page]() +
			mapsize.String(p.URL) + mapsize.Bytes(p.Body)
	}
	return h
}
