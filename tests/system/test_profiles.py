"""Profiles beyond base, python and strict: what each opens and closes, tried from inside a run."""

import os
import stat

import pytest

import harness

# Loads code by every road that could replace an execution. Prints one line a road.
ROADS = r"""
import ctypes, errno, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def name(e): return errno.errorcode.get(e, str(e))
def tell(road, f):
    try:
        f()
        print(road, "passed")
    except OSError as e:
        print(road, name(e.errno))
def call(nr, *args):
    r = libc.syscall(nr, *args)
    if r < 0:
        raise OSError(ctypes.get_errno(), "syscall")
    return r
def child(f):
    pid = os.fork()
    if pid == 0:
        try:
            f()
        except OSError as e:
            os._exit(e.errno)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    if os.waitstatus_to_exitcode(status):
        raise OSError(os.waitstatus_to_exitcode(status), "child")
def map_exec(path):
    fd = os.open(path, os.O_RDONLY)
    mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)
def write_then_map(path):
    with open("/usr/bin/true", "rb") as src, open(path, "wb") as dst:
        dst.write(src.read())
    os.chmod(path, 0o755)
    map_exec(path)
argv = (ctypes.c_char_p * 2)(b"true", None)
tell("execve", lambda: os.execv("/usr/bin/true", ["true"]))
tell("execve-child", lambda: child(lambda: os.execv("/usr/bin/true", ["true"])))
tell("execveat-fd", lambda: call(322, os.open("/usr/bin/true", os.O_RDONLY), b"", argv, None, 0x1000))
tell("ld.so", lambda: os.execv("/lib64/ld-linux-x86-64.so.2", ["ld.so", "/usr/bin/true"]))
tell("map-work", lambda: map_exec("/work/tool"))
tell("map-data", lambda: map_exec("/data/d/tool"))
for folder in ("/work", "/tmp", "/outputs", "/dev/shm"):
    tell("map-own" + folder, lambda: write_then_map(folder + "/copy"))
tell("memfd", lambda: os.memfd_create("x"))
tell("anonymous-wx", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))
def then_exec():
    libc.mmap.restype = ctypes.c_void_p
    at = libc.mmap(None, 4096, 3, 0x22, -1, 0)
    if libc.mprotect(ctypes.c_void_p(at), 4096, 5) < 0:
        raise OSError(ctypes.get_errno(), "mprotect")
tell("mprotect-exec", then_exec)
tell("personality", lambda: call(135, 0x0400000))
sys.stdout.flush()
"""

CLOSED = {
    "execve": "EPERM", "execve-child": "EPERM", "execveat-fd": "EPERM", "ld.so": "EPERM",
    "map-work": "EPERM", "map-data": "EPERM", "map-own/work": "EPERM", "map-own/tmp": "EPERM",
    "map-own/outputs": "EPERM", "map-own/dev/shm": "EPERM", "memfd": "ENOSYS", "anonymous-wx": "EACCES",
    "mprotect-exec": "EACCES", "personality": "EPERM",
}


def _true():
    with open("/usr/bin/true", "rb") as f:
        return f.read(), 0o755


def test_inspect_executes_the_command_and_nothing_after_it(runner):
    done = runner.run(["python3", "/work/roads.py"], profile="inspect", code={"roads.py": ROADS, "tool": _true()},
                      datasets={"d": {"tool": _true()}})
    assert done.verdict == "succeeded", done.describe()
    assert dict(line.split() for line in done.stdout.decode().splitlines()) == CLOSED, done.describe()
    refused = {d.name: d for d in done.record.denied}
    assert "/usr/bin/true" in refused["execve"].detail and "ld-linux" in refused["execve"].detail
    assert refused["execve"].errno == "EPERM" and refused["execve"]["count"] == 3
    assert refused["execve"].hint and refused["execve"].hint_fr
    assert done.sandbox.work_noexec is True


def test_inspect_finds_its_program_by_path_and_by_name(runner):
    for command in (["head", "-c", "5", "/data/d/a"], ["/usr/bin/head", "-c", "5", "/data/d/a"]):
        done = runner.run(command, profile="inspect", datasets={"d": {"a": "12345678"}})
        assert done.verdict == "succeeded" and done.stdout == b"12345", done.describe()
        assert done.record.denied == [], done.describe()


def test_inspect_runs_no_program_of_the_code_folder(runner):
    done = runner.run(["/work/tool"], profile="inspect", code={"tool": _true()})
    assert done.verdict == "exec_failed" and done.failed.errno == "EACCES", done.describe()
    assert "/usr" in done.failed.hint


