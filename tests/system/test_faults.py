"""Faults: full disk, changed data, wrong profiles, hostile programs. A clear verdict or error; the lab keeps serving."""

import contextlib
import ctypes
import hashlib
import os
import shutil

import pytest

import harness
from harness import MIB, RpcError


def still_serves(lab):
    run = lab.run(["echo", "fine"])
    assert run.verdict == "succeeded" and lab.log(run.id) == b"fine\n"


@contextlib.contextmanager
def small_disk(path, mib):
    """A tmpfs of that size at path; only root can."""
    libc = ctypes.CDLL(None, use_errno=True)
    os.makedirs(path, exist_ok=True)
    if libc.mount(b"enclos-test", path.encode(), b"tmpfs", 0, f"size={mib}m,mode=0755".encode()) != 0:
        pytest.skip(f"mounting a small tmpfs: {os.strerror(ctypes.get_errno())}")
    try:
        yield path
    finally:
        libc.umount2(path.encode(), 2)


@pytest.fixture
def cramped_lab(new_lab):
    lab = new_lab()
    with small_disk(lab.state, 24):
        lab.start_daemon()
        yield lab
        lab.stop()


@contextlib.contextmanager
def filled(folder, keep_bytes):
    """Fills the file system of folder but for keep_bytes."""
    path = os.path.join(folder, "filler")
    with open(path, "wb") as f:
        with contextlib.suppress(OSError):
            while True:
                left = os.statvfs(folder)
                free = left.f_bavail * left.f_frsize - keep_bytes
                if free < 4096:
                    break
                f.write(b"\0" * min(free, MIB))
                f.flush()
    try:
        yield
    finally:
        os.unlink(path)


def test_a_full_disk_refuses_submissions_by_name_and_recovers(cramped_lab):
    before = cramped_lab.submit("true")
    cramped_lab.wait(before)
    with filled(cramped_lab.state, 0):
        refused = None
        for _ in range(50):
            try:
                cramped_lab.submit(["echo", "x" * 20000])
            except RpcError as e:
                refused = e
                break
        assert refused is not None and refused.kind in ("limit", "unavailable"), refused
        assert "space" in str(refused).lower() or "disk" in str(refused).lower() or "full" in str(refused).lower()
        assert cramped_lab.rpc("lab.ping").pong
        assert cramped_lab.get(before).verdict == "succeeded"
    still_serves(cramped_lab)
    assert cramped_lab.rpc("audit.verify").ok


def test_a_disk_that_fills_during_a_run_keeps_the_verdict_and_publishes_nothing_partial(cramped_lab):
    run = cramped_lab.submit(["sh", "-c", "echo begin; head -c 12000000 /dev/urandom > /outputs/model.bin; sleep 1; exit 0"])
    cramped_lab.wait_log(run, b"begin")
    with filled(cramped_lab.state, 3 * MIB):
        with contextlib.suppress(AssertionError):
            cramped_lab.wait(run, 8)
        assert cramped_lab.rpc("lab.ping").pong
        for artifact in cramped_lab.get(run).get("artifacts", []):
            stored = os.path.join(cramped_lab.state, "objects", artifact.sha256[:2], artifact.sha256[2:])
            with open(stored, "rb") as f:
                assert hashlib.sha256(f.read()).hexdigest() == artifact.sha256, "a partial artifact was published"
    finished = cramped_lab.wait(run, 60)
    assert finished.state == "finished" and finished.verdict in ("succeeded", "output_limit"), finished
    if finished.verdict == "succeeded" and not finished.artifacts:
        assert finished.refused_outputs, "an output went missing without a word"
    still_serves(cramped_lab)


def test_metrics_that_a_full_disk_took_are_counted_and_told(cramped_lab):
    write = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo "{\\"metric\\":\\"m\\",\\"value\\":$i}" >&3; done'
    run = cramped_lab.submit(["sh", "-c", f"eval \"exec 3>&$ENCLOS_METRICS_FD\"; echo begin; sleep 1; {write}"])
    cramped_lab.wait_log(run, b"begin")
    with filled(cramped_lab.state, 0):
        with contextlib.suppress(AssertionError):
            cramped_lab.wait(run, 5)
    finished = cramped_lab.wait(run, 60)
    assert finished.verdict == "succeeded", finished
    kept = sum(m["count"] for m in finished.metrics)
    assert finished.metrics_dropped > 0 and kept + finished.metrics_dropped == 2000, finished
    assert "space" in finished.log.error and finished.warnings, finished
    still_serves(cramped_lab)


