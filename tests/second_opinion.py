"""What Mozilla's autograph-utils say of chains and signatures.

stdin: a JSON object: `at`, the moment in epoch seconds; `chains`, each with its `pem`, the hash of
the trusted `root` and the `host` that the leaf is for; `signatures`, each with the number of its
`chain`, the `changes` and the `timestamp` of a changeset, and the `signature`.

Prints a JSON object: to `chains` and `signatures` a list with an empty text for each good one, or
with the reason why it is refused. Nothing is sent over the network.
"""
import asyncio
import json
import operator
import sys
from datetime import datetime, timezone

import autograph_utils
import canonicaljson


class Answer:
    def __init__(self, pem):
        self.pem = pem

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    def raise_for_status(self):
        pass

    async def read(self):
        return self.pem.encode()


class Session:
    """In place of aiohttp's: has the one chain, whatever its URL."""

    def __init__(self, pem):
        self.pem = pem

    def get(self, url):
        return Answer(self.pem)


def verifier(chain):
    return autograph_utils.SignatureVerifier(
        Session(chain["pem"]),
        autograph_utils.MemoryCache(),
        autograph_utils.decode_mozilla_hash(chain["root"]),
        autograph_utils.ExactMatch(chain["host"]),
    )


def payload(changes, timestamp):
    """As the server's signer makes it, but for the prefix, which the verifier adds."""
    records = sorted(
        (record for record in changes if not record.get("deleted")), key=operator.itemgetter("id")
    )
    return canonicaljson.dumps({"data": records, "last_modified": str(timestamp)}).encode()


async def verify(chain, signed):
    content = payload(json.loads(signed["changes"]), signed["timestamp"])
    await verifier(chain).verify(content, signed["signature"], "x5u")


async def reason(judged):
    try:
        await judged
        return ""
    except Exception as e:  # whatever it raises, it does not accept
        return f"{type(e).__name__}: {getattr(e, 'detail', e)}"


async def main():
    asked = json.load(sys.stdin)
    at = datetime.fromtimestamp(asked["at"], timezone.utc)
    autograph_utils._now = lambda: at  # it is there to be replaced
    chains = asked["chains"]
    told = {
        "chains": [await reason(verifier(chain).verify_x5u("x5u")) for chain in chains],
        "signatures": [
            await reason(verify(chains[signed["chain"]], signed)) for signed in asked["signatures"]
        ],
    }
    json.dump(told, sys.stdout)


asyncio.run(main())
