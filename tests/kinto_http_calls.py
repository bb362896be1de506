"""The ordinary calls of kinto-http, unmodified, on a server that is as the embedded one starts.

usage: kinto_http_calls.py SERVER

Prints one JSON object: to each call's name, what came of it: what the client returned, or what it
raised. Moments and made-up ids are left to the test to mask; what matters of them is asked here.
"""
import asyncio
import json
import logging
import sys

from kinto_http import AsyncClient, Client, KintoBatchException, KintoException
from kinto_http.patch_type import BasicPatch, JSONPatch, MergePatch
from kinto_http.utils import collection_diff

SERVER = sys.argv[1]
BUCKET, SOURCE, LIFE = "places", "main-workspace", "life"

logging.disable(logging.CRITICAL)
results = {}


def client(user, **more):
    return Client(server_url=SERVER, auth=(user, user) if user else None, timeout=30, **more)


def raised(e):
    told = {"raised": type(e).__name__}
    if isinstance(e.response, dict):  # a part of a batch
        told |= {"status": e.response.status_code, "body": e.response.body}
    elif e.response is not None:
        body = e.response.json() if e.response.text else None  # none to a HEAD
        told |= {"status": e.response.status_code, "etag": "ETag" in e.response.headers, "body": body}
    return told


def step(name, call):
    """Notes what came of a call, and returns what it returned."""
    assert name not in results, name
    try:
        results[name] = call()
        return results[name]
    except KintoBatchException as e:
        parts = [response["status"] for body, _ in e.results for response in body["responses"]]
        results[name] = {"raised": type(e).__name__, "parts": parts}
        results[name]["exceptions"] = [raised(one) for one in e.exceptions]
    except KintoException as e:
        results[name] = raised(e)
    return None


def ids(records):
    return [record["id"] for record in records]


admin, editor, reviewer, anonymous = client("admin"), client("editor"), client("reviewer"), client(None)

# The server
info = editor.server_info()
step("server: limits", lambda: info["settings"])
step("server: who I am", lambda: info["user"]["id"])
step("server: capabilities", lambda: sorted({"accounts", "changes", "signer"} & set(info["capabilities"])))
step("server: anonymous", lambda: "user" in anonymous.server_info())
step("server: bearer token", lambda: "user" in Client(server_url=SERVER, auth="Bearer nope").server_info())
step("server: user and password in a string", lambda: Client(server_url=SERVER, auth="editor:editor").server_info()["user"]["id"])

# Buckets
step("bucket: missing, anonymous", lambda: anonymous.get_bucket(id=BUCKET))
step("bucket: missing", lambda: admin.get_bucket(id=BUCKET))
step("bucket: created by who may not", lambda: editor.create_bucket(id=BUCKET))
bucket = step("bucket: created", lambda: admin.create_bucket(id=BUCKET, data={"n": 1}, permissions={"read": ["system.Everyone"], "collection:create": ["account:editor"]}))
step("bucket: created again", lambda: admin.create_bucket(id=BUCKET))
step("bucket: created if it is not there", lambda: admin.create_bucket(id=BUCKET, data={"n": 2}, if_not_exists=True))
step("bucket: created again, not safe", lambda: admin.create_bucket(id=BUCKET, data={"n": 3}, safe=False))
step("bucket: read", lambda: admin.get_bucket(id=BUCKET))
step("bucket: read by anonymous", lambda: anonymous.get_bucket(id=BUCKET))
step("bucket: updated with what has changed", lambda: admin.update_bucket(data=dict(bucket["data"], n=4)))
step("bucket: updated with what has changed, not safe", lambda: admin.update_bucket(data=dict(bucket["data"], n=4), safe=False))
step("bucket: updated if it has not changed", lambda: admin.update_bucket(id=BUCKET, data={"n": 5, "m": {"x": 1, "y": 2}}, if_match=admin.get_bucket(id=BUCKET)["data"]["last_modified"]))
step("bucket: patched", lambda: admin.patch_bucket(id=BUCKET, data={"more": [1, 2]}))
step("bucket: merged", lambda: admin.patch_bucket(id=BUCKET, changes=MergePatch({"m": {"x": None, "z": 3}, "more": None})))
step("bucket: patched by JSON Patch", lambda: admin.patch_bucket(id=BUCKET, changes=JSONPatch([{"op": "add", "path": "/data/m/w", "value": {}}, {"op": "add", "path": "/permissions/write/account:reviewer"}])))
step("bucket: permissions patched", lambda: admin.patch_bucket(id=BUCKET, permissions={"group:create": ["account:editor"]}))
step("bucket: permissions alone put", lambda: admin.update_bucket(id=BUCKET, permissions={"read": ["system.Everyone"], "collection:create": ["account:editor"], "group:create": ["account:editor"]}))
step("bucket: patched with what has changed", lambda: admin.patch_bucket(original=bucket["data"], changes=BasicPatch({"n": 9})))
step("bucket: patched by who may not", lambda: editor.patch_bucket(id=BUCKET, data={"n": 9}))
step("buckets", lambda: sorted(ids(admin.get_buckets())))
step("buckets: some", lambda: ids(admin.get_buckets(_limit=2, _sort="id", pages=2)))
step("buckets: by anonymous", lambda: BUCKET in ids(anonymous.get_buckets()))

