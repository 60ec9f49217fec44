"""Walls that attackers looked for after the numbered cases: each test is one way that was open once."""

import os
import subprocess

import harness

PYTHON = "/usr/bin/python3"


def python(runner, program, **spec):
    return runner.run([PYTHON, "-c", program], profile="python", **spec)


def test_no_program_for_the_kernel_can_be_attached_to_a_socket(runner):
    """Socket filters live in kernel memory that no group is charged for, against a limit of the machine."""
    run = python(runner, """
import socket, struct, errno
a, b = socket.socketpair()
a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
for option in (26, 50, 51, 52):
    try:
        a.setsockopt(socket.SOL_SOCKET, option, struct.pack("HL", 1, 0))
    except OSError as e:
        print(option, errno.errorcode[e.errno])
""")
    assert run.stdout.decode().split() == ["26", "ENOPROTOOPT", "50", "ENOPROTOOPT", "51", "ENOPROTOOPT", "52", "ENOPROTOOPT"]
    assert "setsockopt" in run.denied_names()


def test_standard_output_can_be_opened_again_by_name(runner):
    run = runner.run(["sh", "-c", "echo one > /dev/stdout; echo two > /dev/stderr"])
    assert (run.stdout, run.stderr) == (b"one\n", b"two\n"), run.describe()


def test_locks_of_the_host_are_not_shown(runner):
    run = runner.run(["cat", "/proc/locks"])
    assert run.exit_code == 1 and run.stdout == b"", run.describe()


def test_the_mount_table_names_no_folder_of_the_lab(runner):
    run = runner.run(["cat", "/proc/self/mountinfo"], code={"a.py": b""}, datasets={"d": {"d.csv": b"1"}}, profile="python")
    assert b" /data/d " in run.stdout and b" /work " in run.stdout, run.describe()
    assert b"enclos-test" not in run.stdout, run.stdout


def test_a_second_run_of_a_name_does_not_undo_the_first(runner):
    first = runner.folder(["sleep", "1"])
    second = runner.folder(["true"])
    for folder, name in ((first, "twin"), (second, "twin")):
        path = os.path.join(folder, "spec.json")
        with open(path) as f:
            text = f.read()
        with open(path, "w") as f:
            f.write(text.replace(f'"{os.path.basename(folder)}"', f'"{name}"'))
    process = runner.start(first)
    harness.Deadline(10).until(lambda: '"running"' in open(os.path.join(first, "log"), errors="replace").read()
                               if os.path.exists(os.path.join(first, "log")) else False, "the first run goes")
    late = runner.finish(runner.start(second), second, 0)
    assert late.verdict == "setup_failed" and late.failed.step == "cgroup_create", late.describe()
    assert runner.finish(process, first, 0).verdict == "succeeded"


def test_runs_of_one_name_that_start_at_once_leave_each_other_alone(root_runner):
    """One of them has the name, the others are told so: none loses its groups to another that fails or ends."""
    for _ in range(40):
        folders = [root_runner.folder(["true"]) for _ in range(3)]
        name = os.path.basename(folders[0])
        for folder in folders[1:]:
            path = os.path.join(folder, "spec.json")
            with open(path) as f:
                text = f.read()
            with open(path, "w") as f:
                f.write(text.replace(f'"{os.path.basename(folder)}"', f'"{name}"'))
        processes = [root_runner.start(folder) for folder in folders]
        runs = [root_runner.finish(process, folder, 0) for process, folder in zip(processes, folders)]
        for run in runs:
            assert run.verdict == "succeeded" or "cannot make the group" in run.failed.message, run.describe()


def test_best_effort_sees_a_long_chain_of_processes(runner):
    """A chain of processes once was as deep as the monitor's recursion: it died of it, and the run was lost."""
    run = python(runner, """
import os, sys, time
for depth in range(180):
    if os.fork():
        os.wait()
        os._exit(0)
time.sleep(0.3)
print("end of the chain", flush=True)
""", limits="best_effort", processes=400)
    assert run.verdict == "succeeded" and b"end of the chain" in run.stdout, run.describe()


