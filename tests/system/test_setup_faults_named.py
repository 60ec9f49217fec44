"""Faults in set-up by name: each file of the run's control groups, each file below /proc and each mount fails in turn.

Which these are is read from a trace of a run without a fault, so a host with version 1, 2 or both is covered as it is. Every
one must end the run before its program begins, and the record must name the step and the very errno; what may fall back
by design (overlay) says so.
"""

import os
import re
import subprocess

import harness
import pytest
from test_setup_faults import is_fallback, pytestmark, sandbox, whole  # noqa: F401

COMMAND = ["/bin/sh", "-c", "echo it began"]
FELL_BACK = ("data/d", "opt/enclos/lower", "work")  # a dataset's mount for its overlay, a copy for the code's


def start(runner, inject=None, path=None, errno=None):
    folder = runner.folder(COMMAND, code={"a.py": b""}, datasets={"d": {"d.csv": b"1"}})
    trace = os.path.join(runner.top, "trace")
    options = ["-e", "trace=openat,write,move_mount,open_tree,mount"]
    if inject:
        path = path(os.path.basename(folder)) if callable(path) else path
        options = ["-P", path, "-e", f"trace={inject}", "-e", f"inject={inject}:error={errno}"]
    done = subprocess.run(["strace", "-f", "-y", "-qq", "-s", "200", "-o", trace, *options, *runner.command_line("exec", folder)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd="/", env={"PATH": "/usr/bin:/bin"})
    with open(trace, errors="replace") as f:
        text = f.read()
    return harness.Finished(folder, done.returncode, done.stdout, done.stderr, 0), text


@pytest.fixture
def traced(root_runner):
    """Lines of a trace of a run without a fault, up to its program, and the run's name."""
    run, text = start(root_runner)
    assert run.verdict == "succeeded", run.describe()
    return text.split('"it began')[0], os.path.basename(run.folder)


def fails(runner, whole, call, path, errno, step):  # noqa: F811
    """The run with that fault ends as promised."""
    run, text = start(runner, call, path, errno)
    where = f"{call} of {path if isinstance(path, str) else path('NAME')}: "
    assert "(INJECTED)" in text, where + "nothing was injected"
    if run.record is not None and run.verdict == "succeeded" and any(f'"{p}"' in text for p in FELL_BACK):
        now = sandbox(run)
        changed = {k for k in set(now) | set(whole) if now.get(k) != whole.get(k)}
        assert changed and is_fallback(changed), where + str(changed)
        return
    assert run.verdict == "setup_failed" and run.stdout == b"", where + run.describe()
    assert run.failed.errno == errno, where + str(run.failed)
    assert re.match(step, run.failed.step) and run.failed.message, where + str(run.failed)
    harness.no_cgroup_is_left(os.path.basename(run.folder))


@pytest.mark.seconds(240)
def test_each_file_of_the_control_groups(root_runner, whole, traced):  # noqa: F811
    text, name = traced
    opened = set(re.findall(r'openat\(\d+</sys/fs/cgroup[^>]*>, "([a-z_.]+)", O_WRONLY', text))
    written = set(re.findall(r"write\(\d+<(/sys/fs/cgroup[^>]*)>", text))
    assert len(opened) >= 4 and len(written) >= 4, (opened, written)
    for file in sorted(opened):
        fails(root_runner, whole, "openat", file, "EROFS", "cgroup_")
    for path in sorted(written):
        assert name in path, path
        fails(root_runner, whole, "write", lambda run, path=path: path.replace(name, run), "EIO", "cgroup_")


@pytest.mark.seconds(240)
def test_each_file_of_proc(root_runner, whole, traced):  # noqa: F811
    text, _ = traced
    opened = set(re.findall(r'openat\(\d+</proc(?:/\d+)?>, "([a-z0-9_/]+)", O_(?:WRONLY|RDONLY)', text))
    # The run's mount namespace is only held so that its end is quick: without it the end takes longer.
    opened = {path for path in opened if not path.endswith("ns/mnt")}
    assert {"self/uid_map", "self/gid_map", "self/setgroups", "self/oom_score_adj", "sys/user/max_user_namespaces",
            "self/mountinfo"} <= opened, opened
    for file in sorted(opened):
        fails(root_runner, whole, "openat", file, "EACCES", ".")
    fails(root_runner, whole, "write", "/proc/sys/user/max_user_namespaces", "EPERM", "userns_inner")


@pytest.mark.seconds(240)
def test_each_mount(root_runner, whole, traced):  # noqa: F811
    text, _ = traced
    sources = set(re.findall(r'open_tree\(AT_FDCWD<[^>]*>, "([^"]+)"', text))
    targets = set(re.findall(r'move_mount\(\d+<[^>]*>, "", (?:AT_FDCWD|\d+)<[^>]*>, "([^"]+)"', text))
    assert len(sources) >= 8 and {"usr", "proc", "dev/null", "dev/shm", "outputs", "tmp", "work", "data/d"} <= targets, targets
    for source in sorted(sources):
        fails(root_runner, whole, "open_tree", source, "ENOMEM", "mount_")
    for target in sorted(targets):
        fails(root_runner, whole, "move_mount", target, "ENOMEM", "mount_")
