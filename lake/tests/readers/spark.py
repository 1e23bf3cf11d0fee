"""spark.py FOLDER: what Spark finds in a lake, as JSON. Not part of the tests, for Spark is large: its Python is
`scripts/venv.sh bench/requirements.txt`, and it needs a Java."""

import json
import sys

from pyspark.sql import SparkSession

spark = (
    SparkSession.builder.master("local[2]")
    .config("spark.ui.enabled", "false")
    .config("spark.ui.showConsoleProgress", "false")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
lake = spark.read.parquet(sys.argv[1])
lake.createOrReplaceTempView("lake")


def rows(query):
    return [list(row) for row in spark.sql(query).collect()]


(date, hour, _), *_ = hours = rows(
    "SELECT CAST(date AS STRING), hour, count(*) FROM lake GROUP BY ALL ORDER BY ALL"
)
pruned = spark.sql(f"SELECT * FROM lake WHERE date = '{date}' AND hour = {hour}")
found = {
    "types": {field.name: field.dataType.simpleString() for field in lake.schema},
    "hours": hours,
    # Which files are read is decided by the folders' names.
    "pruned": pruned.count(),
    "files": len(lake.inputFiles()),
    "files_of_the_first_hour": len({row[0] for row in pruned.selectExpr("input_file_name()").distinct().collect()}),
    "readings": rows("SELECT count(*), count(DISTINCT _partition, _offset) FROM lake"),
    "first": rows("SELECT * FROM lake ORDER BY _partition, _offset LIMIT 2"),
}
json.dump(found, sys.stdout, default=str)
