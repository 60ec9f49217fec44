"""What each process of a lab may do, read from the kernel while a run goes: the table of runner/README.md."""

import os
import re

import pytest

from harness import cgroup_mounts

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: the lab of these tests runs as root")

REPO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
LAB_UID, INIT_UID, RUN_UIDS = 699999, 699998, range(700000, 701000)

# linux/capability.h, those that the launcher's table may name
NUMBERS = {"CHOWN": 0, "DAC_OVERRIDE": 1, "DAC_READ_SEARCH": 2, "FOWNER": 3, "KILL": 5, "SETGID": 6, "SETUID": 7,
           "SETPCAP": 8, "NET_ADMIN": 12, "SYS_CHROOT": 18, "SYS_PTRACE": 19, "SYS_ADMIN": 21, "SYS_RESOURCE": 24}


def status(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def uids(pid):
    return {int(n) for n in status(pid)["Uid"].split()}


def capabilities(pid, which):
    return int(status(pid)[which], 16)


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(n) for n in f.read().split()]


def named(pid):
    with open(f"/proc/{pid}/comm") as f:
        return f.read().strip()


@pytest.fixture
def family(lab):
    """The processes of a lab with one run going, by name."""
    run = lab.submit("sleep 30")
    lab.wait_running(run)
    found, todo = {"daemon": lab.daemon.pid}, [lab.daemon.pid]
    while todo:
        for child in children(todo.pop()):
            found[named(child)] = child
            todo.append(child)
    yield found
    lab.rpc("run.cancel", run=run)
    lab.wait(run)


def test_the_daemon_has_no_right_left(family):
    pid = family["daemon"]
    assert uids(pid) == {LAB_UID}
    for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert capabilities(pid, which) == 0, which
    assert status(pid)["NoNewPrivs"] == "1" and status(pid)["Groups"].strip() == ""


def test_launcher_and_monitor_keep_the_capabilities_of_their_table_only(family):
    with open(os.path.join(REPO, "runner", "priv_confine.c")) as f:
        table = re.findall(r'\{"[^"]*", CAP_(\w+), (true|false)\}', f.read())
    assert table and {name for name, _ in table} <= set(NUMBERS), table
    for name in ("enclos-launcher", "enclos-monitor"):
        allowed = sum(1 << NUMBERS[cap] for cap, monitor in table if monitor == "true" or name == "enclos-launcher")
        for which in ("CapPrm", "CapEff", "CapBnd"):
            assert capabilities(family[name], which) & ~allowed == 0, f"{name} {which}"
        assert capabilities(family[name], "CapInh") == 0 and capabilities(family[name], "CapAmb") == 0


@pytest.mark.skipif("asan" in os.environ.get("ENCLOS_BUILD", ""), reason="sanitizers make calls of their own")
def test_the_monitor_has_a_filter_once_its_run_goes(family):
    seen = status(family["enclos-monitor"])
    assert seen["Seccomp"] == "2" and seen["NoNewPrivs"] == "1"
    assert capabilities(family["enclos-monitor"], "CapEff") & (1 << NUMBERS["SYS_ADMIN"]) == 0


def test_the_launcher_has_a_filter_of_its_own(family):
    """Against what neither it nor anything below it ever calls; a run's own filter comes on top of it."""
    seen = status(family["enclos-launcher"])
    assert seen["Seccomp"] == "2" and seen["Seccomp_filters"] == "1" and seen["NoNewPrivs"] == "1"
    for name, least in (("enclos-monitor", 2), ("enclos-init", 2), ("sleep", 2)):
        if "asan" not in os.environ.get("ENCLOS_BUILD", "") or name != "enclos-monitor":
            assert int(status(family[name])["Seccomp_filters"]) >= least, name


def test_launcher_and_monitor_have_no_network_and_mounts_of_their_own(family):
    for name in ("enclos-launcher", "enclos-monitor"):
        for kind in ("net", "mnt"):
            assert os.stat(f"/proc/{family[name]}/ns/{kind}").st_ino != os.stat(f"/proc/self/ns/{kind}").st_ino, name


def test_init_can_only_reap(family):
    pid = family["enclos-init"]
    assert uids(pid) == {INIT_UID}
    for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert capabilities(pid, which) == 0, which
    assert status(pid)["NoNewPrivs"] == "1" and status(pid)["Seccomp"] == "2"
    assert os.listdir(f"/proc/{pid}/fd") == [], "no descriptor is left"


def test_the_job_has_nothing(family):
    pid = family["sleep"]
    assert uids(pid) <= set(RUN_UIDS) and len(uids(pid)) == 1
    for which in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert capabilities(pid, which) == 0, which
    assert status(pid)["NoNewPrivs"] == "1" and status(pid)["Seccomp"] == "2"
    assert sorted(os.listdir(f"/proc/{pid}/fd")) == ["0", "1", "2", "3"], "standard streams and the metrics"
    for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup"):
        inside = os.stat(f"/proc/{pid}/ns/{kind}").st_ino
        for other in ("daemon", "enclos-launcher", "enclos-monitor"):
            assert inside != os.stat(f"/proc/{family[other]}/ns/{kind}").st_ino, f"{kind} is shared with {other}"


def test_the_door_of_a_notebook_can_only_connect(lab):
    run = lab.submit("sleep 30", profile="jupyter", interactive={"kind": "notebook"})
    lab.wait_running(run)
    found, todo = {}, [lab.daemon.pid]
    while todo:
        for child in children(todo.pop()):
            found[named(child)] = child
            todo.append(child)
    pid = found["enclos-door"]
    assert uids(pid) == {INIT_UID}
    for which in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert capabilities(pid, which) == 0, which
    assert status(pid)["NoNewPrivs"] == "1" and status(pid)["Seccomp"] == "2"
    assert os.listdir(f"/proc/{pid}/fd") == ["0"], "its socket to the monitor and nothing else"
    for kind in ("net", "mnt", "pid", "ipc", "uts"):
        assert os.stat(f"/proc/{pid}/ns/{kind}").st_ino == os.stat(f"/proc/{found['sleep']}/ns/{kind}").st_ino, kind
    lab.rpc("run.cancel", run=run)
    lab.wait(run)


