package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var steadyCache = scenario{
	sentence: "a large catalogue is loaded into a map once and then only read: it is big, and it is right",
	verdict:  "large_steady_map",
	defaults: load{entries: 80_000, rate: 0, valueBytes: 2_000},
	start: func(l load) service {
		catalogue = NewCatalogue(l.valueBytes)
		go catalogue.browse()
		return catalogue
	},
}

const productsField = "main.Catalogue.products"

var catalogue *Catalogue

// Product is one page of the catalogue.
type Product struct {
	SKU         string
	Title       string
	PriceCents  int64
	Description []byte
}

// Catalogue keeps every product in memory, loading those it misses.
type Catalogue struct {
	mu        sync.RWMutex
	products  map[string]*Product
	known     atomic.Int64 // products that exist: numbers 0 to known-1
	pageBytes int
}

// NewCatalogue returns a catalogue with nothing loaded.
func NewCatalogue(pageBytes int) *Catalogue {
	return &Catalogue{products: make(map[string]*Product), pageBytes: pageBytes}
}

// Product returns a product, loaded now or earlier.
func (c *Catalogue) Product(number int64) *Product {
	sku := skuOf(number)
	if p := c.cached(sku); p != nil {
		return p
	}
	p := loadProduct(sku, number, c.pageBytes)
	c.keep(p)
	return p
}

func (c *Catalogue) cached(sku string) *Product {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.products[sku]
}

func (c *Catalogue) keep(p *Product) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.products[p.SKU] = inserting(p)
}

func skuOf(number int64) string { return fmt.Sprintf("sku-%016d", number) }

// loadProduct stands for the database query.
func loadProduct(sku string, number int64, pageBytes int) *Product {
	p := &Product{
		SKU:         sku,
		Title:       fmt.Sprintf("Product number %d", number),
		PriceCents:  100 + number%9_900,
		Description: make([]byte, pageBytes),
	}
	fillWith(p.Description, uint64(number))
	return p
}

// browse reads at random, about a thousand products a second.
func (c *Catalogue) browse() {
	for n := uint64(0); ; n++ {
		if known := uint64(c.known.Load()); known > 0 {
			c.Product(int64(mix(n) % known))
		}
		time.Sleep(time.Millisecond)
	}
}

func (c *Catalogue) add(n int) {
	c.Product(int64(n))
	c.known.Store(int64(n) + 1)
}

func (c *Catalogue) work(key string) any {
	p := c.Product(int64(hashOf(key) % uint64(c.known.Load())))
	return map[string]any{"sku": p.SKU, "title": p.Title, "price_cents": p.PriceCents, "page": checksum(p.Description)}
}

func (c *Catalogue) register() error {
	return agent.RegisterMap(productsField, &c.products, &c.mu)
}

func (c *Catalogue) holding() holding {
	c.mu.RLock()
	defer c.mu.RUnlock()
	h := holding{
		path: "main.catalogue.products", declared: productsField,
		typ: reflect.TypeOf(c.products), size: mapsize.Map(c.products),
	}
	for _, p := range c.products {
		// The key is the same text as p.SKU.
		h.valuesBytes += mapsize.New[Product]() + mapsize.Bytes(p.Description) +
			mapsize.String(p.SKU) + mapsize.String(p.Title)
	}
	return h
}
