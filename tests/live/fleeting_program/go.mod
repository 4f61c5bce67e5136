module fleeting

go 1.21
