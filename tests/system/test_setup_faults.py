"""Faults in set-up: each system call that a sandbox is made with fails in turn.

The promise: the program never starts in a weaker sandbox. A run either ends as setup_failed with a step and an
errno, its program not begun, or it starts in the very sandbox that it has without the fault, by what the job
read back from inside; what may fall back by design (overlay) says so in the record.
"""

import os
import shutil
import subprocess

import harness
import pytest

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace"),
    pytest.mark.skipif("asan" in os.environ.get("ENCLOS_BUILD", ""), reason="a sanitizer's own calls would fail too"),
]

CALLS = (
    "clone3 unshare mount umount2 open_tree fsopen fsconfig fsmount move_mount mount_setattr pivot_root sethostname "
    "keyctl setsid setgroups setresgid setresuid capset prctl landlock_create_ruleset landlock_add_rule "
    "landlock_restrict_self seccomp close_range prlimit64 mkdirat symlinkat openat openat2 write chdir fchdir getcwd "
    "fstatfs dup2 dup3 fchownat fchown sendmsg mkdir flock pipe2 socketpair eventfd2 epoll_create1 epoll_ctl newfstatat signalfd4"
).split()

# Fall-backs of the design, each told in the record: a copy for an overlay of the code, the mount itself for
# one of a dataset.
MAY_DIFFER = {"work", "data"}

# On cgroup v2 the monitor polls memory.events; only v1 needs an eventfd.
ONLY_SOMEWHERE = {"eventfd2"}


def sandbox(run):
    return {k: v for k, v in run.record.sandbox.items() if k not in ("steps_us", "namespaces", "host_uid", "uid_map", "gid_map")}


def is_fallback(changed):
    """Other mounts only where the record says why."""
    return changed <= MAY_DIFFER or (changed <= MAY_DIFFER | {"mounts"} and bool(changed & MAY_DIFFER))


@pytest.fixture
def whole(root_runner):
    """What the sandbox is without a fault."""
    run = start(root_runner)[0]
    assert run.verdict == "succeeded", run.describe()
    return sandbox(run)


def start(runner, inject=None):
    folder = runner.folder(["/bin/sh", "-c", "echo it began"], code={"a.py": b""}, datasets={"d": {"d.csv": b"1"}})
    command = runner.command_line("exec", folder)
    trace = os.path.join(runner.top, "trace")
    if inject:
        call = inject.split(":")[0]
        command = ["strace", "-f", "-qq", "-o", trace, "-e", f"trace={call}", "-e", f"inject={inject}", *command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd="/",
                          env={"PATH": "/usr/bin:/bin"})
    injected = inject is not None and "(INJECTED)" in open(trace, errors="replace").read()
    return harness.Finished(folder, done.returncode, done.stdout, done.stderr, 0), injected


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_fails_never_makes_a_weaker_sandbox(root_runner, whole, call):
    for when in range(1, 400):
        run, injected = start(root_runner, f"{call}:error=EPERM:when={when}")
        if not injected:
            assert when > 1 or call in ONLY_SOMEWHERE, f"{call} is not called: take it out of the list"
            return
        where = f"{call}, the {when}th: "
        if run.record is None:
            assert run.status in (125, 127) and run.frames.text("stdout") in (b"", b"it began\n"), where + run.describe()
            continue
        if run.verdict == "setup_failed":
            assert run.frames.text("stdout") == b"", where + "the program began: " + run.describe()
            assert run.failed and run.failed.step and run.failed.message, where + run.describe()
            continue
        now = sandbox(run)
        changed = {k for k in set(now) | set(whole) if now.get(k) != whole.get(k)}
        assert is_fallback(changed), f"{where}{[(k, whole.get(k), now.get(k)) for k in changed]}"


def test_a_change_of_identity_that_did_not_happen_ends_the_run(root_runner):
    """setfsuid tells nothing of a failure: here it does nothing and claims success, and root's rights would stay."""
    folder = root_runner.folder(["/bin/sh", "-c", "echo it began"])
    for name in (folder, os.path.join(folder, "spec.json")):
        os.chown(name, harness.PLAIN_UID, harness.PLAIN_UID)
    done = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=setfsuid", "-e",
                           "inject=setfsuid:retval=0", *root_runner.command_line("exec", folder)],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode != 0 and "it began" not in done.stdout, done
    assert sorted(os.listdir(folder)) == ["spec.json"], "nothing was written as root"
