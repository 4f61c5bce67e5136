package main

import "runtime"

// recipe is what the guide says to do: delete every key, then one collection.
func (t *traffic[K, V]) recipe() {
	for _, p := range t.places {
		p.deleteAll()
	}
	runtime.GC()
}

func (p *locked[K, V]) deleteAll() {
	p.write.Lock()
	defer p.write.Unlock()
	for k := range *p.m {
		delete(*p.m, k)
	}
}

func (p *unlocked[K, V]) deleteAll() {
	p.m.Range(func(k, _ any) bool { p.m.Delete(k); return true })
}
