package main

import "sync"

// A map and its lock as two package variables: nothing but the code (and
// their lying side by side) says that they belong together. The code that
// uses them is written out, as it would be in a service.
var (
	rates   map[string]Record
	ratesMu sync.RWMutex
)

type ratesPlace struct{ *locked[string, Record] }

func (ratesPlace) get(currency string) (Record, bool) { return rateOf(currency) }
func (ratesPlace) put(currency string, r Record)      { setRate(currency, r) }
func (ratesPlace) drop(currency string)               { forgetRate(currency) }

//go:noinline
func rateOf(currency string) (Record, bool) {
	ratesMu.RLock()
	defer ratesMu.RUnlock()
	r, ok := rates[currency]
	return r, ok
}

//go:noinline
func setRate(currency string, r Record) {
	ratesMu.Lock()
	rates[currency] = r
	ratesMu.Unlock()
}

//go:noinline
func forgetRate(currency string) {
	ratesMu.Lock()
	defer ratesMu.Unlock()
	delete(rates, currency)
}

func globalRates(c config) target {
	rates = map[string]Record{}
	return newTraffic[string, Record](c, records(textKey), ratesPlace{behindRWMutex(&ratesMu, &rates)})
}
