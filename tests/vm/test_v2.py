"""Unified cgroup v2 on Debian 12's own kernel (6.1, Landlock ABI 2): limits, attestation, delegation, mounts.

Verdicts that need no v2 of their own are tests/system/test_verdicts.py, which scripts/test-vm runs here as well.
"""

import os
import shutil
import signal
import subprocess
import time

import pytest

import harness
from harness import MIB

GROUPS = "/sys/fs/cgroup"


def read(*path):
    with open(os.path.join(*path)) as f:
        return f.read()


def write(text, *path):
    with open(os.path.join(*path), "w") as f:
        f.write(text)


def wait_log(folder, text, seconds=30):
    harness.Deadline(seconds).until(
        lambda: text in harness.Frames(harness.read_log(os.path.join(folder, "log"))).text("stdout"), f"{text!r} in the log")


# ---- limits ----------------------------------------------------------------------------------------


def test_out_of_memory_kills_the_whole_group(runner):
    # The shell and its sleep are innocent; with memory.oom.group they go with the culprit, and init too.
    run = runner.run(["/bin/sh", "-c", "sleep 50 & /work/probe memory 512; echo went on; sleep 50"],
                     code=harness.probe_code(), memory_bytes=96 * MIB)
    assert run.verdict == "out_of_memory", run.describe()
    assert run.record.usage.oom_kills >= 3, run.record.usage
    assert b"went on" not in run.stdout
    assert run.record.wall_ms < 20_000 and run.status == 137
    assert 80 * MIB <= run.record.memory_peak_bytes <= 96 * MIB, run.record.memory_peak_bytes
    harness.no_cgroup_is_left(run.record.run)


def test_the_peak_of_memory_is_what_was_used(runner):
    run = runner.probe("memory", 40, memory_bytes=256 * MIB)
    assert run.verdict == "succeeded", run.describe()
    assert 40 * MIB <= run.record.memory_peak_bytes <= 64 * MIB, run.record.memory_peak_bytes


def test_page_cache_at_the_limit_is_no_out_of_memory(runner):
    # memory.events tells `max` each time: it wakes the monitor and must not be taken for a kill.
    data = b"\0" * (24 * MIB)
    run = runner.run(["/bin/sh", "-c", "for i in 1 2 3; do cat /data/*/x > /dev/null; done"],
                     datasets={"a": {"x": data}, "b": {"x": data}}, memory_bytes=24 * MIB)
    assert run.verdict == "succeeded", run.describe()
    assert run.record.usage.oom_kills == 0


def test_processes_meet_pids_max_and_no_more(runner):
    run = runner.probe("fork_until", 100, processes=12)
    assert run.verdict == "process_limit", run.describe()
    assert run.record.usage.process_limit_hits >= 1
    assert run.said()["facts"]["made"] < 12, run.said()
    if "processes_peak" in run.record.usage:  # pids.peak is younger than this kernel
        assert run.record.usage.processes_peak <= 12


def test_cpu_time_is_the_groups_and_ends_the_run(runner):
    run = runner.run(["/bin/sh", "-c", "(while :; do :; done) & while :; do :; done"], cpu_ms=1000, cpus_milli=2000)
    assert run.verdict == "cpu_timeout" and run.status == 124, run.describe()
    assert 1000 <= run.record.cpu_ms < 5000, run.record.cpu_ms


def test_cpu_max_holds_a_run_to_its_share(runner):
    run = runner.probe("burn", 2, 2, cpus_milli=500)
    assert run.verdict == "succeeded", run.describe()
    assert run.record.usage.throttled_periods > 0, run.record.usage
    assert run.record.cpu_ms <= 0.5 * run.record.wall_ms + 300, (run.record.cpu_ms, run.record.wall_ms)


def test_the_monitor_sleeps_while_the_run_does(root_runner):
    def used():
        usage = os.times()
        return usage.children_user + usage.children_system

    before = used()
    run = root_runner.run(["/bin/sleep", "4"])
    assert run.verdict == "succeeded", run.describe()
    assert used() - before < 2, "seconds of CPU time beside a program that slept for four"


@pytest.mark.parametrize("stop", ["wall", "cancel"])
def test_term_then_grace_then_kill(runner, stop):
    # The program ignores TERM: it lives through its grace, then the group is killed.
    folder = runner.folder(["/bin/sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"], grace_ms=1500,
                           wall_ms=3000 if stop == "wall" else 60_000)
    process = runner.start(folder)
    wait_log(folder, b"ready")
    if stop == "cancel":
        path = os.path.join(folder, "cancel")
        open(path, "w").close()
        os.chown(path, runner.uid, runner.uid)
    run = runner.finish(process, folder, 0, 60)
    assert run.verdict == {"wall": "wall_timeout", "cancel": "cancelled"}[stop], run.describe()
    assert run.status == {"wall": 124, "cancel": 130}[stop]
    assert run.signal == "SIGKILL", run.describe()
    events = {e.event: at for (stream, at, _), e in zip(
        [f for f in run.frames.frames if f[0] == "event"], run.events)}
    assert run.record.finished_us - events["stopping"] >= 1_400_000, run.events
    assert run.record.wall_ms < 30_000


