"""Joining a run while it goes: attach.sock of the run folder, run.attach and run.connect."""

import json
import os
import socket

import pytest
from harness import PLAIN_UID, Deadline, Rpc, RpcError
from terminal import CONNECT, ask, request

# Answers every connection with one line, and says which ports it has.
SERVER = """
import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print("port", s.getsockname()[1], flush=True)
while True:
    c, peer = s.accept()
    c.sendall(b"hello from inside, " + c.recv(100))
    c.close()
"""


def server(runner, install, **more):
    """A run that listens inside: (process, folder, port)."""
    runner.install = install
    folder = runner.folder(["/usr/bin/python3", "-c", SERVER], profile="loopback-test",
                           spec_changes={"interactive": {"idle_ms": 0, "connect": True}}, **more)
    process = runner.start(folder)
    line = process.stdout.readline().decode()
    assert line.startswith("port "), line + process.stderr.read().decode()
    return process, folder, int(line.split()[1])


def test_a_port_inside_is_reached_and_another_is_not(runner, loopback_install):
    process, folder, port = server(runner, loopback_install)
    for _ in range(3):
        given, _, text, fds = ask(folder, request(CONNECT, port))
        assert given, text
        with socket.socket(fileno=fds[0]) as s:
            s.settimeout(20)
            assert s.getpeername() == ("127.0.0.1", port)
            s.sendall(b"outside")
            assert s.recv(100) == b"hello from inside, outside"
    given, errno, text, _ = ask(folder, request(CONNECT, port + 1 if port < 65535 else port - 1))
    assert (given, errno) == (0, 111) and "nothing listens" in text
    mode = os.stat(os.path.join(folder, "attach.sock")).st_mode
    assert mode & 0o777 == 0o600
    process.terminate()
    done = runner.finish(process, folder, 0)
    assert done.record["verdict"] == "cancelled"
    assert not os.path.exists(os.path.join(folder, "attach.sock"))


def test_a_port_of_the_host_is_not_reached(runner, loopback_install):
    with socket.create_server(("127.0.0.1", 0)) as host:
        process, folder, port = server(runner, loopback_install)
        taken = host.getsockname()[1]
        if taken != port:
            given, errno, _, _ = ask(folder, request(CONNECT, taken))
            assert (given, errno) == (0, 111)
        host.settimeout(0.2)
        with pytest.raises(TimeoutError):
            host.accept()


def test_what_is_no_request_ends_that_conversation_only(root_runner, loopback_install):
    process, folder, port = server(root_runner, loopback_install)
    good = request(CONNECT, port)
    for bad in (b"x", good[:-1], good + b"\0", request(CONNECT, port, magic=1), request(CONNECT, port, version=2),
                request(99, port), request(0, port), request(CONNECT, 0), request(CONNECT, 65536),
                request(CONNECT, port, rows=1), b"\0" * 4000):
        assert ask(folder, bad) is None, bad
    with open("/dev/null") as null:
        assert ask(folder, good, [null.fileno()]) is None
    assert ask(folder, good)[0] == 1


def test_conversations_that_never_ask_do_not_keep_others_out(root_runner, loopback_install):
    process, folder, port = server(root_runner, loopback_install)
    silent = []
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            s.connect(f"/proc/self/fd/{fd}/attach.sock")
            silent.append(s)
        assert ask(folder, request(CONNECT, port))[0] == 1
    finally:
        os.close(fd)
        for s in silent:
            s.close()


def test_a_profile_without_a_network_is_refused_by_name(runner):
    done = runner.run(["true"], spec_changes={"interactive": {"idle_ms": 0, "connect": True}})
    assert done.record["verdict"] == "setup_failed"
    assert done.record["failed"]["step"] == "door"
    assert "base" in done.record["failed"]["message"] and "loopback" in done.record["failed"]["hint"]


