#!/usr/bin/env python3
"""Launches a folder and waits for it, as cron does: one run a day, however often it is tried.

    # crontab -e
    30 2 * * *  python3 /opt/enclos/api/examples/nightly.py /srv/model -- python3 train.py --trees 200

Nothing is printed when all is well, so that cron sends no mail. Exit status: 0 the run succeeded, 1 it did not, 2 it
could not be launched. A second call on the same day waits for the run of the first.
"""

import argparse
import datetime
import os
import sys

from enclos.lab import Lab, LabError, put_folder


def main() -> int:
    parser = argparse.ArgumentParser(description="Launch and wait, once a day.")
    parser.add_argument("folder")
    parser.add_argument("command", nargs="+")
    parser.add_argument("--profile", default="python")
    parser.add_argument("--dataset", action="append", default=[])
    parser.add_argument("--day", default=datetime.date.today().isoformat())
    a = parser.parse_args()
    name = f"nightly {os.path.basename(os.path.abspath(a.folder))} {a.day}"
    try:
        with Lab(patience_s=600) as lab:
            run = lab.run.submit(command=a.command, code=put_folder(lab, a.folder), profile=a.profile, datasets=a.dataset,
                                 name=name, idempotency_key=name)["run"]
            finished = lab.wait(run)
    except (LabError, OSError, ValueError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    if finished["verdict"] != "succeeded":
        print(f"{name}: {finished['verdict']}, {finished['reason']}; enclos show {run}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
