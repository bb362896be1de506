"""Does what the Python lambda did, with kinto-http only, for comparison with backport_records.

usage: backport.py SERVER FROM_BUCKET/COLLECTION TO_BUCKET/COLLECTION

Reads the records of both collections, compares them without last_modified and schema, and sends the
changes with kinto-http's batches, one after the other and as large as the server allows. kinto-http
prints a line per change. If the destination is a signed source, requests a review.
No retries, limits or explanations. AUTH is USER:PASSWORD.
"""
import logging
import os
import sys

from kinto_http import Client

SERVER, SOURCE, DESTINATION = sys.argv[1:]
AUTH = tuple(os.environ["AUTH"].split(":", 1))


def client(place):
    bucket, collection = place.split("/")
    return Client(server_url=SERVER, auth=AUTH, bucket=bucket, collection=collection)


def by_id(records):
    return {record["id"]: record for record in records}


def content(record):
    return {key: value for key, value in record.items() if key not in ("last_modified", "schema")}


def is_signed_source(client, resources):
    places = ({"bucket": client.bucket_name, "collection": name} for name in (client.collection_name, None))
    return any(resource["source"] == place for place in places for resource in resources)


logging.basicConfig(stream=sys.stdout, format="%(message)s")

destination = client(DESTINATION)
wanted = by_id(client(SOURCE).get_records())
existing = by_id(destination.get_records())

with destination.batch() as batch:
    for id, record in wanted.items():
        old = existing.get(id)
        if old is None:
            batch.create_record(data={key: value for key, value in record.items() if key != "last_modified"})
        elif content(old) != content(record):
            new = {key: value for key, value in record.items() if key != "last_modified"}
            batch.update_record(data=new, if_match=old["last_modified"])
    for id in existing.keys() - wanted.keys():
        batch.delete_record(id=id)

if is_signed_source(destination, destination.server_info()["capabilities"]["signer"]["resources"]):
    destination.patch_collection(data={"status": "to-review"})
