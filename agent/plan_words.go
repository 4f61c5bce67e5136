package agent

import (
	"runtime"
	"time"
)

const undoSentence = "Until the commit every entry can return; a key written since then keeps its newer value, " +
	"and a key deleted since then returns, because a delete of a key that is not there leaves no trace."

// willQueue is about a lock that a plan only saw from its read side.
const willQueue = "The lock was never free for a try within 100 ms: the operation will queue for it, and while it does, " +
	"new readers of a RWMutex wait behind it until those inside have left."

const (
	keepsArrays = "The bucket or group arrays stay as large as they are: delete and clear keep them in every version of Go. " +
		"Swap gives them back, which is why it is the default; shrink does so afterwards."
	gradual = "Entries leave chunk by chunk: meanwhile readers see some of them gone and some not, " +
		"and what the service stores during the walk may stay or go. If the walk is cut short, complete is false and what was taken out is held."
	skipsNaN = "An entry whose key is not equal to itself (NaN) cannot be deleted one by one; it stays and is counted in skipped."
)

var evictNotes = []string{
	"matches is a count of this moment: if the map changes meanwhile it is an estimate, and an operation decides anew for each entry.",
	"What a pointer leads to is read without any lock but the map's own: a field that the service changes under another lock, " +
		"or atomically, may be read half old, half new, and the entry may be judged wrongly. A value that cannot be read does not fit.",
	"A nil on the way, the zero time and a numeric expiry of zero or less do not fit; patterns are tried on strings of at most 1024 bytes.",
}

// holdOf is how long one hold of the lock is reckoned to be.
func holdOf(s situation, what task) time.Duration {
	switch {
	case s.kind == kindSyncMap:
		return 0
	case what.strategy == strategySwap:
		return time.Microsecond
	case what.strategy == strategyDelete, what.strategy == strategyEvict:
		return holdTooLong
	}
	return holdEstimate(what.strategy, s.seen.entries)
}

func firstSteps(s situation, strategy string) []string {
	switch {
	case s.kind == kindSyncMap && strategy == strategyEvict:
		return []string{"Walk the sync.Map and move each entry that fits `where` into a side store, if it still holds the value that fits."}
	case s.kind == kindSyncMap:
		return []string{"Walk the sync.Map and move each entry into a side store with LoadAndDelete; nothing stored meanwhile is touched."}
	case strategy == strategyShrink:
		return []string{
			"Take the registered lock and copy every entry into a new map of the right size.",
			"Put the new map in place of the old one and let the lock go; when the copy takes too long, let go and change nothing.",
		}
	case strategy == strategyClear:
		return []string{
			"Take the registered lock and copy every entry into a store of the agent's own.",
			"Clear the map and let the lock go; when the copy takes too long, let go and change nothing.",
		}
	case strategy == strategyDelete:
		return []string{"Walk the map in chunks, the lock held for about a millisecond each, and move every entry into a store of the agent's own."}
	case strategy == strategyEvict:
		return []string{"Walk the map in chunks, the lock held for about a millisecond each, and move the entries that fit `where` into a store of the agent's own."}
	}
	return []string{
		"Prepare an empty map.",
		"Take the registered lock, put the empty map in place of the full one, let the lock go.",
	}
}

func lastSteps(strategy string) []string {
	if strategy == strategyShrink {
		return []string{
			"Hold the old map until the operation ends; its entries are all in the new one.",
			"On commit drop the old map, run a garbage collection and return the memory to the operating system.",
		}
	}
	return []string{
		"Hold the old entries: they can be streamed, committed or undone.",
		"Without a commit before the hold is over, give every entry back.",
		"On commit drop the old entries, run a garbage collection and return the memory to the operating system.",
	}
}

func notesOn(s situation, strategy string) []string {
	if s.kind == kindSyncMap && strategy == strategyEvict {
		return append(syncMapNotes(), evictNotes...)
	}
	if s.kind == kindSyncMap {
		return syncMapNotes()
	}
	switch strategy {
	case strategyShrink:
		return []string{
			"No entry leaves the map; what goes are the bucket arrays that deleted entries left behind.",
			"Readers and writers wait for the whole copy; lock_hold_estimate_ns is a reckoning, lock_hold_ns of the operation is measured.",
			"Whoever keeps a copy of the map header outside the lock keeps the old map.",
		}
	case strategyClear:
		return []string{keepsArrays,
			"Readers and writers wait while everything is copied and wiped; lock_hold_estimate_ns is a reckoning, lock_hold_ns of the operation is measured."}
	case strategyDelete:
		return []string{keepsArrays, gradual, skipsNaN}
	case strategyEvict:
		return append([]string{keepsArrays, gradual, skipsNaN}, evictNotes...)
	}
	notes := []string{
		"The service finds an empty map and fills it again as after a restart.",
		"The old bucket arrays go with the old map, which delete and clear would keep.",
	}
	return append(notes, growthNotes()...)
}

func growthNotes() []string {
	if growthNote == "" {
		return nil
	}
	return []string{growthNote}
}

func syncMapNotes() []string {
	notes := []string{
		"Entries leave one after another: for a moment readers see some of them gone and some not.",
		"While they are held the side store costs 32 bytes an entry on top.",
		"There is no lock to measure; the time for the whole walk is detach_ns of the operation.",
	}
	if syncMapKeepsBuckets {
		return append(notes, "This sync.Map ("+runtime.Version()+") is the old design: values and keys are freed, "+
			"its bucket array only after the service has stored new keys and the map has promoted them.")
	}
	return append(notes, "This sync.Map ("+runtime.Version()+") is a hash trie: it gives its nodes back as its entries leave.")
}