def test_term_is_enough_for_who_obeys(runner):
    run = runner.run(["/bin/sh", "-c", "trap 'echo bye; exit 7' TERM; while :; do sleep 0.2; done"], wall_ms=1500,
                     grace_ms=20_000)
    assert run.verdict == "wall_timeout" and run.stdout == b"bye\n", run.describe()
    assert run.record.wall_ms < 15_000


# ---- what the record attests -----------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["base", "python", "strict"])
def test_the_record_attests_the_sandbox(runner, profile):
    run = runner.run(["/bin/cat", "/proc/self/status", "/proc/self/cgroup"], profile=profile,
                     memory_bytes=100 * MIB + 1, processes=33, cpus_milli=700)
    sandbox = run.record.sandbox
    assert run.verdict == "succeeded", run.describe()
    assert sandbox.cgroup == "v2" and sandbox.userns == "own" and sandbox.seccomp == "filter", sandbox
    assert sandbox.landlock_abi == 2, "what Debian 12's kernel has"
    assert sandbox.no_new_privs == 1 and sandbox.uid == 1000
    for name in ("effective", "permitted", "inheritable", "bounding", "ambient"):
        assert int(sandbox["cap_" + name], 16) == 0, sandbox
    # The kernel holds whole pages: what is attested is what it holds.
    assert (sandbox.limits.memory_bytes, sandbox.limits.processes, sandbox.limits.cpus_milli) == (100 * MIB, 33, 700)
    assert sandbox.limits.how == "enforced"
    own = {link: os.stat(f"/proc/self/ns/{link}").st_ino for link in sandbox.namespaces}
    assert all(sandbox.namespaces[link] not in (0, own[link]) for link in own), sandbox.namespaces
    # and as the program itself sees it
    status = dict(line.split(":\t", 1) for line in run.stdout.decode().splitlines() if ":\t" in line)
    assert status["CapBnd"] == "0000000000000000" and status["NoNewPrivs"] == "1" and status["Seccomp"] == "2", status
    assert run.stdout.endswith(b"0::/\n"), "its group's place is hidden by a namespace"


def test_a_failed_exec_is_told_and_leaves_no_group(runner):
    run = runner.run(["/work/none"], code={"a.py": "x"})
    assert run.verdict == "exec_failed" and run.failed.errno == "ENOENT" and run.status == 125, run.describe()
    harness.no_cgroup_is_left(run.record.run)


# ---- mounts on this kernel -------------------------------------------------------------------------


def test_code_and_data_are_seen_as_ones_own_and_outputs_are_kept(runner):
    run = runner.run(
        ["/bin/sh", "-ec", "stat -c '%n %u %g %a' /data/d /data/d/in/x.csv /work/train.py; cat /data/d/in/x.csv;"
         " echo more >> train.py; mkdir /outputs/m; cat train.py > /outputs/m/model; ln -s /etc/passwd /outputs/l;"
         " (echo x > /data/d/in/x.csv) 2>/dev/null || echo refused"],
        code={"train.py": ("code\n", 0o600)}, datasets={"d": {"in/x.csv": "a,b\n"}})
    assert run.verdict == "succeeded", run.describe()
    lines = run.stdout.decode().splitlines()
    assert lines == ["/data/d 1000 1000 700", "/data/d/in/x.csv 1000 1000 400", "/work/train.py 1000 1000 600", "a,b",
                     "refused"], lines
    with open(run.outputs_on_disk["m/model"]) as f:
        assert f.read() == "code\nmore\n"
    assert [f.path for f in run.record.outputs.files] == ["m/model"] and set(run.refused()) == {"l"}
    sandbox = run.record.sandbox
    assert sandbox.work == "overlay" and sandbox.data == "overlay", sandbox
    assert sandbox.ownership == ("own uid" if runner.rootless else "idmapped"), sandbox


def test_a_file_system_without_idmapped_mounts_is_refused_by_name(root_runner):
    # tmpfs has them from kernel 6.3 on.
    top = root_runner.top
    root_runner.top = "/run/enclos-vm-lab"
    os.mkdir(root_runner.top, 0o700)
    try:
        run = root_runner.run(["/bin/true"], datasets={"d": {"x": "a"}})
    finally:
        shutil.rmtree(root_runner.top)
        root_runner.top = top
    assert run.verdict == "setup_failed" and run.failed.step == "mount_sources", run.describe()
    assert run.failed.errno == "EINVAL" and "id-mapped" in run.failed.message and "tmpfs" in run.failed.hint, run.failed


