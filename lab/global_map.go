package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var globalMap = scenario{
	sentence: "a package-global cache remembers the answer to every query, under a new key each time, and forgets none",
	verdict:  "map_leak",
	defaults: load{entries: 150_000, rate: 2_000, valueBytes: 1_000},
	start:    func(l load) service { return &quoteDesk{answerBytes: l.valueBytes} },
}

const cacheMapVar = "main.cacheMap"

var (
	cacheMu  sync.Mutex
	cacheMap = make(map[string]*Item)
)

// Item is one remembered answer.
type Item struct {
	Query  string
	Answer []byte
	Hits   int
}

// quoteDesk answers queries. Its keys carry the number of the request, so a
// cached answer can never be asked for again: the mistake.
type quoteDesk struct {
	serial      atomic.Uint64
	answerBytes int
}

// Quote answers a query and caches the answer.
func (d *quoteDesk) Quote(query string) (key string, answer *Item) {
	serial := d.serial.Add(1)
	key = fmt.Sprintf("quote/%012d/%s", serial, query)
	answer = computeItem(query, serial, d.answerBytes)
	cachePut(key, answer)
	return key, answer
}

func computeItem(query string, serial uint64, answerBytes int) *Item {
	item := &Item{
		Query:  fmt.Sprintf("select quote where symbol = %q", query),
		Answer: make([]byte, answerBytes),
	}
	fillWith(item.Answer, serial)
	return item
}

func cachePut(key string, item *Item) {
	cacheMu.Lock()
	defer cacheMu.Unlock()
	cacheMap[key] = inserting(item)
}

func cacheGet(key string) *Item {
	cacheMu.Lock()
	defer cacheMu.Unlock()
	item := cacheMap[key]
	if item != nil {
		item.Hits++
	}
	return item
}

func (d *quoteDesk) add(n int) { d.Quote(fmt.Sprintf("SYM%d", n)) }

func (d *quoteDesk) work(key string) any {
	cacheKey, computed := d.Quote(key)
	item := cacheGet(cacheKey)
	cached := item != nil
	if !cached {
		item = computed
	}
	return map[string]any{"query": item.Query, "cached": cached, "answer": checksum(item.Answer)}
}

func (d *quoteDesk) register() error {
	return agent.RegisterMap(cacheMapVar, &cacheMap, &cacheMu)
}

func (d *quoteDesk) holding() holding {
	cacheMu.Lock()
	defer cacheMu.Unlock()
	h := holding{
		path: "main.cacheMap", declared: cacheMapVar,
		typ: reflect.TypeOf(cacheMap), size: mapsize.Map(cacheMap),
	}
	for key, item := range cacheMap {
		h.valuesBytes += mapsize.String(key) + mapsize.New[Item]() +
			mapsize.String(item.Query) + mapsize.Bytes(item.Answer)
	}
	return h
}
