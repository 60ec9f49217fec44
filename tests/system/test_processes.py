"""What each process of a lab may do, read from the kernel while a run goes: the table of runner/README.md."""

import os
import re

import pytest

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
