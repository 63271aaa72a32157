//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && (amd64 || arm64)) || (windows && amd64))

package store

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// tableFunctions are the functions that may stand behind FROM. All others are refused:
// some of them reach files, and enable_logging writes one even where the engine has no
// access to files. query and query_table would hide a function from this check.
var tableFunctions = []string{"range", "generate_series", "unnest", "repeat", "json_each", "json_tree"}

// noFunctions are the functions in expressions that are refused, because they change
// something or read the environment.
var noFunctions = []string{"write_log", "nextval", "currval", "getenv", "getvariable"}

// checkFunctions refuses a query that calls a function that it must not. The engine
// itself writes the query down as a tree, which names all functions.
func (s *Store) checkFunctions(ctx context.Context, sql string) error {
	var tree strings.Builder
	err := s.query(ctx, "SELECT CAST(json_serialize_sql("+literal(sql)+", skip_null := true, skip_empty := true) AS VARCHAR)", nil, func(c mapping.DataChunk) error {
		for _, t := range vectorOf[text](mapping.DataChunkGetVector(c, 0), int(mapping.DataChunkGetSize(c))) {
			tree.Write(t.bytes())
		}
		return nil
	})
	if err != nil {
		return err
	}
	var root map[string]any
	if err := json.Unmarshal([]byte(tree.String()), &root); err != nil {
		return err
	}
	if root["error"] != false {
		return &QueryError{Reason: "one SELECT is expected; nothing else is run"}
	}
	if name := forbidden(root); name != "" {
		return &QueryError{Reason: "a query cannot call " + name + ": it reaches no file, no network, no extension and no setting"}
	}
	return nil
}

// forbidden returns the name of a function in the tree that a query must not call; "" if
// there is none.
func forbidden(node any) string {
	switch node := node.(type) {
	case []any:
		for _, item := range node {
			if name := forbidden(item); name != "" {
				return name
			}
		}
	case map[string]any:
		if node["type"] == "TABLE_FUNCTION" {
			function, _ := node["function"].(map[string]any)
			if name, _ := function["function_name"].(string); !slices.Contains(tableFunctions, strings.ToLower(name)) {
				return name
			}
		}
		if name, ok := node["function_name"].(string); ok && slices.Contains(noFunctions, strings.ToLower(name)) {
			return name
		}
		for _, item := range node {
			if name := forbidden(item); name != "" {
				return name
			}
		}
	}
	return ""
}
