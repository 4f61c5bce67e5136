module github.com/mapmedic/mapmedic/benchmarks/flow_table

go 1.21
