package main

type shard struct {
	_    [7]uint64
	data map[uint64]int
}

var (
	shards  [4096]shard
	grid    [16][16]map[int]int
	onHeap  *[2048]shard
	columns [][]map[string]int
	several struct {
		low, high [8]struct{ byID map[int]int }
	}
)

func fillArrays() {
	long := func(i int) uint64 { return uint64(i) }
	shards[4095].data = filled[uint64, int](long)
	held("main.shards[4095].data", len(shards[4095].data))
	grid[15][3] = filled[int, int](number)
	held("main.grid[15][3]", len(grid[15][3]))
	onHeap = new([2048]shard)
	onHeap[2000].data = filled[uint64, int](long)
	held("main.onHeap[2000].data", len(onHeap[2000].data))
	columns = make([][]map[string]int, 10)
	columns[9] = make([]map[string]int, 100)
	columns[9][99] = filled[string, int](text)
	held("main.columns[9][99]", len(columns[9][99]))
	several.high[5].byID = filled[int, int](number)
	held("main.several.high[5].byID", len(several.high[5].byID))
}
