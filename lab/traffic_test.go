package main

import (
	"container/list"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// swapperOf does to a scenario's map what the agent does: a fresh one, under the
// lock.
func swapperOf(svc service) func() {
	switch s := svc.(type) {
	case *UserSessionManager:
		return func() { s.mu.Lock(); s.sessions = make(map[string]*Session); s.mu.Unlock() }
	case *quoteDesk:
		return func() { cacheMu.Lock(); cacheMap = make(map[string]*Item); cacheMu.Unlock() }
	case *LRUCache:
		return func() { s.mu.Lock(); s.items = make(map[string]*list.Element); s.mu.Unlock() }
	case *Catalogue:
		return func() { s.mu.Lock(); s.products = make(map[string]*Product); s.mu.Unlock() }
	case *tokenDesk:
		return func() {
			issuedTokens.Range(func(key, _ any) bool { issuedTokens.Delete(key); return true })
		}
	case *fareDesk:
		return func() {
			s.fares("", nil, func(cache *map[string]*Fare, mu *sync.Mutex) {
				mu.Lock()
				*cache = make(map[string]*Fare)
				mu.Unlock()
			})
		}
	case *exportStore:
		return func() { s.mu.Lock(); s.finished = make(map[string][]byte); s.mu.Unlock() }
	case *studio:
		return func() {
			thumbnails.mu.Lock()
			thumbnails.items = make(map[string]*Thumbnail)
			thumbnails.mu.Unlock()
		}
	case *orderBook:
		return func() { s.mu.Lock(); s.open = make(map[orderID]openOrder); s.mu.Unlock() }
	case *usageMeter:
		return func() { s.mu.Lock(); s.totals = make(map[uint64]usage); s.mu.Unlock() }
	case *basketCache:
		return func() { s.mu.Lock(); s.baskets = make(map[string]*Basket); s.mu.Unlock() }
	case *streetCache:
		return func() { s.mu.Lock(); s.streets = make(map[string]*Street); s.mu.Unlock() }
	case *jobBoard:
		return func() { s.mu.Lock(); s.results = make(map[string]*JobResult); s.mu.Unlock() }
	case *DeviceRegistry:
		return func() {
			for i := range s.shards {
				shard := &s.shards[i]
				shard.mu.Lock()
				shard.m = make(map[string]*Device)
				shard.mu.Unlock()
			}
		}
	case *draftDesk:
		return func() {
			for _, t := range tenants {
				t.mu.Lock()
				t.items = make(map[string]*Draft)
				t.mu.Unlock()
			}
		}
	}
	return func() {}
}

func TestWorkStaysRightWhileTheMapIsSwapped(t *testing.T) {
	keepGCPercent(t)
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			svc := s.start(load{entries: 100, valueBytes: 64})
			for n := 0; n < 100; n++ {
				svc.add(n)
			}
			mux := http.NewServeMux()
			mux.HandleFunc("/api/work", func(w http.ResponseWriter, r *http.Request) { handleWork(w, r, svc) })
			swap := swapperOf(svc)
			var traffic sync.WaitGroup
			for client := 0; client < 4; client++ {
				traffic.Add(1)
				go func(client int) {
					defer traffic.Done()
					for i := 0; i < 300; i++ {
						if code, body := ask(mux, fmt.Sprintf("/api/work?key=c%d-%d", client, i%50)); code != http.StatusOK {
							t.Errorf("%d %s", code, body)
						}
					}
				}(client)
			}
			for i := 0; i < 50; i++ {
				swap()
				svc.holding()
			}
			traffic.Wait()
		})
	}
}

func ask(h http.Handler, target string) (int, string) {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, target, nil))
	return answer.Code, answer.Body.String()
}

func TestBadKeysAreRefused(t *testing.T) {
	svc := boundedLRU.start(load{entries: 5, valueBytes: 64})
	mux := http.NewServeMux()
	mux.HandleFunc("/api/work", func(w http.ResponseWriter, r *http.Request) { handleWork(w, r, svc) })
	for _, query := range []string{"", "?key=", "?other=1", "?key=" + strings.Repeat("k", 257), "?key=%00", "?key=%0a", "?key=%ff"} {
		if code, _ := ask(mux, "/api/work"+query); code != http.StatusBadRequest {
			t.Errorf("%q: %d, want 400", query, code)
		}
	}
	if code, _ := ask(mux, "/api/work?key=J%C3%BCrgen"); code != http.StatusOK {
		t.Errorf("an honest name was refused with %d", code)
	}
}

func TestAgentIsThereAndGuarded(t *testing.T) {
	p := startLab(t, "struct-field", "--entries", "10", "--rate", "0", "--exit-with-stdin")
	answer, err := http.Get(p.url + "/debug/mapmedic/v1/maps")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a token: %s, want 401", answer.Status)
	}
	request, _ := http.NewRequest(http.MethodGet, p.url+"/debug/mapmedic/v1/maps", nil)
	request.Header.Set("Authorization", "Bearer open sesame")
	answer, err = http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("with the token: %s, want 200", answer.Status)
	}
}

// What has a lock that everybody takes is known to the agent, by its declared
// name or, where several maps share that, by their paths.
func TestAgentKnowsTheMaps(t *testing.T) {
	keepGCPercent(t)
	for name, s := range scenarios {
		if _, ok := s.start(load{entries: 1, valueBytes: 16}).(patient); !ok {
			continue
		}
		t.Run(name, func(t *testing.T) {
			p := startLab(t, name, "--entries", "30", "--rate", "0", "--value-bytes", "64", "--exit-with-stdin")
			request, _ := http.NewRequest(http.MethodGet, p.url+"/debug/mapmedic/v1/maps", nil)
			request.Header.Set("Authorization", "Bearer open sesame")
			answer, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			body, _ := io.ReadAll(answer.Body)
			for _, want := range namesToTheAgent(p.truth()) {
				if quoted, _ := json.Marshal(want); !strings.Contains(string(body), string(quoted)) {
					t.Errorf("the agent does not know %s: %s", quoted, body)
				}
			}
		})
	}
}

func namesToTheAgent(told truth) []string {
	if len(told.Parts) == 0 {
		return []string{*told.Declared}
	}
	var names []string
	for _, p := range told.Parts {
		names = append(names, p.Path)
	}
	return names
}
