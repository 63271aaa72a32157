#!/usr/bin/env python3
"""Write regexes.yaml from the wheel of the PyPI package ua-parser-builtins.

    regexes.py ua_parser_builtins-VERSION-py3-none-any.whl > regexes.yaml

The wheel has uap-core's rules as calls of Python classes. Nothing of it is run: the
calls are read as syntax. The comments of uap-core's own file are not in the wheel.
"""
import ast
import sys
import zipfile

KEYS = {
    "UserAgentMatcher": ("user_agent", ["regex", "family_replacement", "v1_replacement", "v2_replacement", "v3_replacement"]),
    "OSMatcher": ("os", ["regex", "os_replacement", "os_v1_replacement", "os_v2_replacement", "os_v3_replacement", "os_v4_replacement"]),
    "DeviceMatcher": ("device", ["regex", "regex_flag", "device_replacement", "brand_replacement", "model_replacement"]),
}

wheel = zipfile.ZipFile(sys.argv[1])
revision = wheel.read("REVISION").decode().strip()
calls = [n for n in ast.walk(ast.parse(wheel.read("ua_parser_builtins/matchers.py"))) if isinstance(n, ast.Call)]
calls.sort(key=lambda n: (n.lineno, n.col_offset))
print(f"# uap-core at commit {revision}, by regexes.py")
opened = None
for call in calls:
    name, keys = KEYS[call.func.id]
    if name != opened:
        print(f"\n{name}_parsers:")
        opened = name
    if call.keywords or len(call.args) > len(keys):
        sys.exit(f"line {call.lineno}: a call with other arguments than {keys}")
    for key, argument in zip(keys, call.args):
        value = ast.literal_eval(argument)
        if value is None:
            continue
        print(("  - " if key == "regex" else "    ") + key + ": '" + value.replace("'", "''") + "'")
