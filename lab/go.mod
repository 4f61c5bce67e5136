module github.com/mapmedic/mapmedic/lab

go 1.21

require github.com/mapmedic/mapmedic/agent v0.0.0

replace github.com/mapmedic/mapmedic/agent => ../agent
