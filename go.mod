module clearhop

go 1.26