# ---- Landlock's floor ------------------------------------------------------------------------------


@pytest.fixture
def stricter(install, root_runner):
    """A folder of profiles with one that asks for more Landlock than this kernel has."""
    folder = os.path.join(root_runner.top, "profiles")
    shutil.copytree(os.path.join(install, "share/enclos/sandbox-profiles"), folder)
    write('{"version": 1, "title": "More", "title_fr": "Plus", "extends": "strict",'
          ' "override": {"landlock_min_abi": "the test wants more than ABI 2"}, "landlock_min_abi": 3}', folder,
          "stricter.jsonc")
    return folder


def test_a_landlock_below_the_floor_is_refused_by_name(root_runner, stricter):
    folder = root_runner.folder(["/bin/true"], profile="stricter")
    done = root_runner.call("exec", "--profiles", stricter, folder)
    run = harness.Finished(folder, done.returncode, done.stdout, done.stderr, 0)
    assert run.verdict == "setup_failed" and run.failed.step == "landlock" and run.status == 125, run.describe()
    for word in ("stricter", "ABI 3", "has 2"):
        assert word in run.failed.message, run.failed
    assert "lsm=" in run.failed.hint


# ---- groups and who may use them -------------------------------------------------------------------


@pytest.fixture
def group():
    """A group below the root, with memory, pids and cpu to give: what a service manager makes for a unit."""
    folder = os.path.join(GROUPS, f"unit-{os.getpid()}")
    os.mkdir(folder)
    write("+memory +pids +cpu", GROUPS, "cgroup.subtree_control")
    yield folder
    harness.Deadline(20).until(lambda: not read(folder, "cgroup.events").startswith("populated 1"), "the group to be empty")
    for at, _, _ in os.walk(folder, topdown=False):
        os.rmdir(at)


def give(group, uid):
    for path in (group, *(os.path.join(group, f"cgroup.{f}") for f in ("procs", "threads", "subtree_control"))):
        os.chown(path, uid, uid)


def run_in(runner, group, folder, uid=0):
    """`enclos-runner exec` started inside a group, as a unit's process is."""
    line = [os.path.join(runner.install, "enclos-runner"), "exec", folder]
    if uid:
        line = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *line]
    done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, cwd="/",
                          env={"PATH": "/usr/bin:/bin"}, preexec_fn=lambda: write("0", group, "cgroup.procs"))
    return harness.Finished(folder, done.returncode, "", done.stderr.decode(), 0)


def folders_in(group):
    return [name for name in os.listdir(group) if os.path.isdir(os.path.join(group, name))]


def test_root_in_a_unit_that_was_not_delegated_leaves_it_alone(root_runner, group):
    # A login session of root's: its runs are limited all the same, beside it.
    run = run_in(root_runner, group, root_runner.folder(["/bin/true"], memory_bytes=64 * MIB))
    assert run.verdict == "succeeded" and run.record.sandbox.limits.memory_bytes == 64 * MIB, run.describe()
    assert read(group, "cgroup.subtree_control").strip() == "" and folders_in(group) == []
    assert os.path.isdir(os.path.join(GROUPS, "enclos"))


def test_a_plain_user_in_a_unit_that_was_not_delegated_is_refused(plain_runner, group):
    give(group, plain_runner.uid)
    run = run_in(plain_runner, group, plain_runner.folder(["/bin/true"]), plain_runner.uid)
    assert run.verdict == "setup_failed" and run.failed.step == "cgroup_create", run.describe()
    assert run.failed.errno == "EBUSY" and os.path.basename(group) in run.failed.message, run.failed
    assert "Delegate=yes" in run.failed.hint and "--cgroup" in run.failed.hint, run.failed
    assert read(group, "cgroup.subtree_control").strip() == "" and folders_in(group) == []


@pytest.mark.parametrize("kind", ["root", "rootless"])
def test_a_delegated_unit_moves_to_a_leaf_and_limits_its_runs(request, group, kind):
    runner = request.getfixturevalue("root_runner" if kind == "root" else "plain_runner")
    # The mark and the ownership that systemd gives to a unit with Delegate=yes.
    os.setxattr(group, "user.delegate", b"1")
    give(group, runner.uid)
    for _ in range(2):  # the second finds the leaf of the first
        leaf = os.path.join(group, "daemon")
        where = leaf if os.path.isdir(leaf) else group
        run = run_in(runner, where, runner.folder(["/bin/true"], memory_bytes=64 * MIB), runner.uid)
        assert run.verdict == "succeeded" and run.record.sandbox.cgroup == "v2", run.describe()
        assert run.record.sandbox.limits.memory_bytes == 64 * MIB
        assert set(read(group, "cgroup.subtree_control").split()) >= {"memory", "pids", "cpu"}
        assert os.listdir(os.path.join(group, "enclos")), "runs had a group of their own"


