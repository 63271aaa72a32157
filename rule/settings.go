package rule

import "clearhop/internal/setting"

// Settings are the rules as the operator writes them. The command reads them
// from a flag, the functions from the environment; package pipeline has its help.
type Settings struct {
	Rule []string `name:"rule" env:"CLEARHOP_RULES" sep:"none" envSeparator:"\x1e" placeholder:"RULE"`
}

// Compile compiles the rules. The error names the setting before each mistake.
func (s *Settings) Compile() (*Set, error) {
	rules, err := Compile(s.Rule)
	return rules, setting.Error("rule", err)
}
