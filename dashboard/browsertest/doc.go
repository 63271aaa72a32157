// Package browsertest looks at the page of the dashboard in a real Chromium, from both
// sources: "clearhop serve", and a file of "clearhop report --html" with the network off.
// It has tests only.
package browsertest