# Groups
group = step("group: created", lambda: editor.create_group(id="friends", bucket=BUCKET, data={"members": ["account:reviewer"]}))
step("group: created again", lambda: editor.create_group(id="friends", bucket=BUCKET))
step("group: created if it is not there", lambda: editor.create_group(id="friends", bucket=BUCKET, data={"members": []}, if_not_exists=True))
step("group: created by who may not", lambda: reviewer.create_group(id="foes", bucket=BUCKET, data={"members": []}))
step("group: without anything", lambda: editor.create_group(id="foes", bucket=BUCKET))
step("group: patched without members", lambda: editor.patch_group(id="foes", bucket=BUCKET, data={"n": 1}))
step("group: without members", lambda: editor.create_group(id="others", bucket=BUCKET, data={"n": 1}))
step("group: read", lambda: editor.get_group(id="friends", bucket=BUCKET))
step("group: missing", lambda: editor.get_group(id="nobody", bucket=BUCKET))
step("group: updated", lambda: editor.update_group(id="friends", bucket=BUCKET, data={"members": ["account:reviewer", "account:editor"], "why": "because"}))
step("group: updated with what has changed", lambda: editor.update_group(bucket=BUCKET, data=group["data"]))
step("group: patched", lambda: editor.patch_group(id="friends", bucket=BUCKET, data={"n": 1}))
step("group: merged", lambda: editor.patch_group(id="friends", bucket=BUCKET, changes=MergePatch({"why": None})))
step("group: member added by JSON Patch", lambda: editor.patch_group(id="friends", bucket=BUCKET, changes=JSONPatch([{"op": "add", "path": "/data/members/0", "value": "account:admin"}])))
step("group: member removed by JSON Patch", lambda: editor.patch_group(id="friends", bucket=BUCKET, changes=JSONPatch([{"op": "remove", "path": "/data/members/1"}])))
step("groups", lambda: sorted(ids(editor.get_groups(bucket=BUCKET))))
step("who is in them", lambda: f"/buckets/{BUCKET}/groups/friends" in client("editor").server_info()["user"]["principals"])
step("group: deleted with what has changed", lambda: editor.delete_group(id="foes", bucket=BUCKET, if_match=1))
step("group: deleted", lambda: editor.delete_group(id="foes", bucket=BUCKET))
step("group: deleted again", lambda: editor.delete_group(id="foes", bucket=BUCKET))
step("group: deleted if it is there", lambda: editor.delete_group(id="foes", bucket=BUCKET, if_exists=True))