def test_a_shell_under_inspect_cannot_start_its_commands(runner):
    done = runner.run(["sh", "-c", "ls /; /usr/bin/id; echo still here"], profile="inspect")
    assert done.stdout == b"still here\n", done.describe()
    assert done.denied_names() == {"execve"}, done.describe()


def test_numa_places_its_own_memory_and_no_one_elses(runner):
    code = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def call(*a):
    return "ok" if libc.syscall(*a) >= 0 else errno.errorcode[ctypes.get_errno()]
print(call(238, 0, None, 0), call(279, 0, 0, None, None, None, 0), call(279, 1, 0, None, None, None, 0))
"""
    done = runner.run(["python3", "-c", code], profile="numa")
    assert done.stdout.split() == [b"ok", b"ok", b"EPERM"], done.describe()
    assert [(d.name, d.detail) for d in done.record.denied] == [("move_pages", "process 1")], done.describe()
    plain = runner.run(["python3", "-c", code], profile="python")
    assert plain.stdout.split() == [b"EPERM"] * 3, plain.describe()


TALK = """
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
c = socket.create_connection(s.getsockname(), 5)
a, _ = s.accept()
c.sendall(b"x"); assert a.recv(1) == b"x"
for host in ("192.0.2.1", "8.8.8.8"):
    try:
        socket.create_connection((host, 80), 5)
    except OSError as e:
        print(e.errno)
for kind in ((socket.AF_INET, socket.SOCK_RAW), (socket.AF_PACKET, socket.SOCK_DGRAM), (38, socket.SOCK_SEQPACKET)):
    try:
        socket.socket(*kind)
        print("opened", kind)
    except OSError as e:
        print(e.errno)
"""


def test_a_loopback_profile_talks_to_itself_and_to_nothing_else(runner):
    for profile in ("r", "jupyter"):
        done = runner.run(["python3", "-c", TALK], profile=profile)
        assert done.stdout.split() == [b"101", b"101", b"97", b"97", b"97"], f"{profile}: {done.describe()}"
        assert done.verdict == "succeeded"


def test_without_a_lab_nobody_is_behind_the_proxy(runner):
    """What it may reach with one is in test_proxy.py."""
    done = runner.run(["python3", "-c", "import os, socket\nprint(os.environ['https_proxy'])\n"
                       "print(socket.socket().connect_ex(('127.0.0.1', 3128)))"], profile="builder")
    assert done.stdout.split() == [b"http://127.0.0.1:3128", b"111"], done.describe()


# ---- devices ----

DEVICES = """{
    "version": 1, "title": "t", "title_fr": "t", "extends": "python",
    "devices": [%s],
    "syscalls": {"allow_if": [{"names": ["ioctl"], "why": "w",
        "args": [{"index": 1, "op": "masked_eq", "mask": "0xFF00", "value": "0x4600"}]}]}
}"""


def _set(name, need, may=(), drivers=("mem",)):
    return str({"set": name, "why": "w", "need": list(need), "may": list(may), "drivers": list(drivers)}).replace("'", '"')


class Nodes:
    """Device nodes of the test's own in a folder of /dev, twins of /dev/zero."""

    def __init__(self):
        self.name = f"enclos-test-{os.getpid()}"
        self.top = f"/dev/{self.name}"
        os.mkdir(self.top, 0o755)

    def add(self, name, mode=0o666, number=5):
        path = f"{self.top}/{name}"
        os.mknod(path, stat.S_IFCHR | mode, os.makedev(1, number))
        os.chmod(path, mode)
        return path

    def remove(self):
        for name in os.listdir(self.top):
            os.unlink(f"{self.top}/{name}")
        os.rmdir(self.top)


def _profiles(runner, sets):
    """A profiles folder beside the installed ones, with `dev` in it."""
    folder = os.path.join(runner.top, f"profiles-{harness.Runner.count}")
    os.makedirs(folder, exist_ok=True)
    installed = os.path.join(runner.install, "share/enclos/sandbox-profiles")
    for name in os.listdir(installed):
        with open(os.path.join(installed, name)) as src, open(os.path.join(folder, name), "w") as dst:
            dst.write(src.read())
    with open(os.path.join(folder, "dev.jsonc"), "w") as f:
        f.write(DEVICES % ", ".join(sets))
    os.chmod(folder, 0o755)
    return folder


