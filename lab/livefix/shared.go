package main

import "sync"

// Maps that lie where a tool may take them, or their lock, for something else.

// Box has elements of an interface type.
type Box struct {
	mu    sync.Mutex
	items map[string]any
}

func mixedBox(c config) target {
	box = &Box{}
	box.items = map[string]any{}
	return newTraffic(c, boxed(textKey), behindMutex(&box.mu, &box.items))
}

// Desk has the map and its lock.
type Desk struct {
	mu       sync.RWMutex
	sessions map[string]*Record
}

// Mirror has the same map, and a lock that is for its counter alone: it says
// nothing of who is at work on the map.
type Mirror struct {
	mu    sync.Mutex
	looks int
	seen  map[string]*Record
}

func mirroredDesk(c config) target {
	mirror, mirrored = &Mirror{}, &Desk{}
	mirrored.sessions = map[string]*Record{}
	mirror.seen = mirrored.sessions
	return newTraffic(c, pointers(textKey), behindRWMutex(&mirrored.mu, &mirrored.sessions))
}

// closureCards is kept by what the closures captured, and by nothing else.
func closureCards(c config) target {
	var mu sync.Mutex
	cards := map[string]Record{}
	dealt = func(k string) (Record, bool) {
		mu.Lock()
		defer mu.Unlock()
		r, ok := cards[k]
		return r, ok
	}
	return newTraffic[string, Record](c, records(textKey), dealtPlace{behindMutex(&mu, &cards)})
}

type dealtPlace struct{ *locked[string, Record] }

func (dealtPlace) get(k string) (Record, bool) { return dealt(k) }

// Hotel has a lock for all its rooms, which are maps.
type Hotel struct {
	mu    sync.Mutex
	rooms map[string]map[string]Record
}

func nestedRooms(c config) target {
	hotel = &Hotel{rooms: map[string]map[string]Record{}}
	var places []place[string, Record]
	for _, name := range []string{"blue", "green"} {
		room := map[string]Record{}
		hotel.rooms[name] = room
		places = append(places, behindMutex(&hotel.mu, &room))
	}
	return newTraffic(c, records(textKey), places...)
}

var (
	box      *Box
	mirror   *Mirror
	mirrored *Desk
	dealt    func(string) (Record, bool)
	hotel    *Hotel
)
