// This is a module of its own, so that a library that is only measured stays out of the
// project's go.mod.
module clearhop/internal/tools/compare/gonx

go 1.26.0

require github.com/satyrius/gonx v1.3.1-0.20181123214749-d96bd26e3b2c

require github.com/smartystreets/goconvey v1.8.1 // indirect
