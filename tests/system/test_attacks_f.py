"""Attack cases, groups F and G: leaks from the host and from other runs, kernel surface."""

import ctypes
import hashlib
import json
import os
import socket
import subprocess

import harness

SYS_ADD_KEY, SYS_KEYCTL, KEYCTL_UNLINK, USER_SESSION = 248, 250, 9, -5


def test_f71_keys_of_the_host_are_out_of_reach_and_invisible(runner):
    libc = ctypes.CDLL(None, use_errno=True)
    # In the user's own keyring, where any process of that user finds it.
    key = libc.syscall(SYS_ADD_KEY, b"user", b"enclos-test-secret", b"secret", 6, USER_SESSION)
    try:
        for call, got in runner.probe("c51").said()["calls"].items():
            assert got == "ENOSYS", f"{call}: {got}"
        shown = runner.run(["sh", "-c", "cat /proc/keys /proc/key-users; echo end"])
        assert shown.stdout == b"end\n", shown.describe()
    finally:
        if key > 0:
            libc.syscall(SYS_KEYCTL, KEYCTL_UNLINK, key, USER_SESSION)


def test_f72_only_unix_sockets_exist(runner):
    run = runner.probe("f72")
    for call, got in run.said()["calls"].items():
        if call == "AF_UNIX":
            assert got == "ok"
        else:
            assert got in {"EAFNOSUPPORT", "EPERM", "EACCES", "EPROTONOSUPPORT"}, f"{call}: {got}"
    assert "socket" in run.denied_names(), run.denied
    assert any("AF_" in d.detail for d in run.denied if d.name == "socket"), run.denied


def test_f73_netlink_is_denied(runner):
    for call, got in runner.probe("f73").said()["calls"].items():
        assert got in {"EAFNOSUPPORT", "EPERM", "EPROTONOSUPPORT"}, f"{call}: {got}"


def test_f75_no_address_can_be_reached(runner):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        run = runner.probe("f75", listener.getsockname()[1])
    for call, got in run.said()["calls"].items():
        assert got != "ok", call
    assert any("AF_INET" in d.detail for d in run.denied if d.name == "socket"), run.denied


def networks(runner):
    """{profile: its network} of the installed ones."""
    listed = json.loads(runner.call("profile", "list", "--json").stdout)["profiles"]
    return {p["name"]: p["network"] for p in listed if p["valid"]}


def test_f75_loopback_is_the_runs_own_and_leads_nowhere_else(runner):
    """Every profile with a loopback: the host's listeners, its address, the cloud's metadata, names."""
    profiles = [name for name, network in networks(runner).items() if network == "loopback" and name != "gpu"]
    assert profiles, "no profile has a loopback any more"
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        listener.settimeout(0)
        host = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split() or ["10.0.0.1"]
        for profile in profiles:
            run = runner.probe("f75", listener.getsockname()[1], host[0], profile=profile)
            calls = run.said()["calls"]
            assert len(calls) == 5, calls
            for call, got in calls.items():
                assert got in {"ECONNREFUSED", "ENETUNREACH", "EACCES", "EADDRNOTAVAIL"}, f"{profile} {call}: {got}"
            named = runner.run(["getent", "hosts", "debian.org"], profile=profile)
            assert named.exit_code == 2 and named.stdout == b"", named.describe()
        try:
            listener.accept()
            raise AssertionError("a run reached a listener of the host")
        except BlockingIOError:
            pass


