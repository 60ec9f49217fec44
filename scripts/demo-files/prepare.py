#!/usr/bin/python3
"""Writes the Wisconsin breast-cancer table that Debian's python3-sklearn carries as a plain CSV.

usage: prepare.py FILE. The table's own first line is "rows,columns,class 0,class 1": it is replaced by the
names of the columns.
"""

import csv
import importlib.util
import os
import sys

MEASURES = ["radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity", "concave_points",
            "symmetry", "fractal_dimension"]
COLUMNS = [f"{kind}_{measure}" for kind in ("mean", "error", "worst") for measure in MEASURES] + ["diagnosis"]


def main():
    package = os.path.dirname(importlib.util.find_spec("sklearn").origin)
    with open(os.path.join(package, "datasets", "data", "breast_cancer.csv"), newline="") as f:
        rows = list(csv.reader(f))
    count, columns, *classes = rows[0]
    if int(count) != len(rows) - 1 or int(columns) + 1 != len(COLUMNS):
        raise SystemExit(f"prepare.py: this table has another shape than the one expected: {rows[0]}")
    with open(sys.argv[1], "w", newline="") as f:
        writer = csv.writer(f, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in rows[1:]:
            writer.writerow(row[:-1] + [classes[int(row[-1])]])


if __name__ == "__main__":
    main()
