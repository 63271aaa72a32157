package parser

import (
	"errors"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shape writes a format with its fixed text quoted: what Compile understood.
func shape(f *Format) string {
	var b strings.Builder
	if len(f.prefix) > 0 {
		b.WriteString(strconv.Quote(string(f.prefix)) + " ")
	}
	for i, st := range f.steps {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString("$" + st.variable.name)
		if len(st.literal) > 0 {
			b.WriteString(" " + strconv.Quote(string(st.literal)))
		}
	}
	return b.String()
}

func TestCompile(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		format, err := Compile(text)
		if err != nil {
			t.Errorf("Compile(%q): %v", text, err)
			return
		}
		if got := shape(format); got != want {
			t.Errorf("Compile(%q)\n got %s\nwant %s", text, got, want)
		}
	}

	// A bare format string.
	f(`$status`, `$status`)
	f(`$remote_addr [$time_local] "$request"`, `$remote_addr " [" $time_local "] \"" $request "\""`)
	f(`<$status>`, `"<" $status ">"`)
	f(" $status ", `" " $status " "`) // spaces may be meant
	f("$status\r\n", `$status`)       // the end of a file is not
	f(`${status}x`, `$status "x"`)
	f(`$status-x`, `$status "-x"`)
	f(`'$status'`, `"'" $status "'"`) // quotes of nginx.conf belong to a directive
	f(`#$status`, `"#" $status`)
	f(`log_format_of $status`, `"log_format_of " $status`)

	// Both quotes, none, and several strings.
	f(`log_format x '$status';`, `$status`)
	f(`log_format x "$status";`, `$status`)
	f(`log_format x $status;`, `$status`)
	f(`log_format x [$status];`, `"[" $status "]"`)
	f(`log_format x ${status}y;`, `$status "y"`)
	f(`log_format x '$status ' "$host";`, `$status " " $host`)
	f("log_format x '$status '\n\t'$host'\r\n;\n", `$status " " $host`)
	f(`log_format x $status ' ' $host;`, `$status " " $host`)
	f(`log_format x '$status' 'us $host';`, `$status "us " $host`) // the name ends with its string
	f(`log_format x '{' $status '}';`, `"{" $status "}"`)
	f(`log_format x '$status{}';`, `$status "{}"`)
	f(`log_format x "it's $status";`, `"it's " $status`)
	f(`log_format x '"$status"';`, `"\"" $status "\""`)
	f(`log_format "x" '$status';`, `$status`)

	// Backslashes.
	f(`log_format x 'it\'s $status';`, `"it's " $status`)
	f(`log_format x "\"$status\"";`, `"\"" $status "\""`)
	f(`log_format x '$status\t$host';`, `$status "\t" $host`)
	f(`log_format x '$status\\$host';`, `$status "\\" $host`)
	f(`log_format x '$status\d$host';`, `$status "\\d" $host`)
	f(`log_format x $status\;$host;`, `$status "\\;" $host`) // ends nothing, and stays
	f(`log_format x $status\ $host;`, `$status "\\ " $host`)

	// Comments, and a semicolon that was not copied.
	f("log_format x # not 'this'; nor that\n '$status';", `$status`)
	f("log_format x '$status'; # the end", `$status`)
	f("# our format\nlog_format x '$status';", `$status`)
	f("\n  # one\n  # two\n\tlog_format x '$status'", `$status`)
	f(`log_format x '$status # $host';`, `$status " # " $host`)
	f(`log_format x '$status'`, `$status`)
	f(`log_format x $status`, `$status`)

	// Names, whatever their case.
	f(`$STATUS $Http_Referer $HTTP_X_Foo`, `$status " " $http_referer " " $http_x_foo`)
	f(`$proxy_protocol_tlv_0xea`, `$proxy_protocol_tlv_0xEA`)

	// A value of fixed width needs no text behind it.
	f(`$time_local$status`, `$time_local $status`)
	f(`$time_iso8601$time_local`, `$time_iso8601 $time_local`)

	// The names of formats.
	f(`combined`, `$remote_addr " - " $remote_user " [" $time_local "] \"" $request "\" " $status " " $body_bytes_sent " \"" $http_referer "\" \"" $http_user_agent "\""`)
	f(" main\n", `$remote_addr " - " $remote_user " [" $time_local "] \"" $request "\" " $status " " $body_bytes_sent " \"" $http_referer "\" \"" $http_user_agent "\" \"" $http_x_forwarded_for "\""`)
}

