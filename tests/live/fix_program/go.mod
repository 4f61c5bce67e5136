module fix

go 1.21
