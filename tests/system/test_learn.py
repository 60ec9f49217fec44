"""enclos profile learn: the least that a command needs, and nothing let through that no profile allows."""

import json
import os
import signal
import subprocess

import pytest

import harness

TALKS = """
import socket
s = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(s.getsockname(), 5)
a, _ = s.accept(); c.sendall(b"x"); assert a.recv(1) == b"x"
"""
PLACES = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(435, 0, 0)                                # clone3: asked about, and not needed
sys.exit(0 if libc.syscall(238, 0, None, 0) == 0 else 1)
"""
CALLBACK = """
import ctypes
assert ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 3)() == 3
"""
# Each must fail, whatever is learned.
ESCAPES = """
import ctypes, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
got = []
for name, nr, *args in [("ptrace", 101, 16, 1, 0, 0), ("unshare", 272, 0x10000000), ("mount", 165, b"a", b"/tmp", b"tmpfs", 0, None),
        ("setns", 308, 0, 0), ("bpf", 321, 0, None, 0), ("splice", 275, 0, None, 1, None, 1, 0), ("io_uring_setup", 425, 1, None),
        ("userfaultfd", 323, 0), ("keyctl", 250, 0, 0, 0), ("perf_event_open", 298, None, 0, -1, -1, 0), ("kexec_load", 246, 0, 0, None, 0),
        ("inotify_init1", 294, 0), ("process_vm_readv", 310, 1, None, 0, None, 0, 0), ("open_tree", 428, -100, b"/", 1),
        ("clone", 56, 0x10000000 | 17, 0, 0, 0, 0)]:
    r = libc.syscall(nr, *args)
    if r == 0 and name == "clone":
        os._exit(0)
    if r >= 0:
        got.append(name)
for family, kind in ((38, 5), (40, 1), (17, 3), (socket.AF_INET, socket.SOCK_RAW)):
    try:
        socket.socket(family, kind); got.append(str(family))
    except OSError:
        pass
try:
    socket.create_connection(("192.0.2.1", 80), 2); got.append("out")
except OSError:
    pass