# Collections
collection = step("collection: created", lambda: editor.create_collection(id="inns", bucket=BUCKET, data={"n": 1, "m": {"x": 1, "y": [1, 2, 3]}}))
step("collection: created again", lambda: editor.create_collection(id="inns", bucket=BUCKET))
step("collection: created if it is not there", lambda: editor.create_collection(id="inns", bucket=BUCKET, if_not_exists=True))
step("collection: created by who may not", lambda: reviewer.create_collection(id="bars", bucket=BUCKET))
step("collection: created where there is no bucket", lambda: editor.create_collection(id="bars", bucket="nowhere"))
step("collection: read", lambda: editor.get_collection(id="inns", bucket=BUCKET))
step("collection: read by anonymous", lambda: anonymous.get_collection(id="inns", bucket=BUCKET))
step("collection: missing", lambda: editor.get_collection(id="bars", bucket=BUCKET))
step("collection: updated with what has changed", lambda: editor.update_collection(bucket=BUCKET, data=dict(collection["data"], last_modified=1)))
step("collection: updated", lambda: editor.update_collection(bucket=BUCKET, data=dict(collection["data"], n=2)))
step("collection: patched", lambda: editor.patch_collection(id="inns", bucket=BUCKET, data={"sort": "name"}))
step("collection: merged", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=MergePatch({"m": {"x": None}})))
step("collection: patched by JSON Patch", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=JSONPatch([{"op": "test", "path": "/data/n", "value": 2}, {"op": "move", "from": "/data/m/y/0", "path": "/data/m/y/2"}, {"op": "copy", "from": "/data/m", "path": "/data/copied"}, {"op": "replace", "path": "/data/n", "value": None}, {"op": "add", "path": "/data/m/y/2", "value": 0}])))
step("collection: permission added by JSON Patch", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=JSONPatch([{"op": "add", "path": "/permissions/read/account:reviewer"}])))
step("collection: permission removed by JSON Patch", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=JSONPatch([{"op": "remove", "path": "/permissions/read/account:reviewer"}])))
step("collection: test of a JSON Patch that fails", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=JSONPatch([{"op": "add", "path": "/data/x", "value": 1}, {"op": "test", "path": "/data/n", "value": 2}])))
step("collection: JSON Patch to nowhere", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=JSONPatch([{"op": "replace", "path": "/data/nope/x", "value": 1}])))
step("collection: JSON Patch that removes what is not there", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=JSONPatch([{"op": "remove", "path": "/data/nope"}])))
step("collection: JSON Patch of no operation", lambda: editor.patch_collection(id="inns", bucket=BUCKET, changes=JSONPatch([{"op": "frobnicate", "path": "/data/n"}])))
step("collection: patched with what has changed", lambda: editor.patch_collection(id="inns", bucket=BUCKET, data={"n": 9}, if_match=1))
step("collection: patched with what has changed, not safe", lambda: editor.patch_collection(id="inns", bucket=BUCKET, data={"n": 9}, if_match=1, safe=False))
step("collection: patched from the original", lambda: editor.patch_collection(bucket=BUCKET, original=editor.get_collection(id="inns", bucket=BUCKET)["data"], changes=BasicPatch({"n": 10})))
step("collections", lambda: ids(editor.get_collections(bucket=BUCKET)))
step("collections: by a filter", lambda: ids(editor.get_collections(bucket=BUCKET, n=10)))
step("collections: by a filter that fits none", lambda: ids(editor.get_collections(bucket=BUCKET, n=11)))
step("collection: deleted if it is there", lambda: editor.delete_collection(id="bars", bucket=BUCKET, if_exists=True))