def test_the_record_tells_what_the_kernel_shows(lab):
    run = lab.submit("sleep 1")
    lab.wait_running(run)
    todo, found = [lab.daemon.pid], {}
    while todo:
        for child in children(todo.pop()):
            found[named(child)] = child
            todo.append(child)
    pid = found["sleep"]
    seen = {kind: os.stat(f"/proc/{pid}/ns/{kind}").st_ino for kind in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")}
    outside = status(pid)
    told = lab.wait(run).sandbox
    assert told.namespaces == seen
    assert told.host_uid == int(outside["Uid"].split()[0])
    for key, which in (("cap_effective", "CapEff"), ("cap_permitted", "CapPrm"), ("cap_bounding", "CapBnd"),
                       ("cap_inheritable", "CapInh"), ("cap_ambient", "CapAmb")):
        assert int(told[key], 16) == int(outside[which], 16), key
    assert told.no_new_privs == int(outside["NoNewPrivs"]) and told.seccomp == "filter" and outside["Seccomp"] == "2"


# names of /proc/PID/limits, those of the record
LIMITS = {"Max cpu time": "cpu_s", "Max file size": "fsize_bytes", "Max data size": "data_bytes",
          "Max stack size": "stack_bytes", "Max core file size": "core_bytes", "Max resident set": "rss_bytes",
          "Max processes": "processes", "Max open files": "nofile", "Max locked memory": "memlock_bytes",
          "Max address space": "address_space_bytes", "Max file locks": "locks",
          "Max pending signals": "signals_pending", "Max msgqueue size": "msgqueue_bytes",
          "Max nice priority": "nice", "Max realtime priority": "rtprio", "Max realtime timeout": "rttime_us"}


def held_by_groups(pid):
    """Memory and processes that the groups of pid allow, from the files of whichever version the host has."""
    held = {}
    with open(f"/proc/{pid}/cgroup") as f:
        mine = {names: path for _, names, path in (line.rstrip("\n").split(":", 2) for line in f)}
    for mount in cgroup_mounts():
        for names, path in mine.items():
            for file, key in (("memory.max", "memory_bytes"), ("memory.limit_in_bytes", "memory_bytes"), ("pids.max", "processes")):
                at = os.path.join(mount, path.lstrip("/"), file)
                if path.endswith(mine_end(mine)) and os.path.exists(at):
                    with open(at) as f:
                        held[key] = int(f.read())
    return held


def mine_end(mine):
    return max((os.path.basename(path) for path in mine.values()), key=len)


def test_the_record_attests_what_proc_shows_of_a_running_run(lab):
    dataset = lab.add_dataset("d", {"a.csv": "1"})
    run = lab.submit("sleep 2", code={"a.py": "1"}, datasets=[dataset])
    lab.wait_running(run)
    todo, found = [lab.daemon.pid], {}
    while todo:
        for child in children(todo.pop()):
            found[named(child)] = child
            todo.append(child)
    pid = found["sleep"]
    with open(f"/proc/{pid}/limits") as f:
        rows = [line for line in f if line.startswith("Max ")]
    with open(f"/proc/{pid}/mountinfo") as f:
        mounts = [(line.split()[4], line.split(" - ")[1].split()[0], line.split()[5]) for line in f]
    maps = {}
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/{pid}/{name}") as f:
            maps[name] = " ".join(f.read().split())
    groups, filters = held_by_groups(pid), int(status(pid)["Seccomp_filters"])
    told = lab.wait(run).sandbox
    assert {name: told[name] for name in maps} == maps
    seen = {}
    for row in rows:
        name = next(n for n in LIMITS if row.startswith(n))
        soft, hard = row[len(name):].split()[:2]
        seen[LIMITS[name]] = [None if v == "unlimited" else int(v) for v in (soft, hard)]
    assert told.rlimits == seen
    assert [(m.at, m.type, m.flags) for m in told.mounts] == mounts
    assert all("nosuid" in m.flags for m in told.mounts) and len(mounts) > 20
    sizes = {m.at: m.size_bytes for m in told.mounts if m.type == "tmpfs"}
    asked = lab.get(run).resources
    assert (sizes["/outputs"], sizes["/tmp"]) == (asked.output_bytes, asked.tmp_bytes)
    assert lab.top not in str(told), "the record names a folder of the lab"
    assert groups and all(told.limits[key] == value for key, value in groups.items()), (groups, told.limits)
    assert filters >= 2 and told.seccomp == "filter"


@pytest.mark.parametrize("language, word", [("en", "Mounts"), ("fr", "Montages")])
def test_show_sandbox_prints_the_attestation_in_eighty_columns(shared_lab, language, word):
    run = shared_lab.run("true")
    done = shared_lab.cli("show", run.id, "--sandbox", "--lang", language)
    assert done.returncode == 0 and word in done.stdout, done
    for expected in ("/outputs", "nosuid", "no_new_privs", str(run.sandbox.namespaces.mnt), run.sandbox.filter):
        assert expected in done.stdout, expected
    assert shared_lab.cli_json("show", run.id, "--sandbox").uid_map == run.sandbox.uid_map
    failed = shared_lab.run("/no/such/program")
    assert failed.verdict == "exec_failed" and word in shared_lab.cli("show", failed.id, "--sandbox", "--lang", language).stdout
