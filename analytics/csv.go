package analytics

import "strings"

// FormulaStarts are the characters that a spreadsheet takes for the beginning of a
// formula. Some spreadsheets take the wide forms of East Asian keyboards too, and leave
// out a tab or a line break in front.
const FormulaStarts = "=+-@\t\r\n＝＋－＠"

// CSVText returns a text of an answer as it is to stand in a cell of CSV. Visitors write
// most texts of a log, and a spreadsheet runs a cell such as =cmd() as a formula: a text
// that begins like one gets a ' in front.
//
//	CSVText("=1+2") // '=1+2
//
// Only texts need it: a number such as -1 is no formula, and is written as it is.
func CSVText(text string) string {
	for _, first := range text {
		if strings.ContainsRune(FormulaStarts, first) {
			return "'" + text
		}
		break
	}
	return text
}
