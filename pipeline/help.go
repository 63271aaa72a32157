package pipeline

import (
	_ "embed"
	"strings"
	"sync"

	"clearhop/internal/setting"
)

// settingsText is the help of all settings: a section for each, under its name.
//
//go:embed settings.md
var settingsText string

// Settings describes the settings of Config for the command and the
// documentation, in their order.
func Settings() []setting.Setting {
	all := setting.List(&Config{})
	for i := range all {
		all[i].Help = Help(all[i].Name)
	}
	return all
}

// Help returns what the setting of that name does, on one line. It is empty for
// any other name.
func Help(name string) string { return helpTexts()[name] }

var helpTexts = sync.OnceValue(func() map[string]string {
	texts := map[string]string{}
	sections := strings.Split(settingsText, "\n## ")
	for _, section := range sections[1:] {
		name, text, _ := strings.Cut(section, "\n")
		texts[name] = strings.Join(strings.Fields(text), " ")
	}
	return texts
})
