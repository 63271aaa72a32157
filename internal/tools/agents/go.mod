// This is a module of its own, so that the libraries that were not chosen stay out
// of the project's go.mod.
module clearhop/internal/tools/agents

go 1.26.0

require (
	clearhop v0.0.0
	github.com/mileusna/useragent v1.3.5
	github.com/mssola/useragent v1.0.0
	github.com/ua-parser/uap-go v0.0.0-20260529044130-17c35e68e58c
)

require (
	github.com/hashicorp/golang-lru v1.0.2 // indirect
	gopkg.in/yaml.v3 v3.0.1 // indirect
)

replace clearhop => ../../..
