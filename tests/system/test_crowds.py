"""One account asks for more than its share: it waits for itself, and the lab goes on for everybody else."""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import pytest

from harness import PLAIN_UID, SLOW, Deadline, RpcError

MIB = 1 << 20


def line(number, method, **params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode() + b"\n"


def resident_mib(lab):
    with open(f"/proc/{lab.daemon.pid}/status") as f:
        return next(int(l.split()[1]) for l in f if l.startswith("VmRSS")) // 1024


def others_are_served(lab):
    began = time.monotonic()
    done = lab.cli("ps", "--json", uid=PLAIN_UID, timeout=20)
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)
    return time.monotonic() - began


def send_all_it_takes(connection, data):
    """As much as the lab reads; what it does not read now stays with the client."""
    connection.socket.settimeout(0.3)
    try:
        connection.send_raw(data)
    except TimeoutError:
        return False
    return True


def test_waiting_for_runs_keeps_nobody_from_the_lab(lab):
    run = lab.submit("sleep 60")
    lab.wait_running(run)
    crowd = [lab.connect() for _ in range(60)]
    for connection in crowd:
        connection.send_raw(b"".join(line(i, "run.wait", run=run, timeout_ms=60_000) for i in range(64)))
    others_are_served(lab)
    assert lab.connect().call("lab.ping").pong  # nor that account itself
    lab.rpc("run.cancel", run=run)
    for connection in crowd:  # and all of them are answered
        for _ in range(64):
            assert connection.read_line(30)["result"]["finished"]


@pytest.mark.skipif(SLOW, reason="a sanitizer keeps what was freed")
def test_answers_that_nobody_fetches_are_bounded_over_connections(lab):
    program = "import sys\nfor i in range(40): sys.stdout.buffer.write(bytes(range(256)) * 256)"
    run = lab.run(["/usr/bin/python3", "-c", program], resources={"log_bytes": 8 * MIB})
    assert run.verdict == "succeeded"
    before = resident_mib(lab)
    crowd = [lab.connect() for _ in range(60)]
    for connection in crowd:
        send_all_it_takes(connection, b"".join(line(i, "run.logs", run=run.id) for i in range(64)))
    others_are_served(lab)
    settled = Deadline(10)
    while settled.left:
        assert resident_mib(lab) < before + 450, "the answers waiting for one account grow without bound"
        time.sleep(0.2)
    others_are_served(lab)
    for connection in crowd[1:]:
        connection.close()
    assert sorted(crowd[0].read_line(30)["id"] for _ in range(64)) == list(range(64))  # who fetches gets them all


@pytest.mark.skipif(SLOW, reason="a sanitizer keeps what was freed")
def test_large_messages_under_way_are_bounded_over_connections(lab):
    run = lab.submit("sleep 60")
    lab.wait_running(run)
    before, large = resident_mib(lab), "i" * 900_000
    crowd = [lab.connect() for _ in range(20)]
    for connection in crowd:
        for _ in range(64):
            if not send_all_it_takes(connection, line(large, "run.wait", run=run, timeout_ms=60_000)):
                break
    assert resident_mib(lab) < before + 400
    others_are_served(lab)
    for connection in crowd:
        connection.close()
    Deadline(10).until(lambda: lab.connect().call("lab.ping").pong, "the account to be served again")


def test_descriptors_that_nobody_claims_do_not_use_up_the_lab_s(lab):
    null = os.open("/dev/null", os.O_RDONLY)
    folder = f"/proc/{lab.daemon.pid}/fd"
    before = len(os.listdir(folder))
    crowd = [lab.connect() for _ in range(100)]
    try:
        for connection in crowd:
            connection.send_raw(b'{"jsonrpc"', [null] * 16)
        others_are_served(lab)
        assert len(os.listdir(folder)) < before + 100 + 300, "1600 descriptors were passed, and all are kept"
    finally:
        os.close(null)
        for connection in crowd:
            connection.close()
    Deadline(10).until(lambda: len(os.listdir(folder)) < before + 20, "the descriptors to be closed")
    assert lab.put_blob(b"and the account may send files again")


def test_no_account_fills_the_queue_with_or_without_keys(new_lab):
    lab = new_lab(extra=["--cpus", "1"])
    lab.start_daemon()
    small = {"cpus_milli": 1000, "memory_bytes": 8 * MIB}
    lab.wait_running(lab.submit("sleep 60", resources=small))
    with lab.connect(30) as connection:
        refused = []
        for start in range(0, 6000, 50):
            connection.send_raw(b"".join(line(i, "run.submit", command=["true"], resources=small, idempotency_key=f"key {i}")
                                         for i in range(start, start + 50)))
            refused += [a for a in (connection.read_line(30) for _ in range(50)) if "error" in a]
        assert len(refused) == 1000 and {a["error"]["data"]["kind"] for a in refused} == {"limit"}, len(refused)
        first = connection.call("run.submit", command=["true"], resources=small, idempotency_key="key 0")
        assert first.existed  # a retry is answered all the same
        with pytest.raises(RpcError) as without:
            connection.call("run.submit", command=["true"], resources=small)
        assert without.value.field == "queue", without.value
    done = lab.cli("run", "--detach", "--json", "--no-code", "--cpus", "1", "--", "true", uid=PLAIN_UID)
    assert done.returncode == 0, done.stderr


# ---- files that a user answers for -----------------------------------------------------------------


