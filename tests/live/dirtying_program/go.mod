module example.org/dirtying

go 1.21
