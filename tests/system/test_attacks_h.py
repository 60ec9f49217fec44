"""Attack cases, group H, with a lab: killed processes, a full disk, kernels that refuse; specifications are test_specs."""

import ctypes
import json
import os
import signal
import subprocess
import time

import pytest

import harness
from test_durability import launchers
from test_faults import cramped_lab, filled, still_serves  # noqa: F401
from test_specs import refused

CLONE_NEWUSER, PR_SET_DUMPABLE = 0x10000000, 4


def test_h102_a_million_arguments_are_refused_before_anything_is_made(root_runner):
    with open(os.path.join(root_runner.folder(["/bin/true"]), "spec.json")) as f:
        spec = json.load(f)
    spec["command"] = ["x"] * 1_000_000
    began = time.monotonic()
    said = refused(root_runner, json.dumps(spec))
    assert "command" in said or "bytes" in said, said
    assert time.monotonic() - began < 5 * harness.PATIENCE


def test_h102_a_gigabyte_of_environment_is_refused_by_its_size(root_runner):
    folder = root_runner.folder(["/bin/true"])
    os.truncate(os.path.join(folder, "spec.json"), 1 << 30)  # holes: what counts is that it is not read
    began = time.monotonic()
    run = root_runner.finish(root_runner.start(folder), folder, 0)
    assert run.verdict == "setup_failed" and run.failed.step == "spec", run.describe()
    assert "spec.json" in run.failed.message, run.failed
    assert time.monotonic() - began < 5 * harness.PATIENCE


def test_h102_a_lab_refuses_them_and_serves_on(shared_lab):
    with pytest.raises((harness.RpcError, ConnectionError, OSError)):
        shared_lab.rpc("run.submit", command=["x"] * 1_000_000, resources={})
    with pytest.raises(harness.RpcError) as too_much:
        shared_lab.rpc("run.submit", command=["true"], env={"A": "x" * 200_000})
    assert too_much.value.kind in ("invalid", "limit"), too_much.value
    assert shared_lab.run("true").verdict == "succeeded"


def test_h108_a_killed_daemon_adopts_its_runs_and_loses_nothing_they_said(lab):
    run = lab.submit(["sh", "-c", "echo before; sleep 1; echo while; sleep 1; echo after"])
    lab.wait_log(run, b"before")
    lab.kill_daemon()
    log = os.path.join(lab.state, "runs", run, "log")
    harness.Deadline(20).until(lambda: b"while" in harness.Frames(harness.read_log(log)).text("stdout"), "the run to go on")
    lab.start_daemon()
    assert lab.wait(run).verdict == "succeeded"
    assert lab.log(run) == b"before\nwhile\nafter\n"


def test_h108_a_killed_monitor_takes_its_sandbox_along_and_gives_its_place_back(lab):
    run = lab.submit(["sh", "-c", "echo begin; sleep 67"])
    lab.wait_log(run, b"begin")
    inside = harness.Deadline(10).until(
        lambda: [p for p in harness.processes("sleep\x0067") if harness.is_alive(p)], "sleep to be executed")
    os.kill(lab.monitors()[run], signal.SIGKILL)
    began = time.monotonic()
    harness.Deadline(2).until(lambda: not any(harness.is_alive(p) for p in inside), "the sandbox to die", 0.001)
    assert time.monotonic() - began < 0.1 * harness.PATIENCE
    assert lab.wait(run, 20).verdict == "lost"
    harness.no_cgroup_is_left(run, 10)
    used = lab.rpc("lab.info").used
    assert used.cpus_milli == 0 and used.memory_bytes == 0, used
    assert lab.run("true").verdict == "succeeded"


def test_h109_a_killed_launcher_leaves_its_runs_and_is_replaced(lab):
    run = lab.submit(["sh", "-c", "echo begin; sleep 1; echo end"])
    lab.wait_log(run, b"begin")
    os.kill(launchers(lab)[0], signal.SIGKILL)
    assert lab.run("true", 30).verdict == "succeeded"
    assert lab.wait(run).verdict == "succeeded" and lab.log(run) == b"begin\nend\n"


def test_h110_a_full_disk_keeps_the_verdict_and_publishes_nothing_partial(cramped_lab):  # noqa: F811
    run = cramped_lab.submit(["sh", "-c", "echo begin; head -c 12000000 /dev/urandom > /outputs/model; sleep 1; exit 3"])
    cramped_lab.wait_log(run, b"begin")
    with filled(cramped_lab.state, 3 << 20):
        harness.Deadline(30).until(lambda: os.path.exists(os.path.join(cramped_lab.state, "runs", run, "record.json"))
                                   or cramped_lab.get(run).state == "finished", "the run to end", 0.05)
    ended = cramped_lab.wait(run)
    assert ended.verdict == "failed" and ended.exit_code == 3, ended
    assert not ended.artifacts and [r.path for r in ended.refused_outputs] == ["model"], ended
    still_serves(cramped_lab)


def enter_a_namespace_that_allows_no_other():
    """As a plain user in a user namespace whose own sysctl says: none below this one."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.setgroups([])
    os.setresgid(*[harness.PLAIN_UID] * 3)
    os.setresuid(*[harness.PLAIN_UID] * 3)
    libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    for name, text in (("self/setgroups", "deny"), ("self/uid_map", f"{harness.PLAIN_UID} {harness.PLAIN_UID} 1"),
                       ("self/gid_map", f"{harness.PLAIN_UID} {harness.PLAIN_UID} 1"), ("sys/user/max_user_namespaces", "0")):
        with open(f"/proc/{name}", "w") as f:
            f.write(text)


def test_h113_a_kernel_without_user_namespaces_is_told_by_its_knob(plain_runner):
    plain_runner.cgroup = None
    folder = plain_runner.folder(["/bin/true"], limits="best_effort")
    done = subprocess.run([os.path.join(plain_runner.install, "enclos-runner"), "exec", folder], cwd="/", capture_output=True,
                          text=True, preexec_fn=enter_a_namespace_that_allows_no_other, env={"PATH": "/usr/bin:/bin"},
                          stdin=subprocess.DEVNULL, timeout=60)
    run = harness.Finished(folder, done.returncode, done.stdout, done.stderr, 0)
    assert run.verdict == "setup_failed" and run.failed.step == "clone_init", run.describe()
    assert "max_user_namespaces" in run.failed.hint, run.failed
