package useragent_test

import (
	"fmt"

	"clearhop/enrich/useragent"
)

func Example() {
	rules := useragent.NewRules() // once
	parser := rules.NewParser()   // in each goroutine
	for _, header := range []string{
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_2_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
		"curl/7.54.0",
		"ELB-HealthChecker/2.0",
		"-",
	} {
		r := parser.Parse([]byte(header))
		fmt.Printf("%q %q, %q %q, %q, bot %v\n", r.Name, r.Version, r.OSName, r.OSVersion, r.DeviceName, r.Bot)
	}
	// Output:
	// "Mobile Safari" "17.2", "iOS" "17.2.1", "iPhone", bot false
	// "Googlebot" "2.1", "" "", "", bot true
	// "curl" "7.54.0", "" "", "", bot true
	// "ELB-HealthChecker" "2.0", "" "", "", bot true
	// "" "", "" "", "", bot false
}
