"""scripts/bench catalog: a lab of a million runs, generated from a seed, under two hundred clients.

ENCLOS_BENCH_CATALOG names a folder where the generated catalog is kept between calls (6 GB for a million runs); each
call fills it for ENCLOS_BENCH_FILL_SECONDS at most (default: until it is full). The state that is measured is a copy of
it, in a folder beside, that goes at the end.
"""

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time

CLIENTS = 200
PERIOD_MS = 1000  # of each client: 200 pages a second together
QUEUED = 4500  # submissions that are timed: below the share of one account in the queue
SIZES = {False: (1_000_000, 100_000_000, 10_000), True: (20_000, 2_000_000, 1_000)}
LIBRARIES = ["-lsqlite3", "-lcrypto", "-lzstd", "-lcjson", "-lm", "-pthread"]


def compiled(repo, build, top, name, catalog=True):
    path = os.path.join(top, name)
    libraries = [os.path.join(build, "libcatalog.a"), os.path.join(build, "libcommon.a"), *LIBRARIES] if catalog else []
    subprocess.run(["gcc", "-std=gnu17", "-O2", "-D_GNU_SOURCE=", f"-I{repo}", "-o", path,
                    os.path.join(repo, "tests", "bench", name + ".c"), *libraries], check=True)
    return path


def fill(program, folder, quick):
    """The generated catalog's file; ends the bench when its time is over before it is full."""
    runs, points, datasets = SIZES[quick]
    path = os.path.join(folder, f"catalog-{runs}.db")
    seconds = os.environ.get("ENCLOS_BENCH_FILL_SECONDS", "86400")
    began = time.monotonic()
    status = subprocess.run([program, path, str(runs), str(points), str(datasets), seconds], stdout=sys.stderr).returncode
    if status == 3:
        raise SystemExit(f"bench: {path} is not full yet: again, to go on")
    if status:
        raise SystemExit(f"bench: catalog_fill ended with {status}: remove {path}")
    return path, time.monotonic() - began


class Daemon:
    """The lab's daemon on a copy of the generated catalog."""

    def __init__(self, harness, top):
        install, folder = os.path.join(top, "install"), os.path.join(top, "lab")
        os.mkdir(install, 0o755)
        os.mkdir(folder, 0o755)
        self.harness = harness
        self.lab = harness.Lab(folder, harness.installed_copy(install), extra=["--cpus", "1", "--memory", "1G"])
        os.mkdir(self.lab.state, 0o700)

    def own(self, path):
        uid = 699999 if os.getuid() == 0 else os.getuid()
        os.chown(self.lab.state, uid, uid)
        os.chown(path, uid, uid)

    def start(self):
        """Seconds until it answers."""
        began = time.monotonic()
        self.lab.start_daemon(wait=False)
        while True:
            try:
                with self.harness.Rpc(self.lab.socket, timeout=120) as rpc:
                    rpc.call("lab.ping")
                return time.monotonic() - began
            except (OSError, ConnectionError):
                if self.lab.daemon.poll() is not None:
                    raise SystemExit(f"bench: enclosd ended: {self.lab.daemon_log()[-1000:]}")
                time.sleep(0.002)

    def memory_mb(self):
        with open(f"/proc/{self.lab.daemon.pid}/status") as f:
            return int(next(line for line in f if line.startswith("VmRSS")).split()[1]) / 1024

    def methods(self):
        return {m["name"]: {p["name"] for p in m["params"]} for m in self.lab.rpc("rpc.discover")["methods"]}


def request(kind, method, **params):
    return f'{kind} {json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})}\n'


