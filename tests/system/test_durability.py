"""Kill -9 at any moment: nothing acknowledged is lost, every verdict is the true one, nothing runs twice."""

import hashlib
import os
import random
import select
import signal
import sqlite3
import threading
import time

import pytest

import harness
from harness import MIB, Rpc, RpcError

KILLS = int(os.environ.get("ENCLOS_KILLS", "100" if not harness.SLOW else "20"))
SEED = int(os.environ.get("ENCLOS_SEED", "20261124"))

# What a run of each kind does, and what must be true of it at the end. $0 is its own key: a run that
# started twice would have said its first line twice, in a log that is only ever appended to.
SCRIPT = """
echo "begin $0"
i=0
while [ $i -lt $1 ]; do
    echo "line $i of $0"
    echo "{\\"metric\\":\\"m\\",\\"value\\":$i,\\"step\\":$i}" >&$ENCLOS_METRICS_FD
    i=$((i+1))
done
echo "result of $0" > /outputs/result.txt
sleep $2
echo "end $0"
exit $3
"""


class Wanted:
    def __init__(self, number, chance):
        self.key = f"run-{number}"
        self.lines = chance.choice([0, 1, 5, 40])
        self.seconds = chance.choice(["0", "0", "0.05", "0.2", "0.6"])
        self.status = chance.choice([0, 0, 0, 3])
        self.command = ["sh", "-c", SCRIPT, self.key, str(self.lines), self.seconds, str(self.status)]
        self.run = None

    def log(self):
        lines = [f"begin {self.key}"] + [f"line {i} of {self.key}" for i in range(self.lines)] + [f"end {self.key}"]
        return "".join(line + "\n" for line in lines).encode()


class Submitter(threading.Thread):
    """Submits what it is given, one by one, over and over with the same key until it is acknowledged."""

    def __init__(self, lab, wanted, pause, stop):
        super().__init__()
        self.lab, self.wanted, self.pause, self.stop, self.error = lab, wanted, pause, stop, None

    def run(self):
        rpc = None
        try:
            for one in self.wanted:
                while one.run is None and not self.stop.is_set():
                    try:
                        if rpc is None:
                            rpc = Rpc(self.lab.socket, timeout=5)
                        one.run = rpc.call("run.submit", command=one.command, idempotency_key=one.key, name=one.key,
                                           resources={"memory_bytes": 32 * MIB, "cpus_milli": 250, "processes": 16})["run"]
                    except (OSError, ConnectionError):
                        rpc = None
                        self.stop.wait(0.01)
                self.stop.wait(self.pause)
        except RpcError as e:
            self.error = f"{one.key}: {e}"


def verify(lab, one):
    run = lab.get(one.run)
    what = f"{one.key} ({one.run})"
    assert run.verdict == ("succeeded" if one.status == 0 else "failed"), f"{what}: {run}"
    assert run.exit_code == one.status, what
    assert lab.log(one.run) == one.log(), f"{what}: {lab.log(one.run)}"
    frames = harness.Frames(harness.read_log(os.path.join(lab.state, "runs", one.run, "log")))
    assert sum(e.event == "running" for e in frames.objects("event")) == 1, f"{what} ran twice"
    if one.lines:
        metric = run.metrics[0]
        assert (metric["count"], metric.value, metric.min, metric.max) == (one.lines, one.lines - 1, 0, one.lines - 1), what
        points = lab.rpc("run.metrics", run=one.run, name="m").points
        assert [p.step for p in points] == list(range(one.lines)), what
    digest = hashlib.sha256(f"result of {one.key}\n".encode()).hexdigest()
    assert [(a.path, a.sha256) for a in run.artifacts] == [("result.txt", digest)], f"{what}: {run.artifacts}"


@pytest.mark.seconds(280)
def test_a_hundred_kills_lose_nothing_and_run_nothing_twice(new_lab):
    chance = random.Random(SEED)
    lab = new_lab(extra=["--cpus", "6", "--memory", "8G"])
    lab.start_daemon()
    wanted = [Wanted(n, chance) for n in range(3 * KILLS)]
    stop = threading.Event()
    submitters = [Submitter(lab, wanted[i::3], 0.12, stop) for i in range(3)]
    for submitter in submitters:
        submitter.start()
    try:
        for kill in range(KILLS):
            # Some kills come while the daemon starts, most while it works.
            ready = chance.random() > 0.15
            if ready and lab.daemon.poll() is None:
                lab.wait_ready()
            select.select([], [], [], chance.random() * (0.25 if ready else 0.06))
            acknowledged = [one.run for one in wanted if one.run]
            lab.kill_daemon()
            lab.start_daemon(wait=False)
            if kill % 10 == 9:
                lab.wait_ready()
                with lab.connect(30) as rpc:
                    for run in chance.sample(acknowledged, min(len(acknowledged), 20)):
                        rpc.call("run.get", run=run)  # raises when the lab forgot it
        lab.wait_ready()
        for submitter in submitters:
            submitter.join(120 * harness.PATIENCE)
            assert not submitter.is_alive() and submitter.error is None, submitter.error
    finally:
        stop.set()
        for submitter in submitters:
            submitter.join()
    for one in wanted:
        lab.wait(one.run, 120)
    for one in wanted:
        verify(lab, one)
    assert len({one.run for one in wanted}) == len(wanted)
    listed, cursor = 0, None
    while True:
        page = lab.rpc("run.list", limit=1000, **({"cursor": cursor} if cursor else {}))
        listed += len(page.runs)
        cursor = page.next_cursor
        if not cursor:
            break
    assert listed == len(wanted), "a submission became two runs"
    assert lab.rpc("audit.verify").ok
    assert not lab.monitors()