# Records
inns = client("editor", bucket=BUCKET, collection="inns")
step("records: none yet", lambda: inns.get_records())
moments = [int(inns.get_records_timestamp())]
step("record: created", lambda: inns.create_record(id="swan", data={"name": "Zum Schwan é \u2028 😀", "beds": 3, "tags": ["a", "b"], "in": {"town": "Ulm", "x": 1}}))
step("record: created again", lambda: inns.create_record(id="swan", data={"beds": 4}))
step("record: created if it is not there", lambda: client("editor").create_record(id="swan", bucket=BUCKET, collection="inns", data={"beds": 4}, if_not_exists=True))
step("record: created without an id", lambda: inns.create_record(data={"name": "Adler", "beds": 2}))
step("record: created again, not safe", lambda: inns.create_record(id="swan", data={"name": "Schwan", "beds": 3, "tags": ["a", "b"], "in": {"town": "Ulm", "x": 1}}, safe=False))
step("record: created by who may not", lambda: client("reviewer").create_record(bucket=BUCKET, collection="inns", data={}))
step("record: created by anonymous", lambda: anonymous.create_record(bucket=BUCKET, collection="inns", data={}))
step("record: created where there is no collection", lambda: inns.create_record(collection="bars", data={}))
step("record: of permissions", lambda: inns.create_record(id="bear", data={"name": "Bär", "beds": 3}, permissions={"write": ["account:reviewer"]}))
swan = step("record: read", lambda: inns.get_record(id="swan"))
step("record: missing", lambda: inns.get_record(id="nope"))
step("record: updated", lambda: inns.update_record(data=dict(swan["data"], beds=5)))
step("record: updated with what has changed", lambda: inns.update_record(data=dict(swan["data"], beds=6)))
step("record: updated with what has changed, not safe", lambda: inns.update_record(data=dict(swan["data"], beds=6), safe=False))
step("record: updated that was not there", lambda: inns.update_record(id="new", data={"name": "Neu"}))
step("record: updated that is not there, if it has not changed", lambda: inns.update_record(id="newer", data={"name": "Neu"}, if_match=1))
step("record: patched", lambda: inns.patch_record(id="swan", data={"open": True}))
step("record: patched by who was let", lambda: client("reviewer").patch_record(id="bear", bucket=BUCKET, collection="inns", data={"open": False}))
step("record: merged", lambda: inns.patch_record(id="swan", changes=MergePatch({"in": {"x": None, "street": "Am Ufer"}, "open": None, "tags": None, "deep": {"deeper": {"n": 1, "gone": None}}})))
step("record: merged with permissions", lambda: inns.patch_record(id="bear", changes=MergePatch({"n": 1}, {"read": ["account:admin"]})))
step("record: patched by JSON Patch", lambda: inns.patch_record(id="swan", changes=JSONPatch([{"op": "add", "path": "/data/tags", "value": ["x"]}, {"op": "add", "path": "/data/tags/0", "value": "w"}, {"op": "replace", "path": "/data/in/town", "value": "Rottweil"}, {"op": "remove", "path": "/data/deep"}, {"op": "test", "path": "/data/beds", "value": 6}])))
step("record: patched by JSON Patch that names nothing", lambda: inns.patch_record(id="swan", changes=JSONPatch([{"op": "add", "path": "/nowhere/x", "value": 1}])))
step("record: patched by JSON Patch out of range", lambda: inns.patch_record(id="swan", changes=JSONPatch([{"op": "add", "path": "/data/tags/7", "value": 1}])))
step("record: JSON Patch of another id", lambda: inns.patch_record(id="swan", changes=JSONPatch([{"op": "replace", "path": "/data/id", "value": "goose"}])))
step("record: patched that is not there", lambda: inns.patch_record(id="nope", data={"n": 1}))
step("record: patched with nothing", lambda: inns.patch_record(id="swan", changes=BasicPatch()))
step("record: created again by who may only write it", lambda: client("reviewer").create_record(id="bear", bucket=BUCKET, collection="inns", data={}))
step("record: deleted with what has changed", lambda: inns.delete_record(id="new", if_match=1))
step("record: deleted with what has changed, not safe", lambda: inns.delete_record(id="new", if_match=1, safe=False))
step("record: deleted again", lambda: inns.delete_record(id="new"))
step("record: deleted if it is there", lambda: inns.delete_record(id="new", if_exists=True))

