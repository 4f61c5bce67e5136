package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var syncMap = scenario{
	sentence: "every token ever issued is stored in a sync.Map, looked up now and then, and never deleted",
	verdict:  "map_leak",
	defaults: load{entries: 150_000, rate: 2_000, valueBytes: 900},
	start:    func(l load) service { return &tokenDesk{claimBytes: l.valueBytes} },
}

const issuedTokensVar = "main.issuedTokens"

var issuedTokens sync.Map // string -> *Token

// Token is an access token with its claims.
type Token struct {
	ID     string
	Owner  string
	Claims []byte
}

type tokenDesk struct {
	// A sync.Map has no lock that all of its writers take, so the desk has
	// one for the sake of an exact truth. Writers share it: in the service's
	// daily life nobody waits for anybody.
	truth      sync.RWMutex
	serial     atomic.Uint64
	claimBytes int
}

// Issue makes a token and keeps it.
func (d *tokenDesk) Issue(owner string) *Token {
	t := newToken(owner, d.serial.Add(1), d.claimBytes)
	d.keep(t)
	return t
}

func newToken(owner string, serial uint64, claimBytes int) *Token {
	t := &Token{
		ID:     fmt.Sprintf("token-%016x", mix(serial)),
		Owner:  fmt.Sprintf("owner:%s/issue-%08d", owner, serial),
		Claims: make([]byte, claimBytes),
	}
	fillWith(t.Claims, serial)
	return t
}

func (d *tokenDesk) keep(t *Token) {
	d.truth.RLock()
	defer d.truth.RUnlock()
	issuedTokens.Store(t.ID, inserting(t))
}

// lookUp returns nil for a token that is not known (any more).
func lookUp(id string) *Token {
	found, _ := issuedTokens.Load(id)
	t, _ := found.(*Token)
	return t
}

func (d *tokenDesk) add(n int) { d.Issue(fmt.Sprintf("client-%d", n)) }

func (d *tokenDesk) work(key string) any {
	issued := d.Issue(key)
	t := lookUp(issued.ID)
	known := t != nil
	if !known {
		t = issued
	}
	return map[string]any{"token": t.ID, "owner": t.Owner, "known": known, "claims": checksum(t.Claims)}
}

func (d *tokenDesk) register() error {
	return agent.RegisterSyncMap(issuedTokensVar, &issuedTokens)
}

func (d *tokenDesk) holding() holding {
	d.truth.Lock()
	defer d.truth.Unlock()
	// Measured before Range, which in the old design moves entries about.
	h := holding{
		path: "main.issuedTokens", declared: issuedTokensVar,
		typ: reflect.TypeOf(&issuedTokens).Elem(), size: mapsize.SyncMap(&issuedTokens),
	}
	for _, key := range mapsize.DeletedKeys(&issuedTokens) {
		h.valuesBytes += boxedKeyBytes(key.(string))
	}
	issuedTokens.Range(func(_, value any) bool {
		t := value.(*Token)
		h.valuesBytes += boxedKeyBytes(t.ID) + mapsize.New[Token]() +
			mapsize.String(t.Owner) + mapsize.Bytes(t.Claims)
		return true
	})
	return h
}

// boxedKeyBytes is a key's text, shared with the token, and the box with its
// header that an interface needs.
func boxedKeyBytes(key string) uint64 { return mapsize.New[string]() + mapsize.String(key) }
