module structprogram

go 1.21
