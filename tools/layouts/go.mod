module github.com/mapmedic/mapmedic/tools/layouts

go 1.21