# Lists of records
with inns.batch() as batch:
    for i in range(7):
        batch.create_record(id=f"n{i}", data={"name": f"N{i}", "beds": i // 2, "n": {"x": i}})
step("records: sorted", lambda: ids(inns.get_records(_sort="-beds,name")))
step("records: newest first", lambda: ids(inns.get_records())[:3])
step("records: that have a field", lambda: ids(inns.get_records(has_n=True, _sort="id")))
step("records: page", lambda: ids(inns.get_records(_sort="id", like_id="n*", _limit=3)))
step("records: two pages", lambda: ids(inns.get_records(_sort="id", in_id=["n0", "n1", "n2", "n3", "n4", "n5"], _limit=2, pages=2)))
step("records: all pages", lambda: ids(inns.get_records(_sort="id", in_id=["n0", "n1", "n2", "n3", "n4", "n5", "n6"], _limit=2, pages=float("inf"))))
step("records: all pages by a field that some share", lambda: ids(inns.get_records(_sort="beds,-name", gt_beds=0, _limit=2, pages=float("inf"))))
step("records: page by page", lambda: [ids(page["data"]) for page in inns.get_paginated_records(_sort="id", has_n=True, _limit=3)])
step("records: equal", lambda: ids(inns.get_records(beds=2, _sort="id")))
step("records: equal text", lambda: ids(inns.get_records(name="N3")))
step("records: within", lambda: ids(inns.get_records(**{"n.x": 3})))
step("records: at least", lambda: ids(inns.get_records(min_beds=3, _sort="id")))
step("records: less", lambda: ids(inns.get_records(lt_beds=1, _sort="id")))
step("records: not", lambda: ids(inns.get_records(not_beds=0, like_name="N*", _sort="id")))
step("records: one of", lambda: ids(inns.get_records(in_id="n1", _sort="id")))
step("records: none of", lambda: ids(inns.get_records(exclude_id=["n1", "n2", "bear"], like_name="n", _sort="id")))
step("records: some fields", lambda: inns.get_records(_fields="name,n.x", in_id=["n1", "bear"], _sort="id"))
n5 = inns.get_record(id="n5")["data"]["last_modified"]
step("records: since", lambda: ids(inns.get_records(_since=n5)))
step("records: since, in quotes", lambda: ids(inns.get_records(_since=f'"{n5}"')))
step("records: before", lambda: ids(inns.get_records(_before=n5, exclude_name=["Adler"], _sort="id")))
step("records: unchanged since", lambda: inns.get_records(if_none_match=client("editor").get_records_timestamp(bucket=BUCKET, collection="inns")))
step("records: changed since", lambda: len(inns.get_records(if_none_match=n5)))
step("records: by a filter of nonsense", lambda: inns.get_records(_limit="abc"))
step("records: by anonymous", lambda: len(anonymous.get_records(bucket=BUCKET, collection="inns")))
step("records: of a missing collection", lambda: inns.get_records(collection="bars"))
step("records: timestamp of a missing collection", lambda: inns.get_records_timestamp(collection="bars"))
fresh = client("editor", bucket=BUCKET, collection="inns")
moments.append(int(fresh.get_records_timestamp()))
inns.patch_record(id="n0", data={"beds": 9})
step("records: timestamp is kept by a client", lambda: int(fresh.get_records_timestamp()) == moments[-1])
fresh.get_records()
moments.append(int(fresh.get_records_timestamp()))
step("records: timestamp advances", lambda: moments == sorted(set(moments)))
step("records: timestamp is that of the newest", lambda: moments[-1] == inns.get_records()[0]["last_modified"])


async def several():
    client = AsyncClient(server_url=SERVER, auth=("editor", "editor"), bucket=BUCKET, collection="inns")
    names = [f"n{i}" for i in range(4)]
    answers = await asyncio.gather(*(client.get_record(id=name) for name in names))
    return [answer["data"]["id"] for answer in answers]


step("records: read by several at once", lambda: asyncio.run(several()))

# Lists of which only some may be seen
admin.create_bucket(id="private", permissions={"collection:create": ["account:editor"]})
admin.create_collection(id="cellar", bucket="private", permissions={"record:create": ["account:editor"]})
cellar = client("admin", bucket="private", collection="cellar")
cellar.create_record(id="wine", data={"n": 1}, permissions={"read": ["account:reviewer"]})
cellar.create_record(id="beer", data={"n": 2}, permissions={"write": ["account:reviewer"]})
cellar.create_record(id="cider", data={"n": 3})
for user in ("editor", "reviewer", None):
    some = client(user, bucket="private", collection="cellar")
    step(f"some: records, by {user}", lambda: ids(some.get_records(_sort="n")))
    step(f"some: record, by {user}", lambda: some.get_record(id="wine"))
    step(f"some: collections, by {user}", lambda: ids(some.get_collections()))
    step(f"some: groups, by {user}", lambda: ids(some.get_groups()))
    step(f"some: timestamp, by {user}", lambda: int(some.get_records_timestamp()) > 0)
step("some: records deleted by editor", lambda: client("editor").delete_records(bucket="private", collection="cellar"))
step("some: records deleted by reviewer", lambda: client("reviewer").delete_records(bucket="private", collection="cellar"))
step("some: records deleted by anonymous", lambda: anonymous.delete_records(bucket="private", collection="cellar"))
step("some: records left", lambda: ids(cellar.get_records(_sort="n")))
step("some: collections deleted by editor", lambda: editor.delete_collections(bucket="private"))
admin.delete_bucket(id="private")

# Batches
def mixed():
    with inns.batch() as batch:
        batch.create_bucket(id="from-batch")
        batch.get_group(id="friends")
        batch.create_record(id="ox", data={"beds": 1})
        batch.update_record(id="ox", data={"beds": 2})
        batch.patch_record(id="ox", data={"n": 1})
        batch.patch_record(id="ox", changes=MergePatch({"n": None, "m": 2}))
        batch.patch_record(id="ox", changes=JSONPatch([{"op": "replace", "path": "/data/m", "value": 3}]))
        batch.patch_collection(id="inns", data={"sort": "beds"})
        batch.delete_record(id="ox")
    return batch.results()


step("batch: mixed, with a part that is refused", mixed)


def allowed():
    with admin.batch(bucket=BUCKET, collection="inns") as batch:
        batch.create_bucket(id="from-batch")
        batch.create_collection(id="dens", bucket="from-batch")
        batch.create_group(id="few", bucket="from-batch", data={"members": []})
        batch.create_record(id="fox", bucket="from-batch", collection="dens", data={"n": 1})
        batch.patch_record(id="fox", bucket="from-batch", collection="dens", changes=MergePatch({"n": None, "m": 2}))
        batch.get_group(id="few", bucket="from-batch")
        batch.delete_record(id="fox", bucket="from-batch", collection="dens")
        batch.delete_bucket(id="from-batch")
    return batch.results()


step("batch: mixed", allowed)


def json_patch():
    with inns.batch() as batch:
        batch.patch_record(id="swan", changes=JSONPatch([{"op": "replace", "path": "/data/beds", "value": 8}]))
    return batch.results()


step("batch: JSON Patch", json_patch)


def large(count):
    with inns.batch() as batch:
        for i in range(count):
            batch.create_record(id=f"many-{i}", data={"i": i})
    return len(batch.results()), sorted({result["data"]["i"] for result in batch.results()}) == list(range(count))


step("batch: larger than the server takes", lambda: large(2 * info["settings"]["batch_max_requests"] + 1))
step("batch: its records are there", lambda: len(inns.get_records(like_id="many-*")))


def failing():
    with inns.batch() as batch:
        batch.create_record(id="elk", data={"n": 1})
        batch.create_record(id="swan", data={"n": 1})
        batch.update_record(id="elk", data={"n": 2}, if_match=1)
        batch.get_group(id="nope")
        batch.create_record(id="elk2", data={"n": 1})
    return batch.results()


step("batch: with parts that fail", failing)
step("batch: the others are done", lambda: ids(inns.get_records(in_id=["elk", "elk2"], _sort="id")))


def ignoring():
    with client("editor", bucket=BUCKET, collection="inns", ignore_batch_4xx=True).batch() as batch:
        batch.create_record(id="swan", data={"n": 1})
        batch.create_record(id="elk3", data={"n": 1})
    return batch.results()


step("batch: with a part that fails and is ignored", ignoring)


def nothing():
    with inns.batch():
        pass
    return "nothing was sent"


step("batch: of nothing", nothing)
step("records: differences", lambda: [len(part) for part in collection_diff(inns.get_records(like_id="many-1*"), inns.get_records(like_id="many-*"))])

# Deletion of many
step("records: deleted with what has changed", lambda: inns.delete_records(if_match=1))
step("records: deleted by who may not", lambda: client("reviewer").delete_records(bucket=BUCKET, collection="inns"))
step("records: deleted", lambda: len(inns.delete_records()))
step("records: none left", lambda: inns.get_records())
step("records: tombstones", lambda: sorted({json.dumps(sorted(one)) for one in inns.get_records(_since=1)}))
step("records: deleted again", lambda: inns.delete_records())
step("collection: deleted", lambda: editor.delete_collection(id="inns", bucket=BUCKET))
step("collections: deleted", lambda: editor.delete_collections(bucket=BUCKET))
step("groups: deleted by who may not", lambda: reviewer.delete_groups(bucket=BUCKET))
step("groups: deleted", lambda: [one["deleted"] for one in admin.delete_groups(bucket=BUCKET)])
step("bucket: deleted by who may not", lambda: editor.delete_bucket(id=BUCKET))
step("bucket: deleted", lambda: admin.delete_bucket(id=BUCKET))
step("bucket: deleted again", lambda: admin.delete_bucket(id=BUCKET))
step("bucket: deleted if it is there", lambda: admin.delete_bucket(id=BUCKET, if_exists=True))

# Signed collections
life = client("editor", bucket=SOURCE, collection=LIFE)
review = client("reviewer", bucket=SOURCE, collection=LIFE)
main = client(None, bucket="main", collection=LIFE)
preview = client(None, bucket="main-preview", collection=LIFE)
changes = client(None, bucket="monitor", collection="changes")


def statuses():
    data = client("editor", bucket=SOURCE, collection=LIFE).get_collection()["data"]
    return {key: value for key, value in data.items() if not key.startswith("last_") or key.endswith(("_by", "_comment"))}


def published():
    return [sorted(ids(one.get_records())) for one in (preview, main)]


step("signed: created", lambda: life.create_collection())
for role in ("editors", "reviewers"):
    step(f"signed: {role}", lambda: admin.update_group(id=f"{LIFE}-{role}", bucket=SOURCE, data={"members": ["account:editor", "account:reviewer"]}))
step("signed: attributes", lambda: life.patch_collection(data={"displayFields": ["n"]}))
step("signed: as created", statuses)
for i in range(3):
    step(f"signed: record {i}", lambda: life.create_record(id=f"r{i}", data={"n": i}))
step("signed: as edited", statuses)
step("signed: review asked for by anonymous", lambda: client(None, bucket=SOURCE, collection=LIFE).request_review("please"))
step("signed: review asked for", lambda: life.request_review("please"))
step("signed: under review", statuses)
step("signed: previewed", published)
step("signed: approved by its editor", lambda: life.approve_changes())
step("signed: declined", lambda: review.decline_changes("not yet"))
step("signed: as declined", statuses)
step("signed: review asked for again", lambda: life.request_review("please do", data={"n": 1}))
step("signed: approved", lambda: review.approve_changes())
step("signed: as approved", statuses)
step("signed: published", published)
step("signed: refreshed", lambda: review.patch_collection(data={"status": "to-resign"}))
step("signed: as refreshed", statuses)
step("signed: edited", lambda: life.update_record(id="r0", data={"n": 9}))
step("signed: deleted record", lambda: life.delete_record(id="r1"))
step("signed: rolled back", lambda: life.rollback_changes("oh"))
step("signed: as rolled back", statuses)
step("signed: records as rolled back", lambda: sorted(ids(life.get_records())))
step("signed: published by anonymous", lambda: main.create_record(data={}))
changeset = main.get_changeset(bust_cache=True)
step("changeset", lambda: sorted(changeset))
step("changeset: changes", lambda: sorted(changeset["changes"], key=lambda record: record["id"]))
step("changeset: metadata", lambda: sorted(set(changeset["metadata"]) - {"bucket", "signatures"}))
step("changeset: timestamp", lambda: str(changeset["timestamp"]) == client(None).get_records_timestamp(bucket="main", collection=LIFE))
step("changeset: since", lambda: main.get_changeset(_since=f'"{changeset["timestamp"]}"')["changes"])
step("changeset: of a missing collection", lambda: main.get_changeset(collection="nope"))


def announced(entries):
    return [
        entry["last_modified"] == changeset["timestamp"]
        for entry in entries
        if (entry["bucket"], entry["collection"]) == ("main", LIFE)
    ]


step("changes: announced", lambda: announced(changes.get_records()))
step("changes: changeset", lambda: announced(changes.get_changeset()["changes"]))
step("changes: timestamp", lambda: int(client(None).get_records_timestamp(bucket="monitor", collection="changes")) >= changeset["timestamp"])
step("signed: destination deleted", lambda: admin.delete_collection(id=LIFE, bucket="main"))
step("signed: source deleted", lambda: life.delete_collection())
step("signed: published afterwards", published)


# What the signer refuses, each in a collection of its own: a Kinto in memory keeps what was refused
def refused(name, call):
    one = client("editor", bucket=SOURCE, collection=name)
    one.create_collection()
    step(f"refused: {name}", lambda: call(one))


def edited(one):
    one.create_record(id="r", data={"n": 1})
    return one


refused("fraction", lambda one: one.create_record(id="f", data={"n": 0.5}))
refused("signed-already", lambda one: one.approve_changes())
refused("no-reviewer", lambda one: edited(one).approve_changes())
refused("nothing-to-roll-back", lambda one: one.rollback_changes("oh"))
refused("no-such-status", lambda one: one.patch_collection(data={"status": "nonsense"}))
refused("not-mine-to-set", lambda one: edited(one).patch_collection(data={"status": "signed"}))

json.dump(results, sys.stdout, indent=1)