def test_more_outputs_than_a_record_can_name_are_refused_not_lost(runner):
    run = python(runner, r"""
import os
for i in range(9000):
    folder = f"/outputs/{i % 90:02}" + "é" * 100
    os.makedirs(folder, exist_ok=True)
    open(f"{folder}/{i:05}" + "é" * 120, "w").close()
""", output_files=10000, output_bytes=64 << 20, memory_bytes=512 << 20)
    assert run.verdict == "succeeded", run.describe()
    assert len(run.outputs["files"]) + run.outputs["refused_count"] >= 9000, run.outputs["refused_count"]


def test_strict_runs_nothing_that_was_written_but_the_code(runner):
    run = runner.run([PYTHON, "-c", """
import errno, mmap, os, shutil, subprocess
def tried(name, what):
    try:
        what()
        print(name, "ok")
    except OSError as e:
        print(name, errno.errorcode[e.errno])
def map_file(path):
    with open(path, "wb") as f:
        f.write(b"\\xc3" * 4096)
    file = os.open(path, os.O_RDONLY)
    return lambda: mmap.mmap(file, 4096, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)
tried("anonymous", lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC))
tried("memfd", lambda: os.memfd_create("x"))
for folder in ("/tmp", "/dev/shm", "/outputs"):
    tried(folder, map_file(folder + "/x"))
shutil.copy("/usr/bin/true", "/tmp/true")
tried("exec", lambda: subprocess.run(["/tmp/true"], check=True))
"""], profile="strict")
    said = dict(line.split() for line in run.stdout.decode().splitlines())
    assert said == {"anonymous": "EACCES", "memfd": "ENOSYS", "/tmp": "EPERM", "/dev/shm": "EPERM", "/outputs": "EPERM",
                    "exec": "EACCES"}, run.describe()


def test_what_the_host_mounts_below_usr_later_does_not_come_in(new_lab):
    """The launcher keeps /usr ready for its runs: a mount of the host's that followed had none of its attributes."""
    lab = new_lab()
    own_mounts = ["unshare", "-m", "--propagation", "private", "sh", "-c", 'mount --make-rshared / && exec "$@"', "sh"]
    line = lab.daemon_command()
    lab.daemon_command = lambda: own_mounts + line
    lab.start_daemon()
    assert lab.run("true").verdict == "succeeded"
    subprocess.run(["nsenter", "-m", "-t", str(lab.daemon.pid), "mount", "-t", "tmpfs", "-o", "mode=1777", "late", "/usr/src"],
                   check=True)
    run = lab.run(["sh", "-c", "cat /proc/self/mountinfo; touch /usr/src/written && echo written"])
    assert b" /usr/src " not in lab.log(run.id) and b"written" not in lab.log(run.id, "stdout"), lab.log(run.id)


def test_a_monitor_holds_nothing_of_other_runs(lab):
    assert lab.run("true").verdict == "succeeded"
    runs = [lab.submit("sleep 60", resources={"cpus_milli": 100}) for _ in range(2)]
    for run in runs:
        lab.wait_running(run)
    monitors = lab.monitors()
    for run in runs:
        folder = f"/proc/{monitors[run]}/fd"
        links = [os.readlink(os.path.join(folder, fd)) for fd in os.listdir(folder)]
        assert sum(link.startswith("net:") for link in links) <= 1, links
        other = next(r for r in runs if r != run)
        assert not any(other in link for link in links), links
        lab.rpc("run.cancel", run=run)


def test_no_refused_call_hides_behind_others(runner):
    """Every system call has its own row in the record, however many kinds were tried before it."""
    run = python(runner, """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in range(480, 600):
    libc.syscall(number, 0, 0, 0)
libc.ptrace(16, 1, 0, 0)
""")
    assert run.verdict == "succeeded", run.describe()
    assert "ptrace" in run.denied_names() and "others" not in run.denied_names(), len(run.denied)
    assert len(run.denied) > 100