@contextlib.contextmanager
def own_file_system(lab, *never):
    """A folder of the test's with FILE in it, whose calls `never` are not answered."""
    folder = os.path.join(lab.top, f"mine-{'-'.join(never)}")
    os.mkdir(folder)
    script = os.path.join(os.path.dirname(__file__), "stuck_fs.py")
    server = subprocess.Popen([sys.executable, script, folder, *never], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        if server.stdout.readline() != b"ready\n":
            pytest.skip(f"a FUSE file system: {server.stderr.read().decode()}")
        yield folder
    finally:
        server.kill()
        server.wait()
        subprocess.run(["umount", "-l", folder], check=False)


def pass_files(lab, path):
    """What a client does with such a file, in a process of its own: it may be stuck at its end."""
    files = [os.open(path, os.O_RDONLY) for _ in range(8)]
    for number, file in enumerate(files):
        connection = lab.connect()
        try:
            connection.call("blob.put", fds=[file], sha256=f"{number:064}", size_bytes=16, rpc_timeout=10)
            return "it was taken"
        except RpcError as refused:
            if refused.field != "descriptor" or "put_chunk" not in refused.hint:
                return str(refused)
    connection = lab.connect()
    connection.send_raw(line(1, "lab.ping"), files)  # nobody asked for these
    return "refused" if connection.read_line(10)["result"]["pong"] else "no answer"


@pytest.mark.parametrize("never", ["getattr", "read", "flush"])
def test_a_file_system_that_never_answers_holds_neither_loop_nor_pool(lab, never):
    with own_file_system(lab, never) as folder:
        said, says = os.pipe()
        client = os.fork()
        if client == 0:
            try:
                os.write(says, pass_files(lab, os.path.join(folder, "FILE")).encode())
            except BaseException as e:
                os.write(says, repr(e).encode())
            os.kill(os.getpid(), signal.SIGKILL)
        os.close(says)
        try:
            assert os.read(said, 1000) == b"refused"
            others_are_served(lab)
            assert lab.put_blob(b"the pool works")
            assert lab.run("true").verdict == "succeeded"
        finally:
            os.close(said)
    os.waitpid(client, 0)


def test_files_of_a_user_s_own_file_system_are_sent_in_pieces(lab):
    with own_file_system(lab) as folder:
        done = lab.cli("run", "--code", folder, "--", "cat", "FILE", timeout=30)
        assert done.returncode == 0 and done.stdout == "sixteen bytes, 1", (done.stdout, done.stderr)


def test_memory_files_and_files_on_disk_are_taken_by_descriptor(lab):
    file = os.memfd_create("memory")
    os.write(file, b"in memory")
    digest = hashlib.sha256(b"in memory").hexdigest()
    assert lab.rpc("blob.put", fds=[file], sha256=digest, size_bytes=9).stored
    os.close(file)
    assert lab.put_blob(b"on disk")


def test_long_work_of_one_account_does_not_hold_up_the_others(lab):
    """Two dozen large files to read at once; who asks after that for a log gets it before most are read."""
    run = lab.run(["echo", "hello"])
    with tempfile.TemporaryFile() as file:
        file.truncate(192 * MIB)
        with lab.connect(60) as busy:
            for number in range(24):
                busy.send_raw(line(number, "blob.put", sha256=f"{number:064}", size_bytes=192 * MIB), [file.fileno()])
            done = lab.cli("logs", run.id, uid=PLAIN_UID, timeout=60)
            assert done.returncode == 0 and done.stdout == "hello\n", done.stderr
            busy.socket.settimeout(0.05)
            answered = 0
            with contextlib.suppress(TimeoutError):
                while answered < 24:
                    busy.read_line(0.05)
                    answered += 1
            assert answered < 14, f"{answered} of 24 had been read before the other account's log was"


FILL_THE_COUNT_OF_DESCRIPTORS_IN_FLIGHT = """
import array, os, resource, socket, sys, time
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
null, kept = os.open("/dev/null", os.O_RDONLY), []
rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [null] * 253))]
try:
    while True:
        kept.append(socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM))
        kept[-1][0].setblocking(False)
        try:
            while True:
                kept[-1][0].sendmsg([b"x"], rights)
        except BlockingIOError:
            pass
except OSError as e:
    print("filled:", e.strerror, flush=True)
time.sleep(60)
"""


def test_a_run_that_fills_its_user_s_count_of_descriptors_kills_no_launcher(new_lab):
    """Rootless, run and lab are one user to the kernel, which counts descriptors in flight by user."""
    lab = new_lab(uid=PLAIN_UID - 1)  # of its own: it is that user's other processes that suffer
    lab.start_daemon()
    run = lab.submit(["/usr/bin/python3", "-c", FILL_THE_COUNT_OF_DESCRIPTORS_IN_FLIGHT],
                           limits="best_effort",
                     resources={"memory_bytes": 512 * MIB})
    lab.wait_log(run, b"filled: Too many references")
    generation = lab.rpc("lab.info").runner.generation
    other = lab.submit("true", limits="best_effort")
    Deadline(20).until(lambda: "launcher.ask_waits" in lab.daemon_log(), "the lab to find that it must wait")
    time.sleep(1)
    assert lab.rpc("lab.info").runner.generation == generation, "the launcher was taken for dead"
    lab.rpc("run.cancel", run=run)
    assert lab.wait(run).verdict == "cancelled"
    assert lab.wait(other).verdict == "succeeded"