def test_a_plain_user_without_a_group_is_refused_and_told_what_to_do(plain_runner):
    plain_runner.cgroup = None
    run = plain_runner.run(["/bin/true"])
    assert run.verdict == "setup_failed" and run.failed.step == "cgroup_create" and run.failed.errno == "EACCES", run.describe()
    assert "--cgroup" in run.failed.hint and "best_effort" in run.failed.hint, run.failed


def test_a_group_without_a_controller_is_refused_by_its_name(root_runner, group):
    write("+memory +cpu", group, "cgroup.subtree_control")
    os.mkdir(os.path.join(group, "lab"))
    folder = root_runner.folder(["/bin/true"])
    done = root_runner.call("exec", "--cgroup", os.path.relpath(group, GROUPS) + "/lab", folder)
    run = harness.Finished(folder, done.returncode, done.stdout, done.stderr, 0)
    assert run.verdict == "setup_failed" and run.failed.step == "cgroup_create", run.describe()
    assert "pids" in run.failed.message and "delegate" in run.failed.hint, run.failed


# ---- hosts without user namespaces -----------------------------------------------------------------


def test_rootless_without_user_namespaces_names_the_switch(plain_runner, sysctl):
    sysctl("kernel.unprivileged_userns_clone", "0")
    run = plain_runner.run(["/bin/true"])
    assert run.verdict == "setup_failed" and run.failed.step == "clone_init" and run.failed.errno == "EPERM", run.describe()
    assert "kernel.unprivileged_userns_clone=1" in run.failed.hint, run.failed


def test_a_root_lab_goes_on_without_them_and_says_so(root_runner, sysctl):
    sysctl("kernel.unprivileged_userns_clone", "0")
    run = root_runner.probe("ids", datasets={"d": {"x": "a"}})
    assert run.verdict == "succeeded", run.describe()
    assert run.record.sandbox.userns == "absent", run.record.sandbox
    assert int(run.record.sandbox.cap_effective, 16) == 0 and run.record.sandbox.uid >= 700_000


# ---- the whole lab ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lab", "plain_lab"])
def test_a_lab_runs_and_limits_on_v2(request, kind):
    lab = request.getfixturevalue(kind)
    info = lab.rpc("lab.info")
    assert info.runner.ready, info
    dataset = lab.add_dataset("d", {"data.csv": "a,b\n1,2\n"})
    run = lab.run("sh -c 'wc -l < /data/d/data.csv; cat train.py > /outputs/model'", code={"train.py": "code\n"},
                  datasets=[dataset])
    assert run.verdict == "succeeded" and run.sandbox.cgroup == "v2" and run.sandbox.landlock_abi == 2, run
    assert lab.log(run.id) == b"2\n" and [a.path for a in run.artifacts] == ["model"]
    assert run.sandbox.limits.memory_bytes == 128 * MIB
    hog = lab.run("/work/probe memory 512", code={"probe": (harness.probe_code()["probe"][0], "0755")})
    assert hog.verdict == "out_of_memory", hog
    harness.no_cgroup_is_left(run.id)
    harness.no_cgroup_is_left(hog.id)


def test_a_launcher_that_starts_sweeps_what_a_dead_monitor_left(plain_lab):
    # and nothing else: the group in which the daemon itself lives is in the same folder
    run = plain_lab.submit("sh -c 'echo ready; sleep 60'")
    plain_lab.wait_log(run, b"ready")
    base = os.path.join(GROUPS, plain_lab.cgroup)
    assert os.path.isdir(os.path.join(base, "enclos-" + run)), os.listdir(base)
    monitor = plain_lab.monitors()[run]
    plain_lab.kill_daemon()
    os.kill(monitor, signal.SIGKILL)
    harness.Deadline(20).until(lambda: not harness.is_alive(monitor), "the monitor to die")
    os.mkdir(os.path.join(base, "other"))
    sleeper = subprocess.Popen(["sleep", "60"], preexec_fn=lambda: write("0", base, "other", "cgroup.procs"))
    try:
        plain_lab.start_daemon()
        assert plain_lab.wait(run).verdict == "lost"
        harness.Deadline(20).until(lambda: not os.path.exists(os.path.join(base, "enclos-" + run)), "the group to go", 0.05)
        assert sleeper.poll() is None, "a process of somebody else was killed"
    finally:
        sleeper.kill()
        sleeper.wait()
        os.rmdir(os.path.join(base, "other"))
