"""The check of an input file as it is commonly written by hand.

usage: origin_validate.py RECORDS.jsonl
"""
import json
import os
import sys

MIN_RECORDS, MAX_RECORDS, MAX_BYTES = 100, 100_000, 1_000_000_000


def main():
    faults, count = [], 0
    with open(sys.argv[1], encoding="utf-8") as records:
        for number, line in enumerate(records, 1):
            try:
                record = json.loads(line)
            except json.JSONDecodeError as err:
                faults.append(f"line {number}: {err}")
                continue
            for key in ("recordId", "modelInput"):
                if key not in record:
                    faults.append(f"line {number}: no {key}")
            count += 1
    if not MIN_RECORDS <= count <= MAX_RECORDS:
        faults.append(f"{count} records")
    if os.path.getsize(sys.argv[1]) > MAX_BYTES:
        faults.append("file too large")
    print("\n".join(faults) or f"{count} records, no fault")
    sys.exit(1 if faults else 0)


main()
