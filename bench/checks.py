"""Does what the Python lambdas did, with kinto-http only, for comparison with our commands.

usage: checks.py consistency_checks|validate_changes_collection SERVER [WORKERS]

consistency_checks reads, for each signed collection, the status of its source, then the records of
source, preview and destination one after the other, and compares them without last_modified and
schema. validate_changes_collection reads, for each entry of monitor/changes, the timestamp of its
records with HEAD. As in the lambdas, the former makes a client per collection, the latter only one.
No retries, differences or explanations. AUTH is USER:PASSWORD.
"""
import os
import sys
from concurrent.futures import ThreadPoolExecutor

from kinto_http import Client

COMMAND, SERVER = sys.argv[1], sys.argv[2]
WORKERS = int(sys.argv[3]) if len(sys.argv) > 3 else 1
AUTH = tuple(os.environ["AUTH"].split(":", 1)) if "AUTH" in os.environ else None


def resource_of(resources, bucket, collection):
    """The signed resource of a destination; one for the collection wins over its bucket's."""
    for name in (collection, None):
        for resource in resources:
            if resource["destination"] == {"bucket": bucket, "collection": name}:
                place = lambda where: {"bucket": resource[where]["bucket"], "collection": collection}
                return {where: place(where) for where in ("source", "preview", "destination") if where in resource}
    return None


def content(records):
    return {
        record["id"]: {key: value for key, value in record.items() if key not in ("last_modified", "schema")}
        for record in records
    }


def consistency(resource):
    client = Client(server_url=SERVER, auth=AUTH)
    source = resource["source"]
    status = client.get_collection(bucket=source["bucket"], id=source["collection"])["data"]["status"]
    if status == "work-in-progress":
        return "SKIP (work-in-progress)"
    places = [resource[where] for where in ("source", "preview", "destination") if where in resource]
    if status == "to-review":
        places = places[:2]
    first, *others = [content(client.get_records(**place)) for place in places]
    return "OK" if all(first == other for other in others) else "ERROR"


def check_consistency(pool):
    client = Client(server_url=SERVER, auth=AUTH)
    signed = client.server_info()["capabilities"]["signer"]["resources"]
    entries = client.get_records(bucket="monitor", collection="changes")
    resources = [resource_of(signed, entry["bucket"], entry["collection"]) for entry in entries]
    resources = [resource for resource in resources if resource]
    resources.sort(key=lambda resource: tuple(resource["destination"].values()))
    for resource, verdict in zip(resources, pool(consistency, resources)):
        print("{bucket}/{collection}".format(**resource["destination"]), verdict)


def check_timestamps(pool):
    client = Client(server_url=SERVER, bucket="monitor", collection="changes")
    entries = client.get_records()

    def timestamp(entry):
        return client.get_records_timestamp(bucket=entry["bucket"], collection=entry["collection"])

    for entry, found in zip(entries, pool(timestamp, entries)):
        word = "OK" if int(found) == entry["last_modified"] else "NOT OK"
        print(f"Etag {word} for {entry['bucket']}/{entry['collection']} : {entry['last_modified']}")


check = {"consistency_checks": check_consistency, "validate_changes_collection": check_timestamps}[COMMAND]
if WORKERS == 1:
    check(map)
else:
    with ThreadPoolExecutor(WORKERS) as executor:
        check(executor.map)