func TestCompileNameAndEscape(t *testing.T) {
	f := func(text, name string, escape Escape) {
		t.Helper()
		format, err := Compile(text)
		if err != nil {
			t.Errorf("Compile(%q): %v", text, err)
			return
		}
		if format.Name() != name || format.Escape() != escape {
			t.Errorf("Compile(%q) is %q with escape=%v, want %q with escape=%v", text, format.Name(), format.Escape(), name, escape)
		}
	}
	f(`$status`, "", EscapeDefault)
	f(`combined`, "combined", EscapeDefault)
	f(`log_format a-b.c '$status';`, "a-b.c", EscapeDefault)
	f(`log_format x escape=default '$status';`, "x", EscapeDefault)
	f(`log_format x escape=json '$status';`, "x", EscapeJSON)
	f(`log_format x 'escape=none' '$status';`, "x", EscapeNone)
	f(`log_format x '$status' escape=json;`, "x", EscapeDefault) // nginx looks at the second word only
	if got := Escape(9).String(); got != "unknown" {
		t.Errorf("Escape(9) is called %q", got)
	}
}

// The place of the error is marked with § in the text.
func TestCompileError(t *testing.T) {
	f := func(marked, reason string, cause error) {
		t.Helper()
		before, after, ok := strings.Cut(marked, "§")
		if !ok {
			t.Fatalf("no § in %q", marked)
		}
		_, err := Compile(before + after)
		want := &CompileError{Column: len(before) + 1, Reason: reason, Err: cause}
		var got *CompileError
		if !errors.As(err, &got) {
			t.Errorf("Compile(%q): error %v, want %v", marked, err, want)
			return
		}
		if got.Column != want.Column || got.Reason != want.Reason || !errors.Is(err, cause) {
			t.Errorf("Compile(%q)\n got %v\nwant %v", marked, err, want)
		}
	}

	f(`§`, "the format is empty", ErrSyntax)
	f(`§   `, "the format is empty", ErrSyntax)
	f(`§"-"`, "the format has no variable", ErrSyntax)
	known := "; known: " + strings.Join(append(BuiltinNames(), CombinedExtra), ", ")
	f(`§common`, `no format is called "common"`+known, ErrSyntax)
	f(`§log_format`, `no format is called "log_format"`+known, ErrSyntax)
	f(`log_format x;§`, "a name and at least one string must follow log_format", ErrSyntax)
	f(`log_format ;§`, "a name and at least one string must follow log_format", ErrSyntax)
	f(`log_format x escape=json;§`, "the format's string is missing", ErrSyntax)
	f(`log_format x §escape=xml '$status';`, "escape must be default, json or none", ErrSyntax)
	f(`log_format x '§escape=' '$status';`, "escape must be default, json or none", ErrSyntax)
	f(`log_format x §'$status;`, "the closing quote is missing", ErrSyntax)
	f(`log_format x §"$status\";`, "the closing quote is missing", ErrSyntax)
	f(`log_format x '$status'§"$host";`, "a space must follow the closing quote", ErrSyntax)
	f(`log_format x '$status'§{`, "a space must follow the closing quote", ErrSyntax)
	f(`log_format x '$status'; §log_format y '$host';`, `there is text after the ";"`, ErrSyntax)
	f("log_format x '$status'; # fine\n§}", `there is text after the ";"`, ErrSyntax)
	f(`log_format x §{ }`, "a bracket must be in quotes", ErrSyntax)
	f(`log_format x $status§{}`, "a bracket must be in quotes", ErrSyntax)
	f(`log_format x §}`, "a bracket must be in quotes", ErrSyntax)
	f(`$status §$`, `a variable's name must follow "$"`, ErrSyntax)
	f(`$status §$$host`, `a variable's name must follow "$"`, ErrSyntax)
	f(`$status §${}`, `a variable's name must follow "$"`, ErrSyntax)
	f(`$status §${host`, "the closing bracket of the variable is missing", ErrSyntax)
	f(`$status §${ho-st}`, "the closing bracket of the variable is missing", ErrSyntax)
	f(`log_format x 'it\'s §$ ';`, `a variable's name must follow "$"`, ErrSyntax)
	f(`log_format x 'a\d§$ ';`, `a variable's name must follow "$"`, ErrSyntax)
	f("log_format x # ' \n '$status' '\\t§$';", `a variable's name must follow "$"`, ErrSyntax)

	f(`$host§$status`, "nothing stands between $host and $status", ErrAmbiguous)
	f(`$host§${Status}`, "nothing stands between $host and $Status", ErrAmbiguous)
	f(`log_format x '$host'  '§$status';`, "nothing stands between $host and $status", ErrAmbiguous)
	f(`$status§$time_local`, "nothing stands between $status and $time_local", ErrAmbiguous)
	f(`$upstream_addr§, $upstream_status`, "the text after $upstream_addr could be one more item of the list", ErrAmbiguous)
	f(`$upstream_addr§ : $upstream_status`, "the text after $upstream_addr could be one more item of the list", ErrAmbiguous)
	f(`${upstream_addr}§ms, $status`, "the text after $upstream_addr could be one more item of the list", ErrAmbiguous)
	f(`log_format x '$upstream_status,' '§ $status';`, "the text after $upstream_status could be one more item of the list", ErrAmbiguous)
	f(`log_format x escape=json '$upstream_status§- $status';`, "the text after $upstream_status could be one more item of the list", ErrAmbiguous)
	f(`${status}§0 $host`, "a digit follows the number $status", ErrAmbiguous)
	f(`${upstream_status}§0 $host`, "a digit follows the number $upstream_status", ErrAmbiguous)
	f("log_format x '$status§\\n$host';", "the fixed text has a line break, so nginx would write several lines", ErrAmbiguous)
	f("§\n$host", "the fixed text has a line break, so nginx would write several lines", ErrAmbiguous)
}