def test_a_usual_run_has_no_such_socket(root_runner):
    folder = root_runner.folder(["/usr/bin/sleep", "30"])
    process = root_runner.start(folder)
    Deadline(20).until(lambda: os.path.exists(os.path.join(folder, "log")), "the run to start")
    assert "attach.sock" not in os.listdir(folder)
    process.terminate()
    process.communicate()


# ---- through the lab -------------------------------------------------------------------------------


@pytest.fixture
def loopback_lab(new_lab, loopback_install):
    lab = new_lab()
    lab.install = loopback_install
    lab.start_daemon()
    return lab


def listening(lab, **more):
    run = lab.submit(["python3", "-c", SERVER], profile="loopback-test", interactive={"kind": "notebook"}, **more)
    lab.wait_log(run, b"port ")
    return run, int(lab.log(run).split()[1])


def test_the_lab_hands_out_connections_and_they_outlive_it(loopback_lab):
    lab = loopback_lab
    run, port = listening(lab)
    with lab.connect() as rpc:
        assert rpc.call("run.connect", run=run, port=port).run == run
        first = rpc.take_socket()
        rpc.call("run.connect", run=run[:6], port=port)
        second = rpc.take_socket()
    lab.kill_daemon()
    for s in (first, second):
        with s:
            s.settimeout(20)
            s.sendall(b"lab or not")
            assert s.recv(100) == b"hello from inside, lab or not"
    lab.start_daemon()
    with lab.connect() as rpc:
        rpc.call("run.connect", run=run, port=port)
        with rpc.take_socket() as s:
            s.settimeout(20)
            s.sendall(b"again")
            assert s.recv(100) == b"hello from inside, again"
    entries = [x for x in lab.rpc("audit.list", limit=50).entries if x.action == "run.connect"]
    assert [x.detail.port for x in entries] == [port] * 3 and all(x.subject == run for x in entries)
    assert lab.get(run).interactive.kind == "notebook"
    assert lab.rpc("audit.verify").ok


def test_who_may_not_join_is_told(loopback_lab):
    lab = loopback_lab
    run, port = listening(lab)
    os.chmod(lab.top, 0o755)
    pid = os.fork()
    if pid == 0:  # another account of the machine
        status = 1
        try:
            os.setgroups([])
            os.setgid(PLAIN_UID)
            os.setuid(PLAIN_UID)
            with Rpc(lab.socket) as rpc:
                rpc.call("run.connect", run=run, port=port)
        except RpcError as error:
            status = 0 if error.kind == "denied" else 2
        finally:
            os._exit(status)
    assert os.waitpid(pid, 0)[1] == 0
    with pytest.raises(RpcError) as told:
        lab.rpc("run.attach", run=run, rows=24, cols=80)
    assert told.value.kind == "conflict"
    plain = lab.submit("sleep 60")
    with pytest.raises(RpcError) as told:
        lab.rpc("run.connect", run=plain, port=port)
    assert told.value.kind == "conflict" and "not an interactive" in told.value.message
    lab.rpc("run.cancel", run=run)
    lab.wait(run)
    with pytest.raises(RpcError) as told:
        lab.rpc("run.connect", run=run, port=port)
    assert told.value.kind == "conflict" and "ended" in told.value.message


def test_a_dead_monitor_is_told(loopback_lab):
    lab = loopback_lab
    run, port = listening(lab)
    os.kill(lab.monitors()[run], 9)
    assert lab.wait(run).verdict == "lost"
    with pytest.raises(RpcError) as told:
        lab.rpc("run.connect", run=run, port=port)
    assert told.value.kind in ("conflict", "unavailable")


def test_a_method_that_gives_a_descriptor_is_not_taken_in_a_batch(loopback_lab):
    lab = loopback_lab
    run, port = listening(lab)
    call = {"jsonrpc": "2.0", "id": 1, "method": "run.connect", "params": {"run": run, "port": port}}
    with lab.connect() as rpc:
        rpc.send_raw(json.dumps([call]).encode() + b"\n")
        answer = rpc.read_line()
        assert answer[0].error.data.kind == "invalid" and not rpc.received