def test_f77_a_shared_dataset_cannot_be_watched(runner):
    path = runner.tree("data-f77", {"data.csv": "1\n"})
    watcher = runner.probe("watches", datasets={"d": path})
    calls = watcher.said()["calls"]
    for call in ("inotify_init1()", "inotify_init()", "fanotify_init()"):
        assert calls[call] in {"ENOSYS", "EPERM"}, calls
    # F_NOTIFY and leases tell of others' opens too, without either.
    tried = runner.run(["/usr/bin/python3", "-c", """
import errno, fcntl, os
folder, file = os.open("/data/d", os.O_RDONLY), os.open("/data/d/data.csv", os.O_RDONLY)
for name, fd, call, value in (("notify", folder, fcntl.F_NOTIFY, fcntl.DN_ACCESS), ("lease", file, 1024, fcntl.F_RDLCK)):
    try:
        fcntl.fcntl(fd, call, value)
        print(name, "ok")
    except OSError as e:
        print(name, errno.errorcode[e.errno])
"""], datasets={"d": path}, profile="python")
    said = dict(line.split() for line in tried.stdout.decode().splitlines())
    assert set(said) == {"notify", "lease"} and "ok" not in said.values(), tried.describe()


def test_f76_abstract_sockets_of_the_host_are_out_of_reach(runner):
    name = f"enclos-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("\0" + name)
        listener.listen()
        calls = runner.probe("abstract", name).said()["calls"]
        assert calls["connect(abstract)"] in {"ECONNREFUSED", "EPERM", "EACCES"}, calls


def test_f79_runs_share_no_memory_and_no_temporary_files(runner):
    for _ in range(2):
        said = runner.probe("f79").said()
        assert said.facts.shm_found == "", said.facts
        for call in ("shmget(0x51, no create)", "semget(0x52, no create)", "open(/tmp/left, no create)"):
            assert said["calls"][call] in {"ENOENT", "ENOSYS", "EPERM"}, said["calls"]


def test_f79_runs_that_go_at_once_share_nothing_either(runner):
    first = runner.folder(["sh", "-c", "echo mine > /dev/shm/first; echo mine > /tmp/first; echo ready; sleep 20"])
    process = runner.start(first)
    log = os.path.join(first, "log")
    harness.Deadline(15).until(lambda: b"ready" in harness.Frames(harness.read_log(log)).text("stdout"), "the first run")
    second = runner.run(["sh", "-c", "ls /dev/shm /tmp; ls /proc | grep -c '^[0-9]'"])
    assert b"first" not in second.stdout and second.verdict == "succeeded", second.describe()
    open(os.path.join(first, "cancel"), "w").close()
    if runner.rootless:
        os.chown(os.path.join(first, "cancel"), runner.uid, runner.uid)
    assert runner.finish(process, first, 0).verdict == "cancelled"


def test_f81_the_environment_of_the_lab_is_absent(runner):
    run = runner.probe("f81", environment={"SECRET_TOKEN": "abc", "LD_PRELOAD": ""}, env={"MY_OWN": "value"})
    environ = dict(line.split("=", 1) for line in run.said().facts.environ.splitlines() if line)
    assert "SECRET_TOKEN" not in environ and "LD_PRELOAD" not in environ, environ
    assert environ["MY_OWN"] == "value"
    assert "ENCLOS_METRICS_FD" in environ and environ["TMPDIR"] == "/tmp"
    assert not any(runner.top in value for value in environ.values()), "a host path is visible"


def test_f82_a_dataset_cannot_be_changed(runner):
    content = b"patient,diagnosis\n1,benign\n"
    path = runner.tree("data-f82", {"data.csv": content})
    run = runner.probe("f82", datasets={"d": path})
    for call, got in run.said()["calls"].items():
        if call == "open(O_RDONLY)":
            assert got == "ok", run.describe()
        else:
            assert got in {"EROFS", "EACCES", "EPERM", "EINVAL", "EBADF", "EXDEV"}, f"{call}: {got}"
    with open(os.path.join(path, "data.csv"), "rb") as f:
        assert hashlib.sha256(f.read()).digest() == hashlib.sha256(content).digest()


def test_f84_the_kernel_and_the_users_of_the_host_are_absent(runner):
    said = runner.probe("f84").said()
    for call, got in said["calls"].items():
        if "/proc/self/" in call or call == "open(/home, r)" or call == "open(/root, r)" or call == "open(/run, r)":
            continue
        assert got in {"ENOENT", "EACCES", "EPERM", "EROFS", "ENOSYS"}, f"{call}: {got}"


