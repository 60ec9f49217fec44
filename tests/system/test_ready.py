"""As root the lab keeps sandboxes ready: a run in one of them is no different from a run in one made for it."""

import os
import re
import signal
import subprocess

import pytest

import harness
from harness import Deadline

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: rootless, no sandbox is made before its run")

RESOURCES = {"memory_bytes": 128 << 20, "processes": 50, "tmp_bytes": 8 << 20, "work_bytes": 12 << 20, "output_bytes": 4 << 20,
             "output_files": 20}


def family(root):
    """{pid: name} of the daemon's descendants."""
    found, todo = {}, [root]
    while todo:
        pid = todo.pop()
        try:
            with open(f"/proc/{pid}/comm") as f:
                found[pid] = f.read().strip()
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                todo += [int(n) for n in f.read().split()]
        except OSError:
            continue
    return found


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            return [int(child) for child in f.read().split()]
    except OSError:
        return []


def waiting(lab):
    """Monitors with a finished sandbox: their init waits, and so does its job."""
    names = family(lab.daemon.pid)
    return [pid for pid, name in names.items()
            if name == "enclos-ready" and any(children(init) for init in children(pid) if names.get(init) == "enclos-ready")]


def all_ready(lab):
    Deadline(20).until(lambda: len(waiting(lab)) >= 4, "four sandboxes that are ready")
    return waiting(lab)


def ended(lab, command, **params):
    run = lab.submit(command, **params)
    return lab.wait(run)


@pytest.fixture
def ready_lab(lab):
    ended(lab, ["true"])
    all_ready(lab)
    return lab


def test_a_run_in_a_ready_sandbox_has_what_it_asked_for(ready_lab):
    lab = ready_lab
    lab.add_dataset("d", {"a.txt": b"data\n"})
    run = ended(lab, ["sh", "-c", "cat /data/d/a.txt hello.txt; echo x > /outputs/o; echo more >> hello.txt; id -u; hostname; "
                                  "df -k --output=size /tmp /work /outputs /dev/shm | tail -4 | xargs; ls /data"],
                code={"hello.txt": b"code\n"}, datasets=["d@1"], resources=RESOURCES)
    assert run.verdict == "succeeded" and run.sandbox.made_ahead is True
    assert lab.log(run.id, "stdout") == b"data\ncode\n1000\nenclos\n8192 12288 4096 8192\nd\n"
    limits = run.sandbox.limits
    assert (limits.memory_bytes, limits.processes) == (128 << 20, 50)
    assert [a.path for a in run.artifacts] == ["o"]


def test_a_ready_sandbox_serves_one_run(ready_lab):
    command = ("echo $$; find /tmp /work /outputs /dev/shm -mindepth 1; ipcs -m | grep -c 0x; "
               "touch /tmp/left /work/left /dev/shm/left; ipcmk -M 4096 >/dev/null; exit 0")
    runs = [ended(ready_lab, ["sh", "-c", command]) for _ in range(8)]
    assert any(r.sandbox.made_ahead for r in runs)
    assert {ready_lab.log(r.id, "stdout") for r in runs} == {ready_lab.log(runs[0].id, "stdout")}
    assert ready_lab.log(runs[0].id, "stdout").startswith(b"2\n") and b"left" not in ready_lab.log(runs[0].id, "stdout")


def test_nothing_of_a_run_s_sockets_is_there_for_the_next(ready_lab):
    leave = ("import socket, array\n"
             "s = socket.socket(socket.AF_UNIX); s.bind('\\0left'); s.listen()\n"
             "a, b = socket.socketpair()\n"
             "socket.send_fds(a, [b'x'], [s.fileno(), a.fileno(), b.fileno()])\n")
    look = ("import socket\n"
            "s = socket.socket(socket.AF_UNIX)\n"
            "print(s.connect_ex('\\0left'))\n")
    for _ in range(5):
        assert ended(ready_lab, ["python3", "-c", leave]).verdict == "succeeded"
        run = ended(ready_lab, ["python3", "-c", look])
        assert ready_lab.log(run.id, "stdout") == b"111\n"


