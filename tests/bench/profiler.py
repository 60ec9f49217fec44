"""scripts/bench inspect: the profiler of datasets beside wc and the tools that Debian has for delimited files.

Megabytes of file a second of processor time (user and system, all threads), best of three, with the file in the page cache. Each tool
is asked for the nearest that it does: the profiler alone finds types, distinct values, quantiles, duplicates and identifiers at once.
"""

import os
import random
import resource
import shutil
import subprocess

COLUMNS = 20


def numeric(path, megabytes):
    """Twenty columns, integers of one to six digits and decimals with three places, as a sensor or an accounting export has them."""
    r = random.Random(1)
    head = ",".join(f"x{i}" for i in range(COLUMNS)) + "\n"
    lines = []
    for _ in range(20000):
        lines.append(",".join(str(r.randint(0, 10 ** r.randint(1, 6))) if c % 2 else f"{r.gauss(100, 30):.3f}" for c in range(COLUMNS)))
    with open(path, "w") as f:
        f.write(head)
        while f.tell() < megabytes * 1e6:
            # Blocks of the same rows in another order: no two stretches are the same, and making them costs little.
            r.shuffle(lines)
            f.write("\n".join(lines) + "\n")


def mixed(path, megabytes, quoted):
    """What a public body exports: text, dates, codes, missing values; every field in quotes, or none."""
    r = random.Random(2)
    cities = ["Montréal", "Québec", "Laval", "Gatineau", "Longueuil", "Sherbrooke", "Lévis", "Saguenay"]
    head = "no;ville;date;code_postal;montant;statut;remarque\n"
    lines = []
    for i in range(20000):
        row = [str(i), r.choice(cities), f"20{r.randint(10, 25)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
               f"{r.choice('GHJ')}{r.randint(0, 9)}A {r.randint(0, 9)}B{r.randint(0, 9)}", f"{r.uniform(0, 5000):.2f}".replace(".", ","),
               r.choice(["ouvert", "fermé", "NA", ""]), r.choice(["", "rien à signaler", "appeler au 514 555-0123"])]
        lines.append(";".join(f'"{v}"' for v in row) if quoted else ";".join(row))
    with open(path, "w") as f:
        f.write(head)
        while f.tell() < megabytes * 1e6:
            r.shuffle(lines)
            f.write("\n".join(lines) + "\n")


def json_lines(path, megabytes):
    r = random.Random(3)
    lines = [f'{{"id":{i},"ville":"Québec","mesure":{r.gauss(0, 1):.4f},"ok":{r.choice(["true", "false"])}}}' for i in range(20000)]
    with open(path, "w") as f:
        while f.tell() < megabytes * 1e6:
            f.write("\n".join(lines) + "\n")


def cost(command, times):
    """Processor seconds and peak memory of the cheapest of `times`."""
    best, memory = None, 0
    for _ in range(times):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise SystemExit(f"bench: {' '.join(command)} ended with {process.returncode}: {said.decode()[:300]}")
        seconds = usage.ru_utime + usage.ru_stime
        if best is None or seconds < best:
            best, memory = seconds, usage.ru_maxrss / 1024
    return best, memory


def bench(quick, top, build, bar):
    program = os.path.join(build, "lib/enclos/enclos-inspect")
    out = os.path.join(top, "out.json")
    rows, notes = [], {}

    def measure(name, path, command, note, times=3):
        seconds, memory = cost(command, times)
        size = os.path.getsize(path) / 1e6
        rows.append({"name": f"{name}.MB_per_s", "value": round(size / seconds, 1), "unit": ""})
        if memory > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 + 1:  # what was forked had as much as we
            rows.append({"name": f"{name}.peak_MiB", "value": round(memory, 1), "unit": ""})
        notes[name] = f"{note}; {size:.0f} MB"
        return size / seconds

    def folder(name, make, *arguments):
        path = os.path.join(top, name)
        os.mkdir(path)
        make(os.path.join(path, "data"), *arguments)
        return path, os.path.join(path, "data")

    size = 300 if quick else 1000
    where, file = folder("numeric", numeric, size)
    speed = measure("inspect.numeric", file, [program, where, out], "the profiler on plain numbers")
    measure("wc.numeric", file, ["wc", file], "lines, words, bytes")
    measure("wc-l.numeric", file, ["wc", "-l", file], "lines alone")
    peers = os.path.join(top, "peers.csv")
    with open(file, "rb") as f, open(peers, "wb") as g:
        head = f.read(40_000_000)
        g.write(head[: head.rindex(b"\n") + 1])
    some = ",".join(f"x{i}" for i in range(COLUMNS))
    if shutil.which("datamash"):
        ops = [word for i in range(1, COLUMNS + 1) for word in ("min", str(i), "max", str(i), "mean", str(i), "sstdev", str(i))]
        measure("datamash.numeric", peers, ["sh", "-c", 'f=$1; shift; exec datamash -t, --header-in "$@" < "$f"', "sh", peers, *ops],
                "min, max, mean, sd of the beginning of the same file", 1)
    if shutil.which("mlr"):
        measure("miller.numeric", peers, ["mlr", "--icsv", "--ojson", "stats1", "-a", "count,min,max,mean,stddev,p50", "-f", some, peers],
                "count, min, max, mean, sd, median of the beginning of the same file", 1)
    if shutil.which("csvstat"):
        small = os.path.join(top, "small.csv")
        with open(small, "wb") as g:
            g.write(head[: head.rindex(b"\n", 0, 2_000_000) + 1])
        measure("csvstat.numeric", small, ["csvstat", small], "all that it tells, of the very beginning of the same file", 1)
    for name, arguments in (("mixed", (False,)), ("quoted", (True,))):
        where, file = folder(name, mixed, size / 8, *arguments)
        measure(f"inspect.{name}", file, [program, where, out], "the profiler on " + ("a text export in quotes" if arguments[0] else "a text export"))
    where, file = folder("jsonl", json_lines, size / 8)
    measure("inspect.jsonl", file, [program, where, out], "the profiler on JSON lines")
    return rows, [bar("inspect.numeric_MB_per_s", speed, 500, "higher")], notes