func TestCompileErrorText(t *testing.T) {
	_, err := Compile(`$a$b`)
	want := `log_format cannot be read back: column 3: nothing stands between $a and $b`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A list in quotes has a certain end, whatever follows it.
func TestCompileQuotedLists(t *testing.T) {
	for _, text := range []string{
		`"$upstream_addr", "$upstream_status"`,
		`$upstream_addr,$upstream_status`,
		`$upstream_addr - $upstream_status`,
	} {
		if _, err := Compile(text); err != nil {
			t.Errorf("Compile(%q): %v", text, err)
		}
	}
}

func TestBuiltin(t *testing.T) {
	want := map[string]string{
		"combined":     "remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent",
		"main":         "remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent http_x_forwarded_for",
		"main_real_ip": "remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent http_x_forwarded_for http_x_real_ip",
		"clearhop": "remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent http_x_forwarded_for http_x_real_ip" +
			" realip_remote_addr proxy_protocol_addr host request_id msec request_time request_length scheme upstream_addr upstream_status upstream_response_time",
		"ingress": "remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent request_length request_time" +
			" proxy_upstream_name proxy_alternative_upstream_name upstream_addr upstream_response_length upstream_response_time upstream_status req_id",
		"upstream_time":  "remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent request_time upstream_connect_time upstream_header_time upstream_response_time",
		"timed_combined": "remote_addr remote_user time_local request status body_bytes_sent http_referer http_user_agent request_time upstream_response_time pipe",
	}
	got := map[string]string{}
	for _, name := range BuiltinNames() {
		f, err := Compile(name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() != name {
			t.Errorf("%s compiles to %q", name, f.Name())
		}
		got[name] = strings.Join(f.Variables(), " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
	if _, ok := Builtin(Recommended); !ok {
		t.Errorf("%s is not built in", Recommended)
	}
	if _, ok := Builtin("common"); ok {
		t.Error("common is built in, though Apache writes it and not nginx")
	}
}

// Each name in the table is found, and each field is filled by the variable that the
// record documents.
func TestVariables(t *testing.T) {
	for _, v := range variables {
		if got := lookup(strings.ToUpper(v.name)); got.name != v.name {
			t.Errorf("lookup(%q) found %q", strings.ToUpper(v.name), got.name)
		}
		fields := 0
		for _, set := range []bool{v.text != nil, v.number != nil, v.list != nil, v.listNumber != nil} {
			if set {
				fields++
			}
		}
		special := v.kind == kindRequest || v.kind.timeRank() != noTime
		if special != (fields == 0) || fields > 1 {
			t.Errorf("$%s has %d fields", v.name, fields)
		}
	}
}
