"""One account asks for more than its share: it waits for itself, and the lab goes on for everybody else."""

import json
import os
import time

import pytest

from harness import PLAIN_UID, SLOW, Deadline

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