def object_path(lab, content):
    digest = hashlib.sha256(content).hexdigest()
    return os.path.join(lab.state, "objects", digest[:2], digest[2:])


def tamper(path, content):
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.write(content)
    os.chmod(path, 0o400)


def test_a_dataset_changed_behind_the_labs_back_is_not_used(lab):
    content = b"patient,diagnosis\n1,benign\n"
    ref = lab.add_dataset("changed", {"data.csv": content})
    assert lab.run(["cat", "/data/changed/data.csv"], datasets=[ref]).verdict == "succeeded"
    tamper(object_path(lab, content), content.replace(b"benign", b"malign"))
    try:
        run = lab.run(["cat", "/data/changed/data.csv"], datasets=[ref])
    except RpcError as e:
        assert "changed" in str(e)
    else:
        assert run.verdict == "setup_failed", run
        assert "changed" in run.reason + str(run.failed), run
        assert b"malign" not in lab.log(run.id)
    still_serves(lab)
    audit = str(lab.rpc("audit.list", limit=50))
    assert "integrity" in audit or "changed" in audit or "dataset" in audit


def test_code_changed_behind_the_labs_back_is_not_run(lab):
    code = lab.put_files({"main.sh": b"echo right\n", "lib/data.txt": b"1\n"})
    for _ in range(2):
        assert lab.log(lab.run(["sh", "main.sh"], code=code).id) == b"right\n"
    tree = os.path.join(lab.state, "trees", "code-" + code)
    with open(os.path.join(tree, "main.sh"), "w") as f:
        f.write("echo wrong\n")
    run = lab.run(["sh", "main.sh"], code=code)
    assert run.verdict == "succeeded" and lab.log(run.id) == b"right\n", lab.log(run.id)
    changed = [e for e in lab.daemon_events() if e.get("event") == "code.changed"]
    assert changed and changed[0].code == code and "main.sh" in str(changed[0]), changed
    entries = [e for e in lab.rpc("audit.list", limit=50).entries if e.action == "code.changed"]
    assert len(entries) == 1 and entries[0].subject == code and entries[0].detail.run == run.id, entries
    with open(os.path.join(tree, "lib", "planted.py"), "w") as f:
        f.write("")
    run = lab.run(["ls", "lib"], code=code)
    assert lab.log(run.id) == b"data.txt\n", lab.log(run.id)


def test_a_dataset_changed_during_a_run_is_told_at_its_end(lab):
    content = b"patient,diagnosis\n1,benign\n"
    ref = lab.add_dataset("during", {"data.csv": content})
    run = lab.submit(["sh", "-c", "echo begin; sleep 1.2"], datasets=[ref])
    lab.wait_log(run, b"begin")
    tamper(object_path(lab, content), content.replace(b"benign", b"malign"))
    finished = lab.wait(run)
    text = str(finished).lower()
    assert "during" in text and ("digest" in text or "changed" in text or "integrity" in text or "intact" in text), finished
    still_serves(lab)


def test_a_dataset_whose_object_is_gone_is_refused(lab):
    content = b"x,y\n1,2\n"
    ref = lab.add_dataset("gone", {"data.csv": content})
    shutil.rmtree(os.path.join(lab.state, "trees"))
    os.mkdir(os.path.join(lab.state, "trees"), 0o700)
    uid = os.stat(lab.state)
    os.chown(os.path.join(lab.state, "trees"), uid.st_uid, uid.st_gid)
    os.unlink(object_path(lab, content))
    try:
        run = lab.run(["cat", "/data/gone/data.csv"], datasets=[ref])
    except RpcError as e:
        assert "gone" in str(e)
    else:
        assert run.verdict == "setup_failed" and "gone" in run.reason + str(run.failed), run
    still_serves(lab)