print("GOT", got, file=sys.stderr)
sys.exit(1)
"""


def _learn(runner, profile, command, code, *more):
    folder = runner.tree(f"learn-{profile}-{len(os.listdir(runner.top))}", code)
    os.chmod(folder, 0o755)
    tmp = os.path.join(runner.top, "t")
    os.makedirs(tmp, exist_ok=True)
    os.chmod(tmp, 0o1777)
    cgroup = ["--cgroup", runner.cgroup] if runner.rootless and runner.cgroup else []
    line = runner.command_line("profile", "learn", "--json", "--profile", profile, "--code", folder, "--memory",
                               str(256 * harness.MIB), *cgroup, *more, "--", *command)
    done = subprocess.run(["env", f"TMPDIR={tmp}", *line], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          preexec_fn=runner._enter, timeout=100 * harness.PATIENCE, cwd="/",
                          env={"PATH": "/usr/bin:/bin"})
    harness.no_sanitizer_report(done.stderr, "enclos-runner profile learn")
    assert not [n for n in os.listdir(tmp) if n.startswith("enclos-learn")], "run folders are left"
    try:
        return done, harness.bag_loads(done.stdout)
    except ValueError:
        raise AssertionError(f"status {done.returncode}: {done.stdout} {done.stderr}") from None


def _run_under(runner, text, command, code):
    """Runs the command under the profile that was learned, beside the installed ones."""
    profiles = os.path.join(runner.top, f"p{harness.Runner.count}")
    installed = os.path.join(runner.install, "share/enclos/sandbox-profiles")
    os.mkdir(profiles, 0o755)
    for name in os.listdir(installed):
        with open(os.path.join(installed, name)) as src, open(os.path.join(profiles, name), "w") as dst:
            dst.write(src.read())
    with open(os.path.join(profiles, "learned.jsonc"), "w") as f:
        f.write(text)
    folder = runner.folder(command, profile="learned", code=code)
    arguments = runner.exec_arguments(folder)
    arguments[1:1] = ["--profiles", profiles]
    before, runner.exec_arguments = runner.exec_arguments, lambda _: arguments
    try:
        return runner.finish(runner.start(folder), folder, 0)
    finally:
        runner.exec_arguments = before


@pytest.mark.seconds(300)
@pytest.mark.parametrize("profile,code,needed,settings", [
    ("python", TALKS, {"socket"}, {"network"}),
    ("python", PLACES, {"set_mempolicy"}, set()),
    ("strict", CALLBACK, {"memfd_create"}, set()),
], ids=["loopback", "memory placement", "code in memory"])
def test_what_is_learned_is_enough_and_the_least(runner, profile, code, needed, settings):
    command = ["/usr/bin/python3", "s.py"]
    done, found = _learn(runner, profile, command, {"s.py": code})
    assert done.returncode == 0 and found.result == "needs" and found.least, found
    assert {n.name for n in found.needed if not n.setting} == needed, found.needed
    assert {n.name for n in found.needed if n.setting} == settings, found.needed
    assert not runner.run(command, profile=profile, code={"s.py": code}).verdict == "succeeded"
    ran = _run_under(runner, found.text, command, {"s.py": code})
    assert ran.verdict == "succeeded", found.text + ran.describe()
    assert "why_fr" in found.text and "// seen" in found.text
    if "memfd_create" in needed:
        assert "// RISKY: code that arrives as data" in found.text and found.needed[0].risk


def test_a_command_that_needs_nothing_is_told_so(runner):
    done, found = _learn(runner, "python", ["true"], {"a": "b"})
    assert done.returncode == 0 and found.result == "nothing_needed" and found.runs == 1 and found.text is None, found


def test_nothing_that_no_profile_allows_is_let_through_while_learning(runner):
    done, found = _learn(runner, "python", ["/usr/bin/python3", "s.py"], {"s.py": ESCAPES})
    assert done.returncode == 1 and found.result == "fails_anyway", found
    assert "GOT []" in done.stderr, done.stderr
    refused = {r.name: r for r in found.refused}
    for name in ("ptrace", "unshare", "mount", "setns", "bpf", "splice", "io_uring_setup", "userfaultfd", "keyctl",
                 "perf_event_open", "kexec_load", "inotify_init1", "process_vm_readv", "clone", "socket"):
        assert name in refused and refused[name].risk and refused[name].risk_fr, (name, sorted(refused))
    assert not {"ptrace", "mount", "splice", "clone"} & {n.name for n in found.needed}


def test_a_run_that_learns_sees_no_dataset(runner):
    done = runner.run(["true"], datasets={"d": {"a": "b"}}, spec_changes={"learn": {}})
    assert done.verdict == "setup_failed" and done.failed.step == "spec", done.describe()
    assert "dataset" in done.failed.message


def test_an_interrupted_lesson_leaves_nothing_behind(runner):
    code = runner.tree("interrupted", {"a": "b"})
    tmp = os.path.join(runner.top, "t2")
    os.makedirs(tmp)
    os.chmod(tmp, 0o1777)
    marker = f"86400.{os.getpid()}"
    cgroup = ["--cgroup", runner.cgroup] if runner.rootless and runner.cgroup else []
    line = runner.command_line("profile", "learn", "--code", code, *cgroup, "--", "sh", "-c", f"echo begun; exec sleep {marker}")
    process = subprocess.Popen(["env", f"TMPDIR={tmp}", *line], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, preexec_fn=lambda: (os.setsid(), runner._enter()), cwd="/",
                               env={"PATH": "/usr/bin:/bin"})
    line = process.stderr.readline()
    while "begun" not in line:
        assert line, "the command did not begin"
        line = process.stderr.readline()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30 * harness.PATIENCE)
    assert process.returncode == 1 and "cancelled" in said, said
    assert os.listdir(tmp) == []
    harness.Deadline(10).until(lambda: not harness.processes(f"sleep\0{marker}"), "the command to be gone")


def test_wrong_usage_and_wrong_programs_are_told(runner):
    done = runner.call("profile", "learn")
    assert done.returncode == 2 and "usage" in done.stderr
    done, found = _learn(runner, "python", ["/usr/bin/no-such"], {"a": "b"})
    assert done.returncode == 1 and "exec_failed" in found.error.message and "no-such" in found.error.message, found
    done, found = _learn(runner, "nothing", ["true"], {"a": "b"})
    assert done.returncode == 1 and "nothing" in found.error.message


@pytest.mark.parametrize("language", ["en", "fr"])
def test_learning_speaks_the_readers_language_and_leaves_the_profile_on_standard_output(new_lab, language):
    lab = new_lab()
    code = os.path.join(lab.top, "code")
    os.mkdir(code)
    with open(os.path.join(code, "s.py"), "w") as f:
        f.write(PLACES)
    done = lab.cli("profile", "learn", "--profile", "python", "--lang", language, "s.py", cwd=code)
    assert done.returncode == 0, done.stderr
    assert '"extends": "python"' in done.stdout and "set_mempolicy" in done.stdout
    said = {"en": "This is the least that it needs beyond python", "fr": "Voici le strict nécessaire au-delà de python"}
    assert said[language] in " ".join(done.stderr.split()), done.stderr
    talks = lab.cli("profile", "learn", "--no-code", "--profile", "python", "--lang", language, "--",
                    "python3", "-c", "import socket; socket.create_server(('127.0.0.1', 0))", cwd=code)
    assert f"\n  {dict(en='network', fr='réseau')[language]}\n" in talks.stderr, talks
    written = os.path.join(lab.top, "mine.jsonc")
    with open(written, "w") as f:
        f.write(done.stdout)
    checked = lab.cli("profile", "check", written, "--json")
    assert checked.returncode == 0 and json.loads(checked.stdout)["valid"], checked
    denied = lab.cli("profile", "learn", "--dataset", "x@1", "--lang", language, "true")
    assert denied.returncode == 1 and {"en": "takes no dataset", "fr": "aucun jeu de données"}[language] in denied.stderr
