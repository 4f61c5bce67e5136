module stackprogram

go 1.21
