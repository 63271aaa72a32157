# Prints each event of a Parquet file as one line of JSON, as pyarrow reads it. What is
# NULL is left out, with the objects that hold nothing else.
import datetime
import json
import sys

import pyarrow.parquet


def plain(value):
    if isinstance(value, datetime.datetime):
        return value.astimezone(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        members = {name: plain(v) for name, v in value.items()}
        return {name: v for name, v in members.items() if v is not None} or None
    if isinstance(value, list):
        if value and all(isinstance(v, tuple) for v in value):  # a map
            return dict(value)
        return [plain(v) for v in value] or None
    return value


for row in pyarrow.parquet.read_table(sys.argv[1]).to_pylist():
    print(json.dumps(plain(row)))
