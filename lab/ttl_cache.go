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

var ttlCache = scenario{
	sentence: "every visit gets a new basket, and a sweeper takes out each basket when its time is over",
	// Inserts never pause, but as many entries go as come: the number is that
	// of one lifetime's visits, for as long as the service runs.
	verdict:  "healthy",
	defaults: load{entries: 6_000, rate: 300, valueBytes: 1_500},
	start: func(l load) service {
		baskets = newBasketCache(l)
		go baskets.sweepForEver()
		return baskets
	},
}

const basketsField = "main.basketCache.baskets"

var baskets *basketCache

// Basket is what a visitor has chosen so far.
type Basket struct {
	ID        string
	ExpiresAt time.Time
	Goods     []byte
}

type basketCache struct {
	mu         sync.Mutex
	baskets    map[string]*Basket
	serial     atomic.Uint64
	lifetime   time.Duration
	inLifetime int // baskets opened in one lifetime
	goodsBytes int
}

// newBasketCache chooses the lifetime at which the traffic keeps the number of
// entries that was asked for.
func newBasketCache(l load) *basketCache {
	lifetime := time.Hour // without traffic nothing need ever go
	if l.rate > 0 {
		lifetime = time.Duration(float64(l.entries) / l.rate * float64(time.Second))
	}
	return &basketCache{
		baskets: make(map[string]*Basket), lifetime: lifetime,
		inLifetime: l.entries, goodsBytes: l.valueBytes,
	}
}

// Open makes a basket that is kept for a while.
func (c *basketCache) Open(visitor string, lifetime time.Duration) *Basket {
	b := newBasket(visitor, c.serial.Add(1), c.goodsBytes)
	b.ExpiresAt = time.Now().Add(lifetime)
	c.keep(b)
	return b
}

func newBasket(visitor string, serial uint64, goodsBytes int) *Basket {
	b := &Basket{ID: fmt.Sprintf("basket-%012d/%s", serial, visitor), Goods: make([]byte, goodsBytes)}
	fillWith(b.Goods, serial)
	return b
}

func (c *basketCache) keep(b *Basket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.baskets[b.ID] = inserting(b)
}

func (c *basketCache) basket(id string) *Basket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.baskets[id]
}

func (c *basketCache) sweepForEver() {
	for now := range time.Tick(max(c.lifetime/20, time.Millisecond)) {
		c.sweep(now)
	}
}

func (c *basketCache) sweep(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, b := range c.baskets {
		if now.After(b.ExpiresAt) {
			delete(c.baskets, id)
		}
	}
}

// add fills the cache as a lifetime of visits would have: the first of them
// is nearly over at READY.
func (c *basketCache) add(n int) {
	left := c.lifetime
	if n < c.inLifetime {
		left = time.Duration(float64(c.lifetime) * float64(n+1) / float64(c.inLifetime))
	}
	c.Open(fmt.Sprintf("visitor-%d", n), left)
}

func (c *basketCache) work(key string) any {
	opened := c.Open(key, c.lifetime)
	b := c.basket(opened.ID)
	kept := b != nil
	if !kept {
		b = opened
	}
	return map[string]any{"basket": b.ID, "kept": kept, "goods": checksum(b.Goods)}
}

func (c *basketCache) register() error {
	return agent.RegisterMap(basketsField, &c.baskets, &c.mu)
}

func (c *basketCache) holding() holding {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := holding{
		path: "main.baskets.baskets", declared: basketsField,
		typ: reflect.TypeOf(c.baskets), size: mapsize.Map(c.baskets),
	}
	for _, b := range c.baskets {
		// The key is the same text as b.ID.
		h.valuesBytes += mapsize.New[Basket]() + mapsize.String(b.ID) + mapsize.Bytes(b.Goods)
	}
	return h
}
