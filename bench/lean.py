"""The smallest Python program that verifies signatures completely, for comparison with ours.

usage: lean.py SERVER ROOT_HASH WORKERS http.client|requests

Uses canonicaljson-rs, cryptography, and the HTTP client that the last argument names: requests as the
Python lambdas did, or the standard library's, which starts faster. It checks what a client must check:
dates, signatures and CA flags of the chain, its root, the leaf's name and usage, and each collection's
signature. It has no settings, retries or explanations, unlike ours.
"""
import base64
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import canonicaljson
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

SERVER, ROOT_HASH = sys.argv[1:3]
WORKERS, CLIENT = int(sys.argv[3]), sys.argv[4]
PREFIX = b"Content-Signature:\x00"

local = threading.local()
chains = {}
chains_lock = threading.Lock()

# either way, one connection per thread, kept open
if CLIENT == "requests":
    import requests

    def get(url):
        if not hasattr(local, "session"):
            local.session = requests.Session()
        response = local.session.get(url, timeout=30)
        response.raise_for_status()
        return response.content

else:
    import gzip
    from http.client import HTTPConnection
    from urllib.parse import urlsplit

    def get(url):
        parts = urlsplit(url)
        if getattr(local, "origin", None) != parts.netloc:
            local.origin = parts.netloc
            local.connection = HTTPConnection(parts.netloc, timeout=30)
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        local.connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
        response = local.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise ValueError(f"{url}: {response.status}")
        return gzip.decompress(body) if response.headers["Content-Encoding"] == "gzip" else body


def check_chain(pem):
    """Returns the leaf's public key."""
    certificates = x509.load_pem_x509_certificates(pem)
    leaf, intermediate, root = certificates
    now = datetime.now(timezone.utc)
    for certificate in certificates:
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            raise ValueError("expired or not yet valid")
    for child, parent in ((leaf, intermediate), (intermediate, root), (root, root)):
        child.verify_directly_issued_by(parent)
        if not parent.extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise ValueError("the parent is not a CA")
        if not parent.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign:
            raise ValueError("the parent may not sign certificates")
    if root.fingerprint(SHA256()) != bytes.fromhex(ROOT_HASH.replace(":", "")):
        raise ValueError("wrong root")
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    if "remote-settings.content-signature.mozilla.org" not in names.get_values_for_type(x509.DNSName):
        raise ValueError("wrong name")
    usages = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    if x509.ExtendedKeyUsageOID.CODE_SIGNING not in usages:
        raise ValueError("wrong usage")
    key = leaf.public_key()
    if not isinstance(key.curve, SECP384R1):
        raise ValueError("wrong curve")
    return key


def leaf_key(x5u):
    with chains_lock:
        if x5u not in chains:
            chains[x5u] = check_chain(get(x5u))
        return chains[x5u]


def verify(entry):
    bucket, collection, expected = entry["bucket"], entry["collection"], entry["last_modified"]
    path = f"/buckets/{bucket}/collections/{collection}"
    changeset = json.loads(get(f"{SERVER}{path}/changeset?_expected={expected}"))
    records = sorted((r for r in changeset["changes"] if not r.get("deleted")), key=lambda r: r["id"])
    payload = {"data": records, "last_modified": str(changeset["timestamp"])}
    signature = changeset["metadata"]["signatures"][0]
    raw = base64.urlsafe_b64decode(signature["signature"])
    if len(raw) != 96:
        raise ValueError("the signature does not have 96 bytes")
    der = encode_dss_signature(int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big"))
    signed = PREFIX + canonicaljson.dumps(payload).encode()
    try:
        leaf_key(signature["x5u"]).verify(der, signed, ECDSA(SHA384()))
        return path, "OK"
    except InvalidSignature:
        return path, "BAD"


entries = json.loads(get(f"{SERVER}/buckets/monitor/collections/changes/changeset?_expected=0"))["changes"]
found = set()
with ThreadPoolExecutor(WORKERS) as pool:
    for number, (path, verdict) in enumerate(pool.map(verify, entries), 1):
        print(f"{number:02}/{len(entries):02} {path}:  {verdict}")
        found.add(verdict)
sys.exit("BAD" in found)
