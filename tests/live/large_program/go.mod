module large

go 1.21
