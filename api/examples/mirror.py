#!/usr/bin/env python3
"""Mirrors the catalog into SQLite by the feed of its changes, and keeps it so.

    python3 mirror.py catalog.sqlite           goes on for ever
    python3 mirror.py catalog.sqlite --once    ends when it is up to date

Table `object`: noun, id, what the lab last said of it (JSON; NULL: gone, or not for this account), when. A page of the feed and
the cursor after it are committed together: killed at any moment, it goes on where it was. When the lab says that
the cursor holds no more (another view of the catalog, a restored backup), the mirror is made anew, in one transaction.
"""

import argparse
import json
import sqlite3

from enclos.lab import Conflict, Lab

TABLES = """
CREATE TABLE IF NOT EXISTS object (noun TEXT, id TEXT, said TEXT, changed_us INTEGER, PRIMARY KEY (noun, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS place (one INTEGER PRIMARY KEY CHECK (one = 1), cursor TEXT);
"""


def take(db, page) -> None:
    """One page, within the caller's transaction. Of an object that comes several times the last change carries it."""
    for change in page["changes"]:
        said = json.dumps(change["object"], ensure_ascii=False) if change["object"] is not None else None
        db.execute("INSERT INTO object VALUES (?, ?, ?, ?) ON CONFLICT (noun, id)"
                   " DO UPDATE SET said = excluded.said, changed_us = excluded.changed_us",
                   (change["noun"], change["id"], said, change["time_us"]))
    db.execute("INSERT INTO place VALUES (1, ?) ON CONFLICT (one) DO UPDATE SET cursor = excluded.cursor", (page["next_cursor"],))


def follow(db, lab, once: bool, wait_s: float = 30.0) -> None:
    while True:
        row = db.execute("SELECT cursor FROM place").fetchone()
        try:
            for page in lab.changes(row[0] if row else None, wait_s=0.0 if once else wait_s):
                with db:
                    take(db, page)
                if once and not page["more"]:
                    return
        except Conflict:
            if not row:
                raise
            with db:
                db.execute("DELETE FROM object")
                db.execute("DELETE FROM place")


def main() -> None:
    parser = argparse.ArgumentParser(description="Mirror the catalog into SQLite.")
    parser.add_argument("database")
    parser.add_argument("--once", action="store_true")
    a = parser.parse_args()
    db = sqlite3.connect(a.database)
    db.executescript(TABLES)
    with Lab() as lab:
        follow(db, lab, a.once)


if __name__ == "__main__":
    main()