def test_f85_no_path_of_the_host_is_visible(runner):
    facts = runner.probe("view").said().facts
    assert facts.cwd == "/work"
    # A bind mount shows the folder it comes from (the lab's store), which nobody inside can open.
    shown = {line.split()[3] for line in facts.mountinfo.splitlines() if runner.top in line}
    assert len(shown) <= 1 and all("/code-" in path for path in shown), shown
    root = set(facts.root.split())
    assert {"work", "outputs", "tmp", "proc", "dev", "usr"} <= root, root
    assert not root & {"boot", "srv", "mnt", "media", "home", "root"}, root
    assert set(facts.dev.split()) <= {"null", "zero", "full", "random", "urandom", "fd", "stdin", "stdout", "stderr",
                                      "shm", "tty", "ptmx", "pts"}, facts.dev
    # Places of a terminal that only an interactive run has: here they lead nowhere.
    run = runner.run(["sh", "-c", "ls -A /dev/pts; : < /dev/ptmx; : < /dev/tty"])
    assert run.stdout == b"" and run.stderr.count(b"cannot open") >= 1 and run.exit_code != 0, run.describe()


def test_g88_calls_that_nobody_needs_are_refused(runner):
    for call, got in runner.probe("g88").said()["calls"].items():
        assert got in {"EPERM", "ENOSYS", "EINVAL"}, f"{call}: {got}"


def test_g87_io_uring_is_unknown_and_explained(runner):
    run = runner.probe("g88")
    assert run.said()["calls"]["io_uring_setup"] == "ENOSYS"


def test_g89_clocks_cannot_be_set(runner):
    for call, got in runner.probe("g89").said()["calls"].items():
        assert got in {"EPERM", "ENOSYS"}, f"{call}: {got}"


def test_g90_terminal_ioctls_are_denied_whatever_the_high_bits(runner):
    for call, got in runner.probe("g90").said()["calls"].items():
        assert got in {"ENOTTY", "EPERM"}, f"{call}: {got}"


def test_g91_the_32_bit_table_kills_and_is_a_policy_violation(runner):
    run = runner.probe("g91")
    assert run.verdict == "policy_violation", run.describe()


def test_g92_the_x32_table_does_not_answer(runner):
    run = runner.probe("x32")
    if run.verdict != "policy_violation":
        assert run.said()["calls"]["x32 getpid"] in {"ENOSYS", "EPERM"}, run.describe()


def test_g93_numbers_from_the_future_are_unknown(runner):
    assert set(runner.probe("g93").said()["calls"].values()) == {"ENOSYS"}


def test_g94_personality_is_fixed(runner):
    calls = runner.probe("g94").said()["calls"]
    assert calls["personality(ADDR_NO_RANDOMIZE)"] == "EPERM", calls
    assert calls["personality(READ_IMPLIES_EXEC)"] == "EPERM", calls


def test_g96_filters_cannot_be_added_from_inside(runner):
    for call, got in runner.probe("g96").said()["calls"].items():
        assert got in {"ENOSYS", "EINVAL", "EPERM"}, f"{call}: {got}"


def test_g98_file_system_ioctls_do_not_exist(runner):
    for call, got in runner.probe("g98").said()["calls"].items():
        assert got == "ENOTTY", f"{call}: {got}"


def test_g100_every_number_with_edge_arguments_leaves_the_host_alive(runner):
    run = runner.probe("g100", processes=50, wall_ms=60000 * harness.PATIENCE)
    assert run.verdict in ("succeeded", "policy_violation", "out_of_memory", "signaled"), run.describe()


def test_g101_a_flood_of_refused_calls_is_cut_off(runner):
    run = runner.probe("denied_flood", 3_000_000, wall_ms=30000 * harness.PATIENCE)
    assert run.verdict == "policy_violation", run.describe()
    assert sum(d["count"] for d in run.denied if d.name == "ptrace") > 0