def test_a_network_where_someone_has_a_socket_still_serves_no_other_run(ready_lab):
    """Of whatever family: here one that runs cannot make, held from outside."""
    run = ready_lab.submit(["sleep", "60"])

    def job():
        return next((pid for pid, name in family(ready_lab.daemon.pid).items() if name == "sleep"), None)

    Deadline(20).until(job, "the program")
    hold = "import socket, sys; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); print(1, flush=True); sys.stdin.read()"
    with subprocess.Popen(["nsenter", f"--net=/proc/{job()}/ns/net", "/usr/bin/python3", "-c", hold], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"1\n"
        ready_lab.rpc("run.cancel", run=run)
        held = ready_lab.wait(run)
        assert held.verdict == "cancelled" and held.sandbox.made_ahead is True
        later = {ended(ready_lab, ["true"]).sandbox.namespaces.net for _ in range(12)}
        holder.stdin.close()
    assert len(later) < 12 and held.sandbox.namespaces.net not in later  # others serve again


def links(pid):
    found = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            found.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except OSError:
            continue
    return found


def test_what_stands_ready_holds_nothing_of_another_s(ready_lab):
    for _ in range(3):
        ended(ready_lab, ["true"])
    held = []
    for pid in all_ready(ready_lab):
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            init = int(f.read())
        held.append({link for p in (pid, init) for link in links(p)
                     if re.match(r"socket:|net:|user:|pipe:|/run/enclos-uids/|/sys/fs/cgroup/", link)})
        assert sum(link.startswith("net:") for link in held[-1]) <= 1
    for i, mine in enumerate(held):
        assert mine and not any(mine & other for other in held[i + 1:])


def test_init_cannot_write_what_the_monitor_reads_of_the_run(ready_lab):
    """The order came in memory that both have; init, which serves beside the program, gives it up."""
    run = ready_lab.submit(["sleep", "60"])

    def init():
        names = family(ready_lab.daemon.pid)
        return "sleep" in names.values() and next((pid for pid, name in names.items() if name == "enclos-init"), None)

    Deadline(20).until(init, "the program")
    pid = init()

    def shared():
        with open(f"/proc/{pid}/maps") as f:
            lines = [line.split() for line in f]
        return [int(end, 16) - int(start, 16) for start, end in (line[0].split("-") for line in lines if line[1] == "rw-s")]

    # The page of steps stays: it tells there how the program ended. Init gives up the order just after it forked the job.
    Deadline(10).until(lambda: shared() and max(shared()) < 256 << 10, "the order to be out of init's memory")
    ready_lab.rpc("run.cancel", run=run)
    assert ready_lab.wait(run).sandbox.made_ahead is True


def test_another_profile_gets_a_sandbox_of_its_own(ready_lab):
    run = ended(ready_lab, ["true"], profile="python")
    assert run.verdict == "succeeded" and run.sandbox.made_ahead is False and run.sandbox.profile == "python"


def test_one_that_is_killed_is_made_again(ready_lab):
    killed = all_ready(ready_lab)[0]
    os.kill(killed, signal.SIGKILL)
    Deadline(20).until(lambda: not os.path.exists(f"/proc/{killed}"), "its end")
    assert ended(ready_lab, ["true"]).verdict == "succeeded"
    all_ready(ready_lab)


def test_a_signal_from_before_the_run_does_not_cancel_it(ready_lab):
    for pid in all_ready(ready_lab):
        os.kill(pid, signal.SIGTERM)
    run = ended(ready_lab, ["true"])
    assert run.verdict == "succeeded" and run.sandbox.made_ahead is True


def test_a_run_starts_when_what_stood_ready_was_killed(ready_lab):
    for pid in all_ready(ready_lab):
        os.kill(pid, signal.SIGKILL)
    assert ended(ready_lab, ["true"]).verdict == "succeeded"
    inits = [int(n) for pid in all_ready(ready_lab) for n in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    for pid in inits:  # its monitor finds out when the run comes
        os.kill(pid, signal.SIGKILL)
    Deadline(20).until(lambda: not any(harness.is_alive(pid) for pid in inits), "the end of the sandboxes")
    for _ in range(6):
        assert ended(ready_lab, ["true"]).verdict == "succeeded"


def test_what_stands_ready_ends_with_the_launcher(ready_lab):
    before = all_ready(ready_lab)
    launcher = next(pid for pid, name in family(ready_lab.daemon.pid).items() if name == "enclos-launcher")
    os.kill(launcher, signal.SIGKILL)
    Deadline(20).until(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in before), "the end of all that was ready")
    assert ended(ready_lab, ["true"]).verdict == "succeeded"


def jobs(lab):
    return [job for monitor in all_ready(lab) for init in children(monitor) for job in children(init)]


def test_the_job_that_waits_has_given_everything_up_already(ready_lab):
    """Its filter alone comes with the run: what follows the order needs calls that a run may not make."""
    for pid in jobs(ready_lab):
        with open(f"/proc/{pid}/status") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        uids = set(status["Uid"].split())
        assert len(uids) == 1 and 700000 <= int(uids.pop()) < 701000
        assert {status[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}
        assert status["NoNewPrivs"] == "1" and status["Groups"].strip() == ""
        own = os.stat(f"/proc/{pid}/ns/user").st_ino
        assert own != os.stat("/proc/self/ns/user").st_ino
        # /dev/null, two ends of the log, metrics, hand-over, /proc by path only, and the rules of Landlock
        assert len(os.listdir(f"/proc/{pid}/fd")) <= 7


def test_a_run_starts_when_the_job_that_waited_was_killed(ready_lab):
    doomed = jobs(ready_lab)
    assert len(doomed) >= 4
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    runs = [ended(ready_lab, ["true"]) for _ in range(6)]
    assert {run.verdict for run in runs} == {"succeeded"}
    assert runs[0].sandbox.made_ahead is False


def test_a_limit_that_cannot_be_written_keeps_the_job_that_waits_from_starting(ready_lab):
    """The order goes out before the limits are written: the program must wait for both."""
    hit = 0
    for monitor in all_ready(ready_lab):
        for folder, _, files in os.walk("/sys/fs/cgroup"):
            if os.path.basename(folder).endswith(f"-{monitor}"):
                for name in {"memory.limit_in_bytes", "memory.max"} & set(files):
                    subprocess.run(["nsenter", "-t", str(monitor), "-m", "mount", "--bind", "/dev/full", f"{folder}/{name}"], check=True)
                    hit += 1
    assert hit >= 4
    run = ended(ready_lab, ["sh", "-c", "echo started; sleep 1"], resources=RESOURCES)
    assert run.verdict == "setup_failed" and run.failed.step == "cgroup_limits" and run.failed.errno == "ENOSPC"
    assert run.sandbox.made_ahead is True and ready_lab.log(run.id, "stdout") == b""
