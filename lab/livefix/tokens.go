package main

import (
	"sync"
	"sync/atomic"
)

// Vault has its sync.Map as a field.
type Vault struct {
	kept   int
	tokens sync.Map
}

// TypedCache is how services wrap a sync.Map: its types, and its own figures.
type TypedCache[K comparable, V any] struct {
	hits  atomic.Int64
	items sync.Map
	name  string
}

// Straddler is too large for the allocator's size classes, so that it begins
// with a page; the second and third words of its sync.Map lie on two.
type Straddler struct {
	before [4096 - 16]byte
	tokens sync.Map
	after  [40_000]byte
}

// TokenShards is a cache of many: some of what they lead to lies on two pages.
type TokenShards struct{ shards [64]sync.Map }

var (
	tokens      sync.Map
	vault       *Vault
	jobs        *TypedCache[int64, Plain]
	straddler   *Straddler
	tokenShards *TokenShards
	mixedTokens *Vault
)

func globalTokens(c config) target {
	return newTraffic(c, pointers(textKey), inSyncMaps[string, *Record](&tokens)...)
}

func vaultTokens(c config) target {
	vault = &Vault{}
	return newTraffic(c, pointers(textKey), inSyncMaps[string, *Record](&vault.tokens)...)
}

func typedJobs(c config) target {
	jobs = &TypedCache[int64, Plain]{name: "jobs"}
	return newTraffic(c, plains(numberKey), inSyncMaps[int64, Plain](&jobs.items)...)
}

func anyTokens(c config) target {
	mixedTokens = &Vault{}
	return newTraffic(c, records(anyKey), inSyncMaps[any, Record](&mixedTokens.tokens)...)
}

func straddlingTokens(c config) target {
	straddler = &Straddler{}
	return newTraffic(c, pointers(textKey), inSyncMaps[string, *Record](&straddler.tokens)...)
}

func shardedTokens(c config) target {
	tokenShards = &TokenShards{}
	maps := make([]*sync.Map, len(tokenShards.shards))
	for i := range maps {
		maps[i] = &tokenShards.shards[i]
	}
	return newTraffic(c, pointers(textKey), inSyncMaps[string, *Record](maps...)...)
}
