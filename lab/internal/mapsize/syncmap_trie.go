//go:build go1.26 || (go1.24 && goexperiment.synchashtriemap)

package mapsize

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

const childrenPerNode = 16

// hashTrieMap is internal/sync.HashTrieMap[any, any], the inside of sync.Map
// since Go 1.24.
type hashTrieMap struct {
	inited            uint32
	initMu            [2]uint32
	root              unsafe.Pointer // *trieNode
	keyHash, valEqual unsafe.Pointer
	seed              uintptr
}

type trieNode struct {
	isEntry  bool
	dead     uint32
	mu       [2]uint32
	parent   unsafe.Pointer
	children [childrenPerNode]unsafe.Pointer
}

type trieEntry struct {
	isEntry  bool
	overflow unsafe.Pointer // *trieEntry, for keys of one hash
	key      any
	value    any
}

// trieCount is what hangs below one node of the trie.
type trieCount struct {
	entries, hashes int
	nodes, spare    int // spare: nodes a fresh trie would not need
}

// SyncMap measures a sync.Map. The caller keeps writers away.
func SyncMap(m *sync.Map) Measure {
	t := (*hashTrieMap)(unsafe.Pointer(m))
	var c trieCount
	if root := (*trieNode)(atomic.LoadPointer(&t.root)); root != nil {
		c = root.count()
		c.nodes++ // the root stays, whatever it holds
	}
	own := uint64(unsafe.Sizeof(*m)) +
		uint64(c.nodes)*New[trieNode]() + uint64(c.entries)*New[trieEntry]()
	return Measure{
		Design: "hashtrie", Entries: c.entries,
		ShallowBytes: own, DeadBytes: uint64(c.spare) * New[trieNode](),
	}
}

// count adds up a node's children, not the node itself.
func (n *trieNode) count() trieCount {
	var sum trieCount
	for i := range n.children {
		child := atomic.LoadPointer(&n.children[i])
		if child == nil {
			continue
		}
		if *(*bool)(child) {
			sum.addEntries((*trieEntry)(child))
		} else {
			sum.addNode((*trieNode)(child).count())
		}
	}
	return sum
}

func (sum *trieCount) addEntries(e *trieEntry) {
	sum.hashes++
	for ; e != nil; e = (*trieEntry)(atomic.LoadPointer(&e.overflow)) {
		sum.entries++
	}
}

// addNode adds a child node. Inserts make a node only where two hashes meet;
// one with fewer is what deletes have left behind.
func (sum *trieCount) addNode(below trieCount) {
	sum.entries += below.entries
	sum.hashes += below.hashes
	sum.nodes += below.nodes + 1
	sum.spare += below.spare
	if below.hashes < 2 {
		sum.spare++
	}
}

// DeletedKeys lists keys that were deleted and are still held: none, in this
// design.
func DeletedKeys(*sync.Map) []any { return nil }
