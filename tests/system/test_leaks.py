"""Case 114: many runs in a row, and thirty-two at once, leave nothing behind, and the launcher does not grow.

ENCLOS_LEAK_RUNS=1000 makes it the thousand of the promise; fewer are part of every test run.
"""

import os
from collections import Counter

import pytest

import harness
from harness import SLOW, Deadline
from test_processes import children, named, status

RUNS = int(os.environ.get("ENCLOS_LEAK_RUNS", "100"))
AT_ONCE = 32
READY_NETWORKS = 64  # the launcher keeps fewer than that
SMALL = {"memory_bytes": 16 << 20, "cpus_milli": 1000, "processes": 16, "work_bytes": 1 << 20, "tmp_bytes": 1 << 20,
         "output_bytes": 1 << 20}


def family(lab):
    """{pid: name} of the daemon and all below it."""
    found, todo = {lab.daemon.pid: "daemon"}, [lab.daemon.pid]
    while todo:
        for child in children(todo.pop()):
            try:
                found[child] = named(child)
            except OSError:
                continue  # it went meanwhile
            todo.append(child)
    return found


def leases(pids):
    """Locks that these processes hold on the files of leased uids."""
    with open("/proc/locks") as f:
        rows = [line.split() for line in f]
    inodes = {os.stat(os.path.join("/run/enclos-uids", name)).st_ino for name in os.listdir("/run/enclos-uids")}
    return sum(1 for row in rows if int(row[-4]) in pids and int(row[-3].split(":")[-1]) in inodes)


def counts(lab):
    """A process may go while it is looked at: then all is looked at again."""
    deadline = Deadline(10)
    while True:
        try:
            return count(lab)
        except (FileNotFoundError, ProcessLookupError, StopIteration):
            assert deadline.left, "the lab's processes come and go without end"


def count(lab):
    """What a run could leave: of the lab's own processes and folders, since other tests go on beside this one."""
    pids = family(lab)
    launcher = next(pid for pid, name in pids.items() if name == "enclos-launcher")
    spaces = set()
    for pid in pids:
        for kind in ("mnt", "net", "pid", "ipc", "uts", "user", "cgroup"):
            spaces.add((kind, os.stat(f"/proc/{pid}/ns/{kind}").st_ino))
    links = [os.readlink(f"/proc/{launcher}/fd/{fd}") for fd in os.listdir(f"/proc/{launcher}/fd")]
    with open(f"/proc/{launcher}/mountinfo") as f:
        mounts = len(f.readlines())
    with open("/proc/self/mountinfo") as f:
        host_mounts = sum(lab.top in line for line in f)
    with open(f"/proc/{launcher}/status") as f:
        held = {line.split(":")[0]: int(line.split()[1]) for line in f if line.startswith(("VmRSS", "VmData", "RssAnon"))}
    return {
        "processes": sorted(pids.values()),
        "namespaces": len(spaces),
        "launcher's descriptors": sum(not link.startswith("net:") for link in links),
        "ready networks": sum(link.startswith("net:") for link in links) > READY_NETWORKS,  # kept for runs to come
        "daemon's descriptors": len(os.listdir(f"/proc/{lab.daemon.pid}/fd")),
        "launcher's mounts": mounts,
        "host's mounts": host_mounts,
        "uid leases": leases(set(pids)),
        "uploads and temporary files": sum(len(files) for folder in ("uploads", "tmp")
                                           for _, _, files in os.walk(os.path.join(lab.state, folder))),
    }, held, launcher


def groups_of(runs):
    return [folder for mount in harness.cgroup_mounts() for folder, _, _ in os.walk(mount)
            if any(run in folder for run in runs)]


def settled(lab, before):
    """What is left when all that is only being taken down has gone."""
    more = {}

    def quiet():
        now = counts(lab)[0]
        more.clear()
        more.update({k: (before[k], now[k]) for k in before if k != "processes" and now[k] > before[k]})
        if Counter(now["processes"]) - Counter(before["processes"]):
            more["processes"] = (before["processes"], now["processes"])
        return not more

    try:
        Deadline(15).until(quiet, "everything to be as before", 0.1)
    except AssertionError:
        assert more == {}, "a run left something"


