module github.com/mapmedic/mapmedic/lab

go 1.21