def _run_devices(runner, sets, command):
    folder = runner.folder(command, profile="dev")
    arguments = runner.exec_arguments(folder)
    arguments[1:1] = ["--profiles", _profiles(runner, sets)]
    before = runner.exec_arguments
    runner.exec_arguments = lambda _: arguments
    try:
        return runner.finish(runner.start(folder), folder, 0)
    finally:
        runner.exec_arguments = before


def _nodes():
    try:
        return Nodes()
    except OSError as e:
        pytest.skip(f"no device node can be made here: {e}")


LOOK = """
import os, fcntl, errno
for folder, names, files in sorted(os.walk("/dev")):
    if folder not in ("/dev/shm", "/dev/fd", "/dev/pts"):
        print(folder, *sorted(names + files))
for path in os.environ["LOOK"].split():
    fd = os.open(path, os.O_RDWR)
    print(path, len(os.read(fd, 7)))
    try:
        fcntl.ioctl(fd, 0x4601)
    except OSError as e:
        print(errno.errorcode[e.errno])
for path in ("/dev/null", "/dev/shm"):
    print(os.access(path, os.W_OK))
try:
    open("/dev/new", "w")
except OSError as e:
    print(errno.errorcode[e.errno])
"""


def test_listed_devices_are_given_and_only_those(runner):
    nodes = _nodes()
    try:
        nodes.add("card0"), nodes.add("card12"), nodes.add("ctl"), nodes.add("cardx"), nodes.add("other")
        sets = [_set("ours", [f"{nodes.top}/ctl", f"{nodes.top}/card*"], [f"{nodes.top}/absent"]),
                _set("not here", ["/dev/enclos-no-such"])]
        done = _run_devices(runner, sets, ["env", f"LOOK={nodes.top}/card12", "python3", "-c", LOOK])
        assert done.verdict == "succeeded", done.describe()
        lines = done.stdout.decode().splitlines()
        assert lines[0] == f"/dev {nodes.name} fd full null ptmx pts random shm stderr stdin stdout tty urandom zero", lines
        assert lines[1] == f"{nodes.top} card0 card12 ctl", lines
        # /dev/zero knows no command: ENOTTY is its own answer, the filter's refusal would be in the record.
        assert lines[2:] == [f"{nodes.top}/card12 7", "ENOTTY", "True", "True", "EROFS"], lines
        assert done.denied_names() == set(), done.describe()
        assert sorted(done.sandbox.devices) == [f"{nodes.top}/{n}" for n in ("card0", "card12", "ctl")]
    finally:
        nodes.remove()


def test_a_device_that_is_absent_refuses_the_run_by_name(runner):
    done = runner.run(["true"], profile="gpu")
    if os.path.exists("/dev/nvidiactl"):
        assert done.verdict == "succeeded", done.describe()
        return
    assert done.verdict == "setup_failed" and done.failed.step == "mount_dev", done.describe()
    assert "/dev/nvidiactl" in done.failed.message and "gpu" in done.failed.message
    assert done.failed.errno == "ENOENT" and "driver" in done.failed.hint


def test_devices_that_are_not_what_they_should_be_are_refused_by_name(runner):
    nodes = _nodes()
    try:
        ctl = nodes.add("ctl")
        os.symlink(ctl, f"{nodes.top}/link")
        with open(f"{nodes.top}/file", "w"):
            pass
        os.mkdir(f"{nodes.top}/folder")
        private = nodes.add("private", 0o600)
        cases = [
            ([_set("a", [ctl, f"{nodes.top}/gone"])], f"/dev/{nodes.name}/gone", "not there"),
            ([_set("a", [f"{nodes.top}/card*"])], f"/dev/{nodes.name}/card*", "not there"),
            ([_set("a", [f"{nodes.top}/link"])], f"/dev/{nodes.name}/link", "symbolic link"),
            ([_set("a", [f"{nodes.top}/file"])], f"/dev/{nodes.name}/file", "no character device"),
            ([_set("a", [f"{nodes.top}/folder"])], f"/dev/{nodes.name}/folder", "no character device"),
            ([_set("a", [ctl], drivers=["nvidia"])], ctl, "another driver"),
            ([_set("a", [private])], private, "may not open"),
        ]
        for sets, path, why in cases:
            done = _run_devices(runner, sets, ["true"])
            assert done.verdict == "setup_failed" and done.failed.step == "mount_dev", done.describe()
            assert path in done.failed.message and why in done.failed.message, done.failed
            assert done.failed.hint, done.failed
    finally:
        os.rmdir(f"{nodes.top}/folder")
        nodes.remove()


