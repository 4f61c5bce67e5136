module example.org/mapzoo

go 1.21
