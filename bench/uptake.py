"""Does what the Python lambda did with a result of Redash, for comparison with uptake_health.

usage: uptake.py URL

Reads the result with requests and prints the table. No retries, settings or checks.
"""
import json
import os
import sys
from datetime import datetime, timezone
from fnmatch import fnmatch

import requests

EXCLUDED = ("shield-recipe-client/*", "normandy/*", "main/url-classifier-skip-urls")
NO_STATUS = ("source", "min_timestamp", "max_timestamp")

answer = requests.get(sys.argv[1], headers={"Authorization": "Key " + os.environ["REDASH_API_KEY"]})
answer.raise_for_status()
rows = answer.json()["query_result"]["data"]["rows"]


def utc(seconds):
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S")


first = min(row["min_timestamp"] for row in rows)
last = max(row["max_timestamp"] for row in rows)
print(f"📅 From {utc(first)} to {utc(last)}")
for row in rows:
    if any(fnmatch(row["source"], pattern) for pattern in EXCLUDED):
        continue
    counts = {status: count for status, count in row.items() if status not in NO_STATUS}
    bad = sum(count for status, count in counts.items() if status.endswith("_error"))
    good = sum(counts.values()) - bad
    if good + bad < 1000:
        continue
    stats = f"(good:{good:>10,} bad:{bad:>10,})"
    print(f"{row['source']:40} {stats:40} {100 * bad / (good + bad):>10.2f}%")