@pytest.mark.parametrize("fault", ["invalid", "unreadable", "empty"])
def test_a_profile_that_cannot_be_used_is_named_and_the_others_go_on(new_lab, install, fault):
    lab = new_lab()
    data = os.path.join(lab.top, "share")
    shutil.copytree(os.path.join(install, "share/enclos"), data)
    profiles = os.path.join(data, "sandbox-profiles")
    path = os.path.join(profiles, "mine.jsonc")
    with open(path, "w") as f:
        f.write({"invalid": '{"title": "x",\n "syscals": {}\n}', "unreadable": "{}", "empty": ""}[fault])
    os.chmod(path, 0o000 if fault == "unreadable" else 0o644)
    if fault == "unreadable":
        os.unlink(path)
        os.mkdir(path)  # root reads every file: a folder is what it cannot read
    lab.environment["ENCLOS_DATADIR"] = data
    lab.start_daemon()
    try:
        run = lab.run("true", profile="mine")
    except RpcError as e:
        assert "mine" in str(e), e
    else:
        assert run.verdict == "setup_failed" and "mine" in str(run.failed) + run.reason, run
    still_serves(lab)
    listed = {p.name: p for p in lab.rpc("profile.list").profiles}
    assert listed["base"].valid is True
    if "mine" in listed:
        assert listed["mine"].valid is False and listed["mine"].error.message


def test_a_missing_interpreter_is_exec_failed(shared_lab):
    run = shared_lab.run(["ruby3.9", "train.rb"])
    assert run.verdict == "exec_failed" and run.failed.errno == "ENOENT", run
    assert "ruby3.9" in run.failed.message
    script = {"train": (b"#!/opt/python/bin/python\nprint(1)\n", "0755")}
    run = shared_lab.run(["./train"], code=script)
    assert run.verdict == "exec_failed" and run.failed.errno == "ENOENT", run
    still_serves(shared_lab)


def test_a_line_of_100_megabytes(shared_lab):
    code = {"probe": (harness.probe_code()["probe"][0], "0755")}
    run = shared_lab.run(["./probe", "long_line", "100"], code=code)
    assert run.verdict == "succeeded", run
    log = shared_lab.log(run.id)
    assert set(log) == {ord("x")}
    assert len(log) == run.log.kept_bytes and run.log.kept_bytes + run.log.dropped_bytes == 100 * MIB, run.log
    assert any(c.stream == "gap" for c in shared_lab.log_chunks(run.id))
    assert shared_lab.cli("logs", run.id).returncode == 0
    still_serves(shared_lab)


@pytest.mark.parametrize(
    "verb, verdict", [("vanish", "succeeded"), ("daemonize", "succeeded"), ("stop_self", "wall_timeout"),
                      ("stop_group", "wall_timeout"), ("ignore_term", "wall_timeout"), ("close_all", "succeeded"),
                      ("fork_bomb", None)])
def test_hostile_programs_have_their_verdict_through_the_lab(shared_lab, verb, verdict):
    code = {"probe": (harness.probe_code()["probe"][0], "0755")}
    run = shared_lab.run(["./probe", verb], code=code, resources={"wall_ms": 800, "processes": 40})
    assert run.verdict == verdict or (verdict is None and run.verdict in ("wall_timeout", "process_limit")), run
    assert run.wall_ms < 800 + 300 + 1500 * harness.PATIENCE
    harness.no_cgroup_is_left(run.id)
    still_serves(shared_lab)


def test_bad_metrics_are_counted_and_told(shared_lab):
    code = {"probe": (harness.probe_code()["probe"][0], "0755")}
    run = shared_lab.run(["./probe", "metrics", "no json", '{"metric":"","value":1}', '{"metric":"ok","value":2}',
                          '{"metric":"a","value":"text"}', '{"unknown":1}', '{"metric":"big","value":1e400}'], code=code)
    assert run.verdict == "succeeded"
    assert [(m.name, m.value) for m in run.metrics] == [("ok", 2)], run.metrics
    with shared_lab.connect() as rpc:
        rpc.call("run.watch", run=run.id)
        events = []
        while not events or events[-1].type != "finished":
            events.append(rpc.notification().params)
    assert sum("bad_metric" in str(e.get("data", "")) for e in events) >= 2, events


def test_a_client_that_leaves_in_the_middle_of_a_line_harms_nobody(shared_lab):
    for data in (b'{"jsonrpc":"2.0","id":1,"meth', b'{"jsonrpc":"2.0","id":1,"method":"run.wait","params":{"run":"x"}}\n', b""):
        rpc = shared_lab.connect()
        rpc.send_raw(data)
        rpc.close()
    still_serves(shared_lab)


def test_a_thousand_connections_do_not_stop_the_lab(shared_lab):
    held = []
    try:
        for _ in range(600):
            try:
                held.append(shared_lab.connect(2))
            except OSError:
                break
    finally:
        for rpc in held:
            rpc.close()
    still_serves(shared_lab)
