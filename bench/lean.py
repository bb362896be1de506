"""The smallest Python program that verifies signatures completely, for comparison with ours.

usage: lean.py SERVER ROOT_HASH [WORKERS]

Uses only the standard library, canonicaljson-rs and cryptography. It checks what a client must
check: dates, signatures and CA flags of the chain, its root, the leaf's name and usage, and each
collection's signature. It has no settings, retries or explanations, unlike ours.
"""
import base64
import gzip
import http.client
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from urllib.parse import urlsplit

import canonicaljson
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP384R1
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

SERVER, ROOT_HASH = sys.argv[1], sys.argv[2]
WORKERS = int(sys.argv[3]) if len(sys.argv) > 3 else 4
HEADERS = {"User-Agent": "lean.py", "Accept-Encoding": "gzip"}
PREFIX = b"Content-Signature:\x00"

local = threading.local()
chains = {}
chains_lock = threading.Lock()


def get(url):
    """One connection per thread, kept open."""
    parts = urlsplit(url)
    if getattr(local, "origin", None) != parts.netloc:
        local.origin = parts.netloc
        local.connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    local.connection.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""), headers=HEADERS)
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
    leaf_key(signature["x5u"]).verify(der, PREFIX + canonicaljson.dumps(payload).encode(), ECDSA(SHA384()))
    return path


entries = json.loads(get(f"{SERVER}/buckets/monitor/collections/changes/changeset?_expected=0"))["changes"]
with ThreadPoolExecutor(WORKERS) as pool:
    for number, path in enumerate(pool.map(verify, entries), 1):
        print(f"{number:02}/{len(entries):02} {path}:  OK")
