#!/usr/bin/python3
"""Checks an exported audit log without the lab: verify-audit.py FILE [PREVIOUS_HASH]

FILE is what `enclos audit export` printed. A line is the text that was hashed, with its hash as last member. When
the file does not begin with entry 1, give the hash of the entry before it (the head that you noted then).
Nothing but SHA-256 is needed: no key, no library, no JSON in a canonical form.
"""
import hashlib
import json
import sys

TAIL = len(',"hash":"') + 64 + len('"}')


def verify(lines, previous="0" * 64, number=None):
    """(entries that are whole, hash of the last one, None or what is wrong with the next)"""
    whole = 0
    for line in lines:
        line = line.rstrip(b"\n")
        body = line[:-TAIL] + b"}"
        try:
            entry = json.loads(line)
        except ValueError:
            return whole, previous, f"the line after {whole} entries is no entry"
        if number is not None and entry["number"] != number + 1:
            return whole, previous, f"entry {number + 1} is missing: {entry['number']} follows"
        if entry["previous"] != previous and (whole or entry["number"] == 1 or previous != "0" * 64):
            return whole, previous, f"entry {entry['number']} does not hold the hash of the one before it"
        if line[-TAIL:] != b',"hash":"%s"}' % entry["hash"].encode() or hashlib.sha256(body).hexdigest() != entry["hash"]:
            return whole, previous, f"entry {entry['number']} was changed"
        whole, number, previous = whole + 1, entry["number"], entry["hash"]
    return whole, previous, None


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.split("\n")[0])
    with open(sys.argv[1], "rb") as f:
        entries, head, wrong = verify(f, *sys.argv[2:])
    print(f"{entries} entries are whole, the last has hash {head}" + (f"; then: {wrong}" if wrong else ""))
    sys.exit(1 if wrong else 0)
