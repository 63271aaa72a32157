package setting

// Nearest returns the one of the known names that a misspelt name most likely
// means, or "" if none is near: at most two letters, or a third of the name, are
// wrong, missing, too many or swapped. The first of several that are equally near
// wins.
//
//	setting.Nearest("nolb", []string{"nlb", "label"}) // nlb
func Nearest(name string, known []string) string {
	best, least := "", min(2, len(name)/3)+1
	for _, k := range known {
		if d := distance(name, k); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance is how many letters have to be replaced, added, left out or swapped
// with their neighbour to make b out of a.
func distance(a, b string) int {
	// The last three rows of the table of distances between all beginnings.
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := above[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(replaced, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
