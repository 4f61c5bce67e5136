module sanitized

go 1.21
