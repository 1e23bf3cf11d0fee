"""read.py FOLDER: what DuckDB and pyarrow find in a lake, as JSON."""

import json
import sys

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

folder = sys.argv[1]


def by_duckdb():
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    lake = f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true)"
    columns = connection.execute(f"DESCRIBE SELECT * FROM {lake}").fetchall()
    hours = connection.execute(
        f"SELECT date::VARCHAR, hour::INTEGER, count(*) FROM {lake} GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    pruned = connection.execute(
        f"SELECT count(*) FROM {lake} WHERE date = '2025-08-18' AND hour = 0"
    ).fetchone()
    first = connection.execute(
        f"SELECT device, ts::VARCHAR, warmth, turns, total, running, note, _partition, _offset"
        f" FROM {lake} ORDER BY _offset LIMIT 2"
    ).fetchall()
    return {
        "types": {name: type_ for name, type_, *_ in columns},
        "hours": [list(row) for row in hours],
        "pruned": pruned[0],
        "first": [list(row) for row in first],
    }


def by_pyarrow():
    hive = ds.partitioning(pa.schema([("date", pa.string()), ("hour", pa.int32())]), flavor="hive")
    table = ds.dataset(folder, format="parquet", partitioning=hive).to_table()
    hours = table.group_by(["date", "hour"]).aggregate([("_offset", "count")])
    hours = hours.sort_by([("date", "ascending"), ("hour", "ascending")]).to_pylist()
    first = table.sort_by("_offset").slice(0, 2).to_pylist()
    for row in first:
        row["ts"] = row["ts"].isoformat()
    names = ["device", "ts", "warmth", "turns", "total", "running", "note", "_partition", "_offset"]
    return {
        "types": {field.name: str(field.type) for field in table.schema},
        "hours": [[row["date"], row["hour"], row["_offset_count"]] for row in hours],
        "first": [[row[name] for name in names] for row in first],
    }


json.dump({"duckdb": by_duckdb(), "pyarrow": by_pyarrow()}, sys.stdout)
