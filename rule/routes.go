package rule

import "slices"

// MatchRoutes compares the routes that the rules send events to with the routes
// that lead somewhere. It returns the routes that are asked for and lead nowhere,
// and the given ones that no rule sends events to, each in their order. The
// caller names the settings that are wrong.
func MatchRoutes(asked, given []string) (missing, unused []string) {
	return without(asked, given), without(given, asked)
}

// without returns the names that are not among others.
func without(names, others []string) []string {
	var rest []string
	for _, name := range names {
		if !slices.Contains(others, name) {
			rest = append(rest, name)
		}
	}
	return rest
}