def test_an_acknowledged_run_survives_a_killed_daemon(lab):
    run = lab.submit("sleep 1")
    lab.kill_daemon()
    lab.start_daemon()
    assert lab.wait(run).verdict == "succeeded"


def test_a_run_that_ends_while_no_daemon_lives_is_ingested(lab):
    run = lab.submit(["sh", "-c", 'echo begin; sleep 0.7; echo \'{"metric":"x","value":4}\' >&$ENCLOS_METRICS_FD; '
                                  "echo out > /outputs/o; echo end; exit 5"])
    lab.wait_log(run, b"begin")
    lab.kill_daemon()
    record = os.path.join(lab.state, "runs", run, "record.json")
    harness.Deadline(20).until(lambda: os.path.exists(record), "the monitor to write the record")
    lab.start_daemon()
    finished = lab.wait(run)
    assert finished.verdict == "failed" and finished.exit_code == 5
    assert lab.log(run) == b"begin\nend\n"
    assert [(m.name, m.value) for m in finished.metrics] == [("x", 4)]
    assert [a.path for a in finished.artifacts] == ["o"]


def test_a_cancel_that_was_acknowledged_is_kept_over_a_kill(lab):
    run = lab.submit("sleep 60")
    lab.wait_running(run)
    lab.rpc("run.cancel", run=run)
    lab.kill_daemon()
    lab.start_daemon()
    assert lab.wait(run).verdict == "cancelled"


def test_a_cancel_reaches_the_run_though_the_daemon_died_before_it_told_the_monitor(lab):
    run = lab.submit("sleep 60")
    lab.wait_running(run)
    lab.kill_daemon()
    with sqlite3.connect(os.path.join(lab.state, "catalog.db")) as db:  # as after the commit, and no further
        db.execute("UPDATE run SET cancel_us = 1700000000000000 WHERE id = ?", (run,))
    db.close()
    for name in ("catalog.db-wal", "catalog.db-shm"):
        path = os.path.join(lab.state, name)
        if os.path.exists(path):
            os.chown(path, os.stat(lab.state).st_uid, os.stat(lab.state).st_gid)
    lab.start_daemon()
    assert lab.wait(run, 30).verdict == "cancelled"


def test_a_killed_monitor_is_lost_and_its_sandbox_is_dead(lab):
    run = lab.submit(["sh", "-c", "echo begin; sleep 61"])
    other = lab.submit(["sh", "-c", "sleep 1; echo fine"])
    lab.wait_log(run, b"begin")
    inside = harness.Deadline(10).until(
        lambda: [p for p in harness.processes("sleep\x0061") if harness.is_alive(p)], "sleep to be executed")
    os.kill(lab.monitors()[run], signal.SIGKILL)
    began = time.monotonic()
    harness.Deadline(1).until(lambda: not any(harness.is_alive(p) for p in inside), "the sandbox to die", 0.001)
    assert time.monotonic() - began < 0.1 * harness.PATIENCE
    finished = lab.wait(run, 20)
    assert finished.verdict == "lost" and finished.exit_code is None and finished.reason, finished
    assert lab.log(run) == b"begin\n", "what it had said is kept"
    assert lab.wait(other).verdict == "succeeded"
    harness.no_cgroup_is_left(run, 10)


def test_a_monitor_killed_while_no_daemon_lives_is_lost(lab):
    run = lab.submit(["sh", "-c", "echo begin; sleep 60"])
    lab.wait_log(run, b"begin")
    monitor = lab.monitors()[run]
    lab.kill_daemon()
    os.kill(monitor, signal.SIGKILL)
    harness.Deadline(5).until(lambda: not harness.is_alive(monitor), "the monitor to be dead")
    lab.start_daemon()
    assert lab.wait(run, 20).verdict == "lost"


def parent_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return int(f.read().rsplit(")", 1)[1].split()[1])


def launchers(lab):
    """The launcher of this lab (whose parent is its keeper, whose parent is the daemon), as a list."""
    found = []
    for pid in harness.processes("launcher"):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            if words[0].endswith(b"enclos-runner") and words[1] == b"launcher" and harness.is_alive(pid) \
                    and parent_of(parent_of(pid)) == lab.daemon.pid and pid not in lab.monitors().values():
                found.append(pid)
        except (OSError, IndexError):
            pass
    return found


def test_a_killed_launcher_is_replaced_and_runs_go_on(lab):
    run = lab.submit(["sh", "-c", "echo begin; sleep 1.5; echo end"])
    lab.wait_log(run, b"begin")
    before = launchers(lab)
    assert len(before) == 1, before
    generation = lab.rpc("lab.info").runner.generation
    os.kill(before[0], signal.SIGKILL)
    after = lab.run(["echo", "after"], 30)
    assert after.verdict == "succeeded", after
    assert lab.rpc("lab.info").runner.generation > generation
    assert lab.wait(run).verdict == "succeeded" and lab.log(run) == b"begin\nend\n"


def test_daemon_and_launcher_killed_together(lab):
    runs = [lab.submit(["sh", "-c", "echo begin; sleep 0.8; echo end"]) for _ in range(3)]
    for run in runs:
        lab.wait_log(run, b"begin")
    for pid in launchers(lab):
        os.kill(pid, signal.SIGKILL)
    lab.kill_daemon()
    lab.start_daemon()
    for run in runs:
        assert lab.wait(run).verdict == "succeeded" and lab.log(run) == b"begin\nend\n"


def test_the_rootless_lab_survives_a_kill_too(plain_lab):
    run = plain_lab.submit(["sh", "-c", "echo begin; sleep 0.8; echo end"])
    plain_lab.wait_log(run, b"begin")
    plain_lab.kill_daemon()
    plain_lab.start_daemon()
    assert plain_lab.wait(run).verdict == "succeeded" and plain_lab.log(run) == b"begin\nend\n"
