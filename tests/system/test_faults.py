"""Faults: full disk, changed data, wrong profiles, hostile programs. A clear verdict or error; the lab keeps serving."""

import contextlib
import ctypes
import hashlib
import os
import shutil
import tempfile

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


def free_bytes(lab):
    disk = os.statvfs(lab.state)
    return disk.f_bavail * disk.f_frsize


def test_clients_that_fill_the_disk_leave_the_lab_its_catalog(cramped_lab):
    with pytest.raises(RpcError) as refused:
        for _ in range(100):
            cramped_lab.put_blob(os.urandom(MIB))
    assert refused.value.kind == "limit" and "kept for the catalog" in refused.value.message, refused.value
    still_serves(cramped_lab)  # with nothing freed


def test_a_file_of_holes_is_refused_before_it_is_written(cramped_lab):
    before = free_bytes(cramped_lab)
    with tempfile.TemporaryFile() as f, pytest.raises(RpcError) as refused:
        f.truncate(1 << 40)
        cramped_lab.rpc("blob.put", fds=[f.fileno()], sha256="0" * 64, size_bytes=1 << 40)
    assert refused.value.kind == "limit" and "no room for" in refused.value.message, refused.value
    assert free_bytes(cramped_lab) > before - MIB
    still_serves(cramped_lab)


def test_code_that_names_one_file_many_times_does_not_fill_the_disk(cramped_lab):
    content = os.urandom(MIB)
    code = cramped_lab.put_files({f"{i:04}": content for i in range(200)})
    before = free_bytes(cramped_lab)
    run = cramped_lab.submit("true", code=code)
    harness.Deadline(10).until(lambda: "kept for the catalog" in cramped_lab.daemon_log(), "the lab to meet its bound")
    assert free_bytes(cramped_lab) > before - MIB
    still_serves(cramped_lab)
    cramped_lab.rpc("run.cancel", run=run)
    assert cramped_lab.wait(run).verdict in ("cancelled", "setup_failed")
    with pytest.raises(RpcError) as refused:
        cramped_lab.submit("true", code=cramped_lab.put_files({f"{i:05}": content for i in range(17000)}))
    assert refused.value.kind == "limit" and refused.value.field == "code", refused.value


def test_outputs_that_fit_the_disk_once_are_kept(cramped_lab):
    run = cramped_lab.run(["sh", "-c", "head -c 14000000 /dev/urandom > /outputs/model.bin"])
    assert run.verdict == "succeeded" and [a.size_bytes for a in run.artifacts] == [14_000_000], run
    still_serves(cramped_lab)


def test_outputs_that_fill_the_disk_leave_the_lab_its_catalog(new_lab):
    lab = new_lab()
    with small_disk(lab.state, 100):
        lab.start_daemon()
        run = lab.run(["sh", "-c", "for i in $(seq 220); do head -c 500000 /dev/urandom > /outputs/$i; done"],
                      resources={"memory_bytes": 256 * MIB, "output_bytes": 200 * MIB})
        assert run.verdict == "succeeded" and run.refused_outputs, run
        assert free_bytes(lab) > MIB // 2, free_bytes(lab)  # of the fiftieth that was kept
        still_serves(lab)
        lab.stop()


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


def write_file(lab, name, content):
    path = os.path.join(lab.top, name)
    with open(path, "wb") as f:
        f.write(content)
    return path


def add_by_hand(lab, name, path):
    return lab.cli("dataset", "add", name, path, "--classification", "interne")


def audited(lab, action):
    return [e for e in lab.rpc("audit.list", limit=100).entries if e.action == action]


