module ownerprogram

go 1.21