# ---- the command line ----


@pytest.mark.parametrize("language", ["en", "fr"])
def test_effective_rules_are_shown_with_reasons_at_80_columns(shared_lab, language):
    done = shared_lab.cli("profile", "show", "numa", "--effective", "--lang", language, env={"COLUMNS": "80"})
    assert done.returncode == 0, done.stderr
    text = done.stdout
    rules = text[text.index("openat"):]
    assert max(map(len, rules.splitlines())) <= 80
    names = set(text.split())
    for rule in shared_lab.cli_json("rpc", "profile.get", "name=numa", "effective=true").syscalls:
        assert rule.name in names, rule.name
    assert "numa.jsonc:" in text and "base.jsonc:" in text
    for words in {"en": ["What differs from base", "numa allows, base does not", "its control group"],
                  "fr": ["Ce qui diffère de base", "numa permet, base non", "son groupe de contrôle"]}[language]:
        assert words in " ".join(text.split()), words


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_diff_says_both_sides_in_words(shared_lab, language):
    done = shared_lab.cli("profile", "diff", "jupyter", "strict", "--lang", language)
    text = " ".join(done.stdout.split())
    assert done.returncode == 0, done.stderr
    en = ["jupyter allows, strict does not", "strict allows, jupyter does not nothing", "network: jupyter, loopback; strict, none",
          "strict answers ENOSYS: two runs that read the same dataset"]
    fr = ["jupyter permet, strict non", "strict permet, jupyter non rien", "réseau : jupyter, interne; strict, aucun",
          "strict répond ENOSYS : deux exécutions qui lisent"]
    for words in en if language == "en" else fr:
        assert words in text.replace("\u00a0", " "), (words, text)


def test_a_diff_is_exact_about_arguments(shared_lab):
    diff = shared_lab.rpc("profile.diff", a="r", b="jupyter")
    assert diff.only_a == [] and [d.name for d in diff.only_b] == ["socket"], diff
    assert any("SOCK_DGRAM" in when for when in diff.only_b[0].when) and any("AF_NETLINK" in w for w in diff.only_b[0].when)
    same = shared_lab.rpc("profile.diff", a="gpu", b="gpu")
    assert same.only_a == same.only_b == same.settings == same.env == same.devices_a == []
    wide = shared_lab.rpc("profile.diff", a="strict", b="base")
    assert wide.only_a == [], "strict only takes away"


def test_a_profile_that_is_being_written_is_checked(shared_lab, tmp_path):
    good, bad = tmp_path / "good.jsonc", tmp_path / "bad.jsonc"
    head = '{"version": 1, "title": "t", "title_fr": "t", "extends": "python",\n'
    good.write_text(head + '"thread_env": ["A_B"]}')
    bad.write_text(head + '"syscalls": {\n"allow": [{"group": "g", "why": "w", "names": [\n"opne"]}]}}')
    for lab in (True, False):
        env = {} if lab else {"ENCLOS_SOCKET": str(tmp_path / "none.sock")}
        done = shared_lab.cli("profile", "check", str(good), env=env)
        assert done.returncode == 0 and "valid" in done.stdout, (lab, done)
        done = shared_lab.cli("profile", "check", str(bad), env=env)
        assert done.returncode == 1 and "bad.jsonc:4: syscalls.allow[0].names[0]" in done.stderr, (lab, done)
        shown = shared_lab.cli("profile", "check", str(bad), "--json", env=env)
        assert shown.returncode == 1 and harness.bag_loads(shown.stdout).valid is False
    assert "good" not in [p.name for p in shared_lab.rpc("profile.list").profiles]
    with pytest.raises(harness.RpcError, match="no profile none"):
        shared_lab.rpc("profile.diff", a="base", b="none")


def test_a_profile_with_a_terminal_is_shown_as_runs_have_it(shared_lab):
    shown = shared_lab.cli("profile", "show", "inspect+terminal", "--effective")
    assert shown.returncode == 0 and "TIOCSCTTY" in shown.stdout and "inspect.jsonc" in shown.stdout, shown.stderr
    diff = shared_lab.rpc("profile.diff", a="r+terminal", b="r")
    assert [d.name for d in diff.only_a] == ["ioctl"] and diff.only_b == []
    for name in ("r+none", "none+terminal", "--json", "../r", "r+", "+r", "r+terminal+terminal", "r;id"):
        with pytest.raises(harness.RpcError):
            shared_lab.rpc("profile.get", name=name, effective=True)