def pages(daemon, quick):
    """What people look at: a few hundred different requests of each kind."""
    chance, known = random.Random(1), daemon.methods()
    runs, _, datasets = SIZES[quick]
    lines = [request("runs", "run.list", limit=50), request("runs.state", "run.list", limit=50, state="finished")] * 20
    cursor = None
    for _ in range(30):
        page = daemon.lab.rpc("run.list", limit=50, **({"cursor": cursor} if cursor else {}))
        cursor = page.next_cursor
        lines.append(request("runs.page", "run.list", limit=50, cursor=cursor))
        some = chance.choice(page.runs).id
        lines += [request("run", "run.get", run=some), request("metrics", "run.metrics", run=some, name="loss")]
        lines.append(request("audit.subject", "audit.list", limit=50, subject=some))
    for n in range(30):
        person = f"personne{n:02}"
        lines.append(request("audit.actor", "audit.list", limit=50, actor=person))
        lines.append(request("audit.action", "audit.list", limit=50, action="run.submitted", to_us=1_700_000_000_000_000 + n * 2_000_000_000_000))
    lines += [request("datasets", "dataset.list", limit=50)] * 20
    filters = ["attributes.verdict = 'failed'", "params.model = 'rf'", "params.model = 'rf' and metrics.auc > 0.9",
               "metrics.auc > 0.99", "tags.stage = 'prod'", "attributes.actor = 'personne07'"]
    if "filter" in known["run.list"]:
        for n, text in enumerate(filters):
            try:
                daemon.lab.rpc("run.list", limit=50, filter=text, rpc_timeout=60)
                lines += [request(f"filter.{n}", "run.list", limit=50, filter=text)] * 5
            except daemon.harness.RpcError as e:
                print(f"bench: run.list filter {text!r}: {e.message}", file=sys.stderr)
        for order in ("metrics.auc DESC", "attributes.created_us DESC"):
            if "order_by" in known["run.list"]:
                try:
                    daemon.lab.rpc("run.list", limit=50, order_by=order, rpc_timeout=60)
                    lines += [request("order." + order.split()[0].split(".")[1], "run.list", limit=50, order_by=order)] * 5
                except daemon.harness.RpcError as e:
                    print(f"bench: run.list order_by {order!r}: {e.message}", file=sys.stderr)
    for method in ("catalog.search", "search.query", "lab.search"):
        if method in known:
            name = "text" if "text" in known[method] else "query"
            for text in ("cancer", "logement année", "prévision", "personne07", "experience 12"):
                lines += [request("search", method, **{name: text})] * 5
    return lines


