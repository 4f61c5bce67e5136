module c_program

go 1.21
