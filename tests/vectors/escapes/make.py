"""Writes escapes.json: secrets, as the functions of Python's standard library escape them."""

import base64
import csv
import html
import io
import json
import pathlib
import quopri
import shlex
import unicodedata
import urllib.parse
from email.header import Header
from xml.sax.saxutils import quoteattr

SECRETS = [
    "s3cret-of-letters-and-digits",
    "it's-a-s3cret",
    'a-"quoted"-s3cret',
    "both'of\"them-s3cret",
    "back\\slash\\s3cret",
    "ends-in-a-backslash\\",
    "\\\\begins-with-two",
    "a&b&amp;c-s3cret",
    "less<than>more-s3cret",
    "per%cent%41%zz-s3cret",
    "plus+and space/s3cret==",
    "two  spaces and a s3cret",
    "gr\u00fc\u00dfe-\u00e4us-s3cret",
    "\u00fcber-s3cret-\u20ac",
    "\u043f\u0430\u0440\u043e\u043b\u044c-\u0434\u043b\u0438\u043d\u043d\u044b\u0439",
    "\u30d1\u30b9\u30ef\u30fc\u30c9-\u79d8\u5bc6\u3067\u3059",
    "smile-\U0001f600-s3cret",
    "$HOME`id`!*?[]{}()s3cret",
    "n1234-begins-as-an-escape",
    "b2c3d4e5f6-begins-as-hex",
    "{'json': \"in\", <a href=\"/?x=1&y=%20\">}",
]


def csv_row(text):
    row = io.StringIO()
    csv.writer(row, quoting=csv.QUOTE_ALL).writerow(["a", text])
    return row.getvalue()


ESCAPES = {
    "repr": repr,
    "ascii": ascii,
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of repr": lambda text: repr(repr(text)),
    "repr in a dict": lambda text: repr({1: [text]}),
    "unicode_escape": lambda text: text.encode("unicode_escape").decode(),
    "backslashreplace": lambda text: text.encode("ascii", "backslashreplace").decode(),
    "xmlcharrefreplace": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "replace": lambda text: text.encode("ascii", "replace").decode(),
    "utf-8 read as latin-1": lambda text: text.encode().decode("latin-1"),
    "latin-1 read as utf-8": lambda text: text.encode("latin-1", "replace").decode("utf-8", "replace"),
    "json.dumps": json.dumps,
    "json.dumps, ensure_ascii=False": lambda text: json.dumps(text, ensure_ascii=False),
    "json.dumps of json.dumps": lambda text: json.dumps(json.dumps(text)),
    "json.dumps of repr": lambda text: json.dumps(repr(text)),
    "html.escape": html.escape,
    "html.escape of html.escape": lambda text: html.escape(html.escape(text)),
    "html.escape of json.dumps": lambda text: html.escape(json.dumps(text)),
    "json.dumps of html.escape": lambda text: json.dumps(html.escape(text)),
    "quoteattr": quoteattr,
    "quote": urllib.parse.quote,
    "quote, safe=''": lambda text: urllib.parse.quote(text, safe=""),
    "quote in latin-1": lambda text: urllib.parse.quote(text, encoding="latin-1", errors="replace"),
    "quote_plus": urllib.parse.quote_plus,
    "quote of quote": lambda text: urllib.parse.quote(urllib.parse.quote(text)),
    "html.escape of quote_plus": lambda text: html.escape(urllib.parse.quote_plus(text)),
    "quote of html.escape": lambda text: urllib.parse.quote(html.escape(text)),
    "shlex.quote": shlex.quote,
    "csv": csv_row,
    "quopri": lambda text: quopri.encodestring(text.encode()).decode(),
    "quopri of a long line": lambda text: quopri.encodestring(("x" * 70 + text).encode()).decode()[70:],
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 in lines": lambda text: base64.encodebytes(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64 in quote": lambda text: urllib.parse.quote_plus(base64.b64encode(text.encode())),
    "header of a mail": lambda text: Header(text, "utf-8", maxlinelen=1000).encode().split("?", 3)[3],
    "NFC": lambda text: unicodedata.normalize("NFC", text),
    "NFD": lambda text: unicodedata.normalize("NFD", text),
    "NFKC": lambda text: unicodedata.normalize("NFKC", text),
    "NFKD": lambda text: unicodedata.normalize("NFKD", text),
    "json.dumps of NFD": lambda text: json.dumps(unicodedata.normalize("NFD", text)),
    "quote of NFD": lambda text: urllib.parse.quote(unicodedata.normalize("NFD", text)),
}

vectors = [
    {"secret": secret, "escaped": {name: escape(secret) for name, escape in ESCAPES.items()}}
    for secret in SECRETS
]
file = pathlib.Path(__file__).with_name("escapes.json")
file.write_text(json.dumps(vectors, indent=1) + "\n")
