module example.com/corners

go 1.21
