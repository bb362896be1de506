"""Renders the pages of the blocklist as a Python lambda would: jinja2 with the templates of
blockpages_generator, and nh3 (ammonia) for the HTML of reasons. Usage: pages.py SERVER FOLDER TEMPLATES"""

import base64
import datetime
import hashlib
import os
import re
import sys

import jinja2
import nh3
import requests

server, folder, templates = sys.argv[1:]


def read(name):
    with open(os.path.join(templates, name), encoding="utf-8") as file:
        return file.read()


def jinja(name):
    """Translates Pebble's dialect into Jinja's."""
    text = read(name).replace("is not null", "is not none").replace("years is empty", "not years")
    return text.replace("| raw", "| safe")


environment = jinja2.Environment(loader=jinja2.FunctionLoader(jinja), autoescape=True)
style, script = read("style.css").strip(), read("search.js").strip()
allowed = {"a", "b", "strong", "i", "em", "code", "br"}


def policy(directive, content):
    digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
    return "; %s 'sha256-%s'" % (directive, digest)


own = "default-src 'none'; base-uri 'none'; form-action 'none'" + policy("style-src", style)


def reason(text):
    if not text:
        return None
    html = nh3.clean(
        text, tags=allowed, attributes={"a": {"href"}}, url_schemes={"http", "https"},
        link_rel="nofollow noopener noreferrer",
    )
    return re.sub(r"\r?\n", "<br>\n", html)


def severity(record):
    ranges = [v.get("severity") for v in record.get("versionRange", [])]
    return record.get("severity", max((s for s in ranges if s is not None), default=None))


def write(name, template, **values):
    html = environment.get_template(template).render(style=style, canonical=None, **values)
    path = os.path.join(folder, name)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(html)
    os.replace(path + ".part", path)
    print("Writing %s to %s" % (name, folder), flush=True)


os.makedirs(folder)
records = []
for collection in ("addons", "plugins"):
    url = "%s/buckets/blocklists/collections/%s/changeset?_expected=0" % (server, collection)
    answer = requests.get(url)
    answer.raise_for_status()
    records += answer.json()["changes"]
records.sort(key=lambda r: (r["details"]["created"], r["last_modified"]), reverse=True)
years, seen = {}, set()
for record in records:
    name = record.get("blockID", record["id"]) + ".html"
    if name in seen:
        continue
    seen.add(name)
    details = record["details"]
    day = datetime.datetime.fromisoformat(details["created"].replace("Z", "+00:00")).date()
    date = day.strftime("%b %d, %Y")
    years.setdefault(day.year, []).append(
        {"file": name, "name": details["name"], "date": date, "day": day}
    )
    page = {
        "name": details["name"],
        "date": date,
        "why": reason(details.get("why")),
        "who": reason(details.get("who")),
        "bug": details.get("bug"),
        "mild": severity(record) == 1,
    }
    write(name, "page.html", policy=own, page=page)
write(
    "index.html",
    "index.html",
    policy=own + policy("script-src", script),
    script=script,
    years=[{"number": str(year), "entries": entries} for year, entries in years.items()],
)