def test_a_damaged_dataset_heals_by_adding_it_again(lab):
    content = b"patient,diagnosis\n1,benign\n"
    digest = hashlib.sha256(content).hexdigest()
    data = write_file(lab, "data.csv", content)
    assert add_by_hand(lab, "d", data).returncode == 0
    other = lab.add_dataset("other", {"same.csv": content})  # the same object in another dataset
    assert lab.run(["cat", "/data/d/data.csv"], datasets=["d@1"]).verdict == "succeeded"
    assert lab.rpc("blob.missing", sha256=[digest]).missing == []
    tamper(object_path(lab, content), content.replace(b"benign", b"malign"))

    run = lab.run(["cat", "/data/d/data.csv"], datasets=["d@1"])
    assert run.verdict == "setup_failed" and run.failed.step == "dataset_verify", run
    assert "enclos dataset add" in run.failed.hint, run.failed
    assert lab.rpc("blob.missing", sha256=[digest]).missing == [digest], "a damaged object is not missing"
    aside = os.listdir(os.path.join(lab.state, "damaged"))
    assert len(aside) == 1 and aside[0].startswith(digest), aside
    with open(os.path.join(lab.state, "damaged", aside[0]), "rb") as f:
        assert b"malign" in f.read(), "what was found is not kept"
    assert [e.get("object") for e in lab.daemon_events() if e.get("event") == "object.set_aside"] == [digest]
    harness.Deadline(10).until(lambda: audited(lab, "object.set_aside"), "the entry in the audit log")
    entry, = audited(lab, "object.set_aside")
    assert entry.subject == digest and entry.detail.file == "damaged/" + aside[0], entry

    added = add_by_hand(lab, "d", data)
    assert added.returncode == 0 and "d@2" in added.stdout, (added.stdout, added.stderr)
    run = lab.run(["cat", "/data/d/data.csv"], datasets=["d@2"])
    assert run.verdict == "succeeded" and lab.log(run.id) == content, run
    # The other dataset has its bytes back, and was never used with the wrong ones.
    assert lab.run(["cat", "/data/other/same.csv"], datasets=[other]).verdict == "succeeded"
    versions = {d.ref: (d.state, d.quarantined) for d in lab.rpc("dataset.list").datasets}
    assert versions == {"d@1": ("sealed", True), "d@2": ("sealed", False), "other@1": ("sealed", False)}, versions
    with pytest.raises(RpcError) as refused:
        lab.submit("true", datasets=["d@1"])
    assert "quarantine" in refused.value.message
    assert lab.rpc("audit.verify").ok


def test_damage_found_while_sealing_leaves_one_draft_that_the_next_add_uses(lab):
    content = {"a.csv": b"a\n1\n", "b.csv": b"b\n2\n", "c.csv": b"c\n3\n"}
    lab.add_dataset("first", content)
    paths = [write_file(lab, name, c) for name, c in content.items()]
    for name in ("a.csv", "b.csv"):
        tamper(object_path(lab, content[name]), content[name][::-1])
    refused = lab.cli("dataset", "add", "d", *paths, "--classification", "interne")
    assert refused.returncode == 1, (refused.stdout, refused.stderr)
    for word in ("a.csv", "1 more", "damaged", "enclos dataset add"):
        assert word in refused.stderr, refused.stderr
    added = lab.cli("dataset", "add", "d", *paths, "--classification", "interne")  # all of it, in one go
    assert added.returncode == 0 and "d@1" in added.stdout, (added.stdout, added.stderr)
    run = lab.run(["cat", "/data/d/a.csv", "/data/d/b.csv"], datasets=["d@1"])
    assert lab.log(run.id) == content["a.csv"] + content["b.csv"]
    assert [d.ref for d in lab.rpc("dataset.list").datasets] == ["d@1", "first@1"]


def test_a_sealed_version_that_is_sealed_again_and_is_damaged_goes_to_quarantine(lab):
    content = b"a\n1\n"
    lab.add_dataset("d", {"a.csv": content})
    tamper(object_path(lab, content), content[::-1])
    with pytest.raises(RpcError) as refused:
        lab.rpc("dataset.seal", name="d", version=1)
    assert refused.value.kind == "conflict" and "damaged" in refused.value.message, refused.value
    assert "new version" in refused.value.hint
    assert lab.rpc("dataset.get", name="d").quarantined


def test_a_run_whose_code_is_damaged_says_to_submit_it_again_and_that_works(lab):
    code = os.path.join(lab.top, "code")
    os.mkdir(code)
    with open(os.path.join(code, "main.sh"), "w") as f:
        f.write("echo right\n")
    assert lab.cli("run", "--", "sh", "main.sh", cwd=code).returncode == 0
    shutil.rmtree(os.path.join(lab.state, "trees", "code-" + lab.get(lab.rpc("run.list").runs[0].id).code))
    tamper(object_path(lab, b"echo right\n"), b"echo wrong\n")
    refused = lab.cli("run", "--", "sh", "main.sh", cwd=code)
    run = lab.get(lab.rpc("run.list").runs[0].id)
    assert refused.returncode == 125 and run.verdict == "setup_failed", (refused.stdout, refused.stderr)
    assert run.failed.step == "code_tree" and "submit it again" in run.failed.hint, run.failed
    again = lab.cli("run", "--", "sh", "main.sh", cwd=code)
    assert again.returncode == 0 and "right" in again.stdout, (again.stdout, again.stderr)