def at_rest(lab):
    """Counts when nothing of the runs before is being taken down any more: twice the same, a moment apart."""
    last = None

    def same():
        nonlocal last
        before, last = last, counts(lab)
        return before is not None and before[0] == last[0]

    Deadline(15).until(same, "the lab to be at rest", 0.3)
    return last


@pytest.mark.seconds(600)
def test_h114_many_runs_in_a_row_and_many_at_once_leave_nothing(new_lab):
    lab = new_lab(extra=["--cpus", "64"])
    lab.start_daemon()
    dataset = lab.add_dataset("d", {"d.csv": "1"})
    code = lab.put_files({"a.py": "1"})

    def one(command="echo 1 > /outputs/o"):
        return lab.submit(["sh", "-c", command], code=code, datasets=[dataset], resources=SMALL)

    for _ in range(12):  # caches, ready networks, the first of everything
        assert lab.wait(one()).verdict == "succeeded"
    before, held, launcher = at_rest(lab)
    runs = []
    for _ in range(RUNS):
        runs.append(one())
        assert lab.wait(runs[-1]).verdict == "succeeded", lab.get(runs[-1])
    for _ in range(max(1, RUNS // 250)):
        crowd = [one("echo 1 > /outputs/o; sleep 2") for _ in range(AT_ONCE)]
        most = 0

        def all_go():
            nonlocal most
            most = max(most, lab.rpc("lab.info").runs.running)
            return most == AT_ONCE or all(lab.get(run).state == "finished" for run in crowd)

        Deadline(60).until(all_go, "all of them to go at once", 0.02)
        assert most == AT_ONCE or SLOW, f"{most} went at once"
        runs += crowd
        for run in crowd:
            assert lab.wait(run).verdict == "succeeded", lab.get(run)
    settled(lab, before)
    _, now, same = counts(lab)
    assert same == launcher, "the launcher was replaced"
    left = groups_of(runs)
    if left:
        Deadline(10).until(lambda: not groups_of(runs), "the control groups to go", 0.2)
    print(f"{len(runs)} runs: the launcher's memory in KiB before {held}, after {now}")
    if not SLOW:  # a sanitizer keeps what was freed
        assert now["RssAnon"] <= held["RssAnon"] + 64 and now["VmData"] <= held["VmData"] + 256, (held, now)
    assert status(lab.daemon.pid)["Threads"]


@pytest.mark.seconds(300)
def test_h114_runs_that_end_in_every_way_leave_nothing(lab):
    """Stopped, killed, out of memory, not started: what takes them down is another path each time."""
    ends = [("succeeded", "true", {}), ("failed", "false", {}), ("exec_failed", "/none", {}),
            ("wall_timeout", "sleep 60", {"wall_ms": 300}), ("signaled", "sh -c 'kill -9 $$'", {}),
            ("out_of_memory", ["/usr/bin/python3", "-c", "x = b'1' * (1 << 30)"], {"memory_bytes": 32 << 20}),
            ("process_limit", "sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 0.3 & done; wait'", {"processes": 4}),
            ("output_limit", "sh -c 'head -c 9000000 /dev/zero > /outputs/x'", {"output_bytes": 1 << 20})]
    for _ in range(6):
        lab.run("true")
    before = at_rest(lab)[0]
    runs = []
    for verdict, command, resources in ends:
        ended = lab.run(command, resources=resources)
        runs.append(ended.id)
        assert ended.verdict == verdict, ended
    cancelled = lab.submit("sleep 60")
    lab.wait_running(cancelled)
    lab.rpc("run.cancel", run=cancelled)
    assert lab.wait(cancelled).verdict == "cancelled"
    settled(lab, before)
    Deadline(10).until(lambda: not groups_of([*runs, cancelled]), "the control groups to go", 0.2)
