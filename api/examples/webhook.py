#!/usr/bin/env python3
"""Tells a web hook (as chat services have them) when a run ends: one POST of {"text": ...} for each.

    python3 webhook.py https://chat.example/hooks/abc --place place.txt

It follows the feed of changes. The cursor is written after a page was told, so a run is told at least once, whatever
is killed meanwhile, and an id that was told already on the page is not told again. A hook that does not answer 2xx is
tried again, with a growing pause; a run's name, never what it printed, leaves the lab.
"""

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request

from enclos.lab import Lab


def post(url: str, text: str, tries: int = 8) -> None:
    data = json.dumps({"text": text}).encode()
    for attempt in range(tries):
        try:
            request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
            with urllib.request.urlopen(request, timeout=10):
                return
        except (urllib.error.URLError, OSError) as error:
            print(f"webhook: {error}; trying again", file=sys.stderr)
            time.sleep(min(60.0, 0.2 * 2**attempt))
    raise SystemExit("webhook: the hook does not answer; run again to go on from here")


def keep(path: str, cursor: str) -> None:
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(cursor)
        f.flush()
        os.fsync(f.fileno())
    os.replace(path + ".new", path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Tell a web hook when runs end.")
    parser.add_argument("url")
    parser.add_argument("--place", required=True, help="file that holds how far it is")
    parser.add_argument("--from-now", action="store_true", help="at the first start, leave out what has ended before")
    a = parser.parse_args()
    cursor = open(a.place, encoding="utf-8").read() if os.path.exists(a.place) else None
    silent = cursor is None and a.from_now
    with Lab(patience_s=3600) as lab:
        for page in lab.changes(cursor):
            ended = {c["id"]: c["object"] for c in page["changes"] if c["noun"] == "run" and c["object"]}
            for run, told in ended.items():
                if told.get("state") == "finished" and not silent:
                    post(a.url, f"{told['name'] or run}: {told['verdict']} ({told['actor']['name']}, {run})")
            keep(a.place, page["next_cursor"])
            silent = silent and page["more"]


if __name__ == "__main__":
    main()