def test_a_run_that_waited_does_not_start_on_a_version_in_quarantine(new_lab):
    lab = new_lab(extra=["--cpus", "1"])
    lab.start_daemon()
    content = b"a\n1\n"
    lab.add_dataset("d", {"a.csv": content})
    first = lab.submit(["sh", "-c", "echo begin; sleep 1"], resources={"cpus_milli": 1000})
    lab.wait_log(first, b"begin")
    bad, waiting = (lab.submit(["cat", "/data/d/a.csv"], datasets=["d@1"], resources={"cpus_milli": 1000})
                    for _ in range(2))
    tamper(object_path(lab, content), content[::-1])
    assert lab.wait(bad).verdict == "setup_failed"
    lab.put_blob(content)  # whole again: the version is not, before its custodian says so
    run = lab.wait(waiting)
    assert run.verdict == "setup_failed" and "quarantine" in run.reason, run
    assert "enclos dataset add" in run.failed.hint


def test_a_run_that_read_what_another_found_changed_is_told(lab):
    content = b"a\n1\n"
    ref = lab.add_dataset("d", {"a.csv": content})
    same = lab.add_dataset("e", {"a.csv": content})  # the same files: the same tree
    going = lab.submit(["sh", "-c", "echo begin; sleep 2; cat /data/d/a.csv"], datasets=[ref])
    lab.wait_log(going, b"begin")
    tamper(object_path(lab, content), content[::-1])
    assert lab.run(["true"], datasets=[same]).verdict == "setup_failed"
    lab.put_blob(content)
    lab.add_dataset("f", {"a.csv": content})
    assert lab.run(["true"], datasets=["f@1"]).verdict == "succeeded"  # the tree stands again, and is right
    run = lab.wait(going)
    assert run.verdict == "succeeded" and lab.log(run.id).endswith(content[::-1]), "its files stayed, wrong as they were"
    assert run.failed and run.failed.step == "dataset_verify_after" and "d@1" in str(run.failed), run
    assert lab.rpc("dataset.get", name="d").quarantined


def test_an_object_set_aside_just_before_a_kill_is_audited_at_the_next_start(lab):
    content = b"never said\n"
    digest = lab.put_blob(content)
    lab.kill_daemon()
    name = f"{digest}.1700000000000000"
    os.rename(object_path(lab, content), os.path.join(lab.state, "damaged", name))
    for _ in range(2):
        lab.start_daemon()
        harness.Deadline(10).until(lambda: audited(lab, "object.set_aside"), "the entry in the audit log")
        lab.stop_daemon()
    lab.start_daemon()
    entry, = audited(lab, "object.set_aside")
    assert entry.subject == digest and entry.time_us == 1700000000000000


def test_doctor_tells_of_quarantine_and_damage_until_they_are_seen_to(lab):
    def checks(name):
        return [c for c in lab.rpc("lab.doctor").checks if c.name == name]

    content, unused = b"a\n1\n", b"nobody uses it\n"
    lab.add_dataset("d", {"a.csv": content})
    lost = lab.put_blob(unused)
    for name in ("quarantine", "damaged", "objects"):
        assert [c.ok for c in checks(name)] == [True], name
    assert lab.cli("doctor").returncode == 0
    tamper(object_path(lab, content), content[::-1])
    assert lab.run("true", datasets=["d@1"]).verdict == "setup_failed"
    told, = checks("quarantine")
    assert not told.ok and "d@1" in told.message and "a.csv" in told.message and "new version" in told.hint, told
    told, = checks("damaged")
    assert not told.ok and "is missing" in told.message and "/damaged/" in told.hint, told
    lab.put_blob(content)
    told, = checks("damaged")
    assert not told.ok and "sent again" in told.message, told
    shown = lab.cli("doctor")
    assert shown.returncode != 0 and "d@1" in shown.stdout + shown.stderr, shown.stdout
    # What nobody uses is found by the doctor itself.
    tamper(object_path(lab, unused), unused[::-1])
    assert [c.ok for c in checks("objects")] == [False]
    assert lab.rpc("blob.missing", sha256=[lost]).missing == [lost]
    assert len(checks("damaged")) == 2
    for name in os.listdir(os.path.join(lab.state, "damaged")):
        os.unlink(os.path.join(lab.state, "damaged", name))
    assert [c.ok for c in checks("damaged")] == [True]


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
