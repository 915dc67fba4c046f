#!/usr/bin/env bash
# exports.sh BINARY: what quarry export writes, read by programs that are not ours: Python's csv and json, openpyxl, SQLite. As root it
# installs Debian's python3-openpyxl where it is missing.
set -uo pipefail
binary=$(realpath "${1:?usage: compat/exports.sh BINARY}") || exit 2
tmp=$(mktemp -d) || exit 2
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 2
python=/usr/bin/python3
if [ "$(id -u)" = 0 ] && ! "$python" -c 'import openpyxl' 2>/dev/null; then
	{ apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-openpyxl; } >apt.log 2>&1 ||
		{ echo "FAIL exports: cannot install openpyxl: $(tail -n 1 apt.log)" && exit 1; }
fi
"$python" - >docs.jsonl <<'PY'
import json
texts = ["=1+1", "@SUM(A1)", "'=x", "+1", "-2", "\ttab", "_x0041_", "a\rb\r\nc", " blank ", "長い\U0001D11E", "x" * 32767, '"q",;', "", "\x07"]
for i, text in enumerate(texts):
    print(json.dumps({"id": f"={i}", "title": f"T {i}", "content": f"<p>Stone number {i} is cut from the face of a hill.</p>", "note": text, "n": i, "f": i / 4, "b": i % 2 == 0}))
PY
"$binary" run docs.jsonl --dir run >log 2>&1 || { echo "FAIL exports: run: $(tail -n 2 log)" && exit 1; }
for name in out.csv out.tsv out.xlsx out.db out.jsonl out.jsonld; do
	"$binary" export --dir run -o $name >>log 2>&1 || { echo "FAIL exports: $name: $(tail -n 2 log)" && exit 1; }
done
"$binary" export --dir run -o tests.jsonl --format promptfoo >>log 2>&1 || { echo "FAIL exports: promptfoo: $(tail -n 2 log)" && exit 1; }
"$python" - <<'PY'
import csv, json, openpyxl, sqlite3, sys
docs = [json.loads(line) for line in open("docs.jsonl", encoding="utf-8")]
failed = False
def check(name, ok, why=""):
    global failed
    failed |= not ok
    print("ok   exports: " + name if ok else f"FAIL exports: {name}: {why!r:.300}")
def bare(text):  # without the guard
    rest = text.lstrip("'")
    return text[1:] if rest != text and rest[:1] in tuple("=+-@\t\r") else text
for name, dialect in ("out.csv", "excel"), ("out.tsv", "excel-tab"):
    rows = list(csv.DictReader(open(name, newline="", encoding="utf-8"), dialect=dialect))
    got = [(r["id"], bare(r["note"]), r["n"]) for r in rows]
    want = [(d["id"], d["note"], str(d["n"])) for d in docs]
    check(f"Python's csv reads {name}; guards are removed", got == want, [g for g, w in zip(got, want) if g != w])
    check(f"no text of {name} is a formula", not any(r["note"][:1] in tuple("=+-@\t\r") for r in rows if r["note"]))
book = openpyxl.load_workbook("out.xlsx")
rows = list(book["results"].iter_rows())
names = [c.value for c in rows[0]]
cells = [dict(zip(names, r)) for r in rows[1:]]
from openpyxl.utils.escape import unescape
got = [(r["id"].value, unescape(r["note"].value or ""), r["n"].value, r["f"].value, r["b"].value) for r in cells]
want = [(d["id"], d["note"], d["n"], d["f"], d["b"]) for d in docs]
check("openpyxl reads every value of the xlsx", got == want, [(g, w) for g, w in zip(got, want) if g != w][:2])
check("no cell of the xlsx is a formula", all(c.data_type != "f" for r in rows for c in r))
check("the tokens of the xlsx are numbers", all(r["input_tokens"].data_type == "n" for r in cells))
got = sqlite3.connect("out.db").execute("SELECT id, note, n, f FROM results ORDER BY rowid").fetchall()
check("SQLite reads every value", got == [(d["id"], d["note"], d["n"], d["f"]) for d in docs], got)
graph = json.load(open("out.jsonld", encoding="utf-8"))
check("the JSON-LD has an article for each document", graph["@context"] == "https://schema.org" and [n["identifier"] for n in graph["@graph"]] == [d["id"] for d in docs])
check("the JSON-LD can be put into a page", "<" not in open("out.jsonld", encoding="utf-8").read())
# The shape of a test case: https://www.promptfoo.dev/docs/configuration/reference/#test-case
known = {"description": str, "vars": dict, "providerOutput": (str, dict), "assert": list, "options": dict, "metadata": dict}
tests = [json.loads(line) for line in open("tests.jsonl", encoding="utf-8")]
check("test cases of promptfoo have its members and types", len(tests) == len(docs) and all(
    set(t) <= set(known) and all(isinstance(t[k], known[k]) for k in t) and None not in t["vars"].values() and all("type" in a for a in t.get("assert", [])) for t in tests))
sys.exit(failed)
PY
