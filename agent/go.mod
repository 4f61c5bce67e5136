module github.com/mapmedic/mapmedic/agent

go 1.21
