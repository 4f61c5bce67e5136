module example.org/entries

go 1.21