def load(program, daemon, lines, clients, seconds, period_ms):
    done = subprocess.run([program, daemon.lab.socket, str(clients), str(seconds), str(period_ms)], input="".join(lines), text=True,
                          stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def submissions(daemon):
    resources = {"cpus_milli": 1000, "memory_bytes": 64 << 20}
    daemon.lab.wait_running(daemon.lab.submit(["sleep", "600"], resources={**resources, "wall_ms": 3_600_000}))
    return [request("submit", "run.submit", command=["true"], resources=resources) for _ in range(QUEUED)]


def bench(quick, top, repo, build, bar):
    import harness

    programs = {name: compiled(repo, build, top, name, name != "catalog_load")
                for name in ("catalog_fill", "catalog_load", "catalog_ingest")}
    kept = os.environ.get("ENCLOS_BENCH_CATALOG") or top
    path, filled_s = fill(programs["catalog_fill"], kept, quick)
    here = os.path.join(kept, "measured")  # on the same disk
    shutil.rmtree(here, ignore_errors=True)
    os.mkdir(here, 0o755)
    rows, bars = [], []

    def row(name, value, unit):
        rows.append({"name": name, "value": round(value, 3), "unit": unit})

    daemon = Daemon(harness, here)
    try:
        target = os.path.join(daemon.lab.state, "catalog.db")
        shutil.copyfile(path, target)
        os.chmod(target, 0o600)
        daemon.own(target)
        size_gb = os.path.getsize(target) / 1e9
        row("catalog.generated", size_gb, "GB")
        row("catalog.fill", filled_s, "s")
        migrate_s = daemon.start()
        row("start.migrating", migrate_s, "s")
        row("catalog.migrated", os.path.getsize(target) / 1e9, "GB")
        row("start.words_of_the_search", words_made(target), "s")
        daemon.lab.stop_daemon(120)
        clean_s = min(stopped_start(daemon) for _ in range(3))
        row("start.clean", clean_s, "s")
        lines = pages(daemon, quick)
        load(programs["catalog_load"], daemon, lines, 20, 3, 100)  # warms up
        alone = [line for line in lines if not line.startswith("search ")]
        shown = load(programs["catalog_load"], daemon, alone, CLIENTS, 5 if quick else 20, PERIOD_MS)
        mixed = load(programs["catalog_load"], daemon, lines, CLIENTS, 5 if quick else 20, PERIOD_MS)
        row("beside_searches.list.p99", max(k["p99_ms"] for n, k in mixed["kinds"].items() if n != "search"), "ms")
        if "search" in mixed["kinds"]:
            row("search.list.p50", mixed["kinds"]["search"]["p50_ms"], "ms")
            row("search.list.p99", mixed["kinds"]["search"]["p99_ms"], "ms")
        for kind, k in shown["kinds"].items():
            row(f"{kind}.list.p50", k["p50_ms"], "ms")
            row(f"{kind}.list.p99", k["p99_ms"], "ms")
        memory = daemon.memory_mb()
        sent = load(programs["catalog_load"], daemon, submissions(daemon), CLIENTS, 60, 0)
        rate = sent["kinds"]["submit"]["count"] / sent["seconds"]
        row("submit.rate.200", rate, "1/s")
        row("submit.list.p50", sent["kinds"]["submit"]["p50_ms"], "ms")
        row("submit.list.p99", sent["kinds"]["submit"]["p99_ms"], "ms")
        memory = max(memory, daemon.memory_mb())
        row("memory.rss", memory, "MB")
        daemon.lab.kill_daemon()
        unclean_s = daemon.start()
        row("start.after_a_kill", unclean_s, "s")
        daemon.lab.stop()
        ingest = float(subprocess.run([programs["catalog_ingest"], target, "5" if quick else "15"], check=True, text=True,
                                      stdout=subprocess.PIPE).stdout)
        row("ingest.rate.points", ingest, "1/s")
    finally:
        daemon.lab.stop()
        shutil.rmtree(here, ignore_errors=True)
    listed = shown["kinds"]
    bars += [bar("catalog.list.p50_ms", max(k["p50_ms"] for k in listed.values()), 5),
             bar("catalog.list.p99_ms", max(k["p99_ms"] for k in listed.values()), 25),
             bar("catalog.submit_a_second", rate, 2000, "higher"),
             bar("catalog.points_a_second", ingest, 400_000, "higher"),
             bar("catalog.memory_mb", memory, 150),
             bar("catalog.start_s", clean_s, 1), bar("catalog.start_after_a_kill_s", unclean_s, 1),
             bar("catalog.migrate_s", migrate_s, 60)]
    if "search" in mixed["kinds"]:
        bars.append(bar("catalog.search.p50_ms", mixed["kinds"]["search"]["p50_ms"], 50))
    runs, points, datasets = SIZES[quick]
    notes = {
        "catalog": f"{runs} runs, {points} metric points, {datasets} datasets, generated from a seed (tests/bench/catalog_fill.c)",
        "list": f"{CLIENTS} clients, each a page a second: milliseconds from the request to the whole answer, the slowest kind counts",
        "beside_searches": "the slowest kind of page when one request in twenty is a search; searches themselves are the row `search`",
        "submit": f"{QUEUED} submissions by {CLIENTS} clients, each as soon as the last was acknowledged; none of them starts",
        "ingest": "points a second by the catalog alone, each counted when its commit is on the disk",
        "start": "from the start of enclosd to an answer; after a kill the file is checked beside the work",
        "memory": "VmRSS of enclosd after all of it",
    }
    return rows, bars, notes


def words_made(path):
    """Seconds until the search knows what was there before the upgrade: made beside the work, once."""
    began = time.monotonic()
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        while db.execute("SELECT built FROM search_state").fetchone()[0] != 1:
            if time.monotonic() - began > 600:
                raise SystemExit("bench: the words of the search are not made after ten minutes")
            time.sleep(0.2)
    return time.monotonic() - began


def stopped_start(daemon):
    if daemon.lab.daemon is not None and daemon.lab.daemon.poll() is None:
        daemon.lab.stop_daemon(120)
    return daemon.start()
