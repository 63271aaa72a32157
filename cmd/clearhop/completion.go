package main

import (
	"slices"

	"clearhop/parser"
	"clearhop/privacy"

	"github.com/alecthomas/kong"
	kongcompletion "github.com/jotaen/kong-completion"
	"github.com/posener/complete"
)

// completed answers a shell that asks for the words that may come next. It reports
// whether that is what the program was started for.
func completed(app *kong.Kong) bool {
	root, err := kongcompletion.Command(app)
	if err != nil {
		panic("clearhop: completion: " + err.Error())
	}
	for name, command := range root.Sub {
		for flag := range command.GlobalFlags {
			if p := valuesOf(name, flag); p != nil {
				command.GlobalFlags[flag] = p
			}
		}
		if p := argumentsOf(name, root.Sub); p != nil {
			command.Args = p
			root.Sub[name] = command
		}
	}
	c := complete.New(app.Model.Name, root)
	c.Out = app.Stdout
	return c.Complete()
}

var (
	files   = complete.PredictFiles("*")
	formats = complete.PredictSet(append(parser.BuiltinNames(), parser.CombinedExtra, parser.JSON, parser.Auto)...)
)

// valuesOf returns what the value of a flag can be; nil where kong knows it, or
// nobody does.
func valuesOf(command, flag string) complete.Predictor {
	switch flag {
	case "--format":
		return formats
	case "--as":
		return complete.PredictSet(append(parser.BuiltinNames(), asIs)...)
	case "--privacy":
		return complete.PredictSet(privacy.Modes()...)
	case "--output", "-o":
		if command == "doctor" || command == "query" {
			return nil
		}
		return files
	case "--config", "--city-db", "--asn-db", "--from", "--db":
		return files
	case "--nlb":
		return complete.PredictSet("discover", "discover:")
	case "--error-zone":
		return complete.PredictSet("UTC", "Asia/Tokyo", "Europe/Berlin", "America/New_York")
	}
	return nil
}

// argumentsOf returns what the arguments of a command can be; nil if nobody knows.
func argumentsOf(command string, commands complete.Commands) complete.Predictor {
	switch command {
	case "enrich", "doctor", "report", "serve":
		return files
	case "query":
		return complete.PredictOr(complete.PredictSet(questionNames()...), files)
	case "format":
		return complete.PredictOr(formats, files)
	case "help":
		var names []string
		for name := range commands {
			names = append(names, name)
		}
		slices.Sort(names)
		return complete.PredictSet(names...)
	}
	return nil
}
