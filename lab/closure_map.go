package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var closureMap = scenario{
	sentence: "fares are remembered in a map that only a closure can see, under a new key each time, and none is forgotten",
	// Nobody can name the map from outside the function that made it, but one
	// statement fills it and none empties it.
	verdict:  "map_leak",
	defaults: load{entries: 120_000, rate: 2_000, valueBytes: 1_000},
	start: func(l load) service {
		return &fareDesk{fares: newFareMemory(), detailBytes: l.valueBytes}
	},
}

const fareCacheVar = "main.newFareMemory.cache"

// Fare is the price of one journey.
type Fare struct {
	Journey string
	Detail  []byte
}

// fareMemory keeps a fare that it is given and answers with the one it has.
// Whoever brings open sees the map itself: one closure for all, so that one
// path leads to the map.
type fareMemory func(key string, fare *Fare, open func(cache *map[string]*Fare, mu *sync.Mutex)) *Fare

// Inlined, its closure would be named after the caller.
//
//go:noinline
func newFareMemory() fareMemory {
	var mu sync.Mutex
	cache := make(map[string]*Fare)
	return func(key string, fare *Fare, open func(*map[string]*Fare, *sync.Mutex)) *Fare {
		if open != nil {
			open(&cache, &mu)
			return nil
		}
		mu.Lock()
		defer mu.Unlock()
		if fare != nil {
			cache[key] = inserting(fare)
		}
		return cache[key]
	}
}

type fareDesk struct {
	fares       fareMemory
	serial      atomic.Uint64
	detailBytes int
}

// Fare prices a journey. The mistake: the key has the number of the request.
func (d *fareDesk) Fare(journey string) (key string, fare *Fare) {
	serial := d.serial.Add(1)
	key = fmt.Sprintf("fare/%012d/%s", serial, journey)
	fare = newFare(journey, serial, d.detailBytes)
	d.fares(key, fare, nil)
	return key, fare
}

func newFare(journey string, serial uint64, detailBytes int) *Fare {
	f := &Fare{Journey: fmt.Sprintf("journey:%-16s", journey), Detail: make([]byte, detailBytes)}
	fillWith(f.Detail, serial)
	return f
}

func (d *fareDesk) add(n int) { d.Fare(fmt.Sprintf("line-%d", n)) }

func (d *fareDesk) work(key string) any {
	fareKey, priced := d.Fare(key)
	f := d.fares(fareKey, nil, nil)
	kept := f != nil
	if !kept {
		f = priced
	}
	return map[string]any{"journey": f.Journey, "kept": kept, "detail": checksum(f.Detail)}
}

func (d *fareDesk) register() (err error) {
	d.fares("", nil, func(cache *map[string]*Fare, mu *sync.Mutex) {
		err = agent.RegisterMap(fareCacheVar, cache, mu)
	})
	return err
}

func (d *fareDesk) holding() (h holding) {
	d.fares("", nil, func(cache *map[string]*Fare, mu *sync.Mutex) {
		mu.Lock()
		defer mu.Unlock()
		h = holding{
			path: "closure main.newFareMemory.func1.cache", declared: fareCacheVar,
			typ: reflect.TypeOf(*cache), size: mapsize.Map(*cache),
		}
		for key, f := range *cache {
			h.valuesBytes += mapsize.String(key) + mapsize.New[Fare]() +
				mapsize.String(f.Journey) + mapsize.Bytes(f.Detail)
		}
	})
	return h
}
