module survivalprogram

go 1.21
