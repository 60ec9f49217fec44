"""What keeps a lab: holds and collection; later backup, restore, the deep check."""

import hashlib
import os
import random
import sqlite3
import subprocess
import threading
import time

import pytest

import harness
from harness import RpcError


def objects(lab):
    found = set()
    top = os.path.join(lab.state, "objects")
    for folder in os.listdir(top):
        found |= {folder + name for name in os.listdir(os.path.join(top, folder))}
    return found


def age(lab, seconds=100000):
    """As if everything had been put so long ago."""
    then = time.time() - seconds
    for name in objects(lab):
        os.utime(os.path.join(lab.state, "objects", name[:2], name[2:]), (then, then))


def actions(lab):
    return [e.action for e in lab.rpc("audit.list", limit=200).entries]


def test_a_collection_is_dry_first_and_removes_only_what_nothing_refers_to(lab):
    lab.add_dataset("kept", {"a.csv": b"kept"})
    run = lab.run(["sh", "-c", "echo out > /outputs/o"], code={"main.py": b"print(1)"})
    needed = objects(lab)
    loose = lab.put_blob(b"nobody needs this")
    assert lab.cli_json("gc").removed == 0, "it was put just now"
    age(lab)
    dry = lab.cli_json("gc")
    assert (dry.dry_run, dry.removed, dry.removed_bytes) == (True, 1, 17) and loose in objects(lab)
    assert "lab.collected" not in actions(lab)
    done = lab.cli("gc", "--yes")
    assert done.returncode == 0 and "Removed: 1" in done.stdout, done
    assert objects(lab) == needed
    entry, = lab.rpc("audit.list", action="lab.collected").entries
    assert entry.detail.removed == 1 and entry.detail.removed_bytes == 17
    again = lab.run(["cat", "/work/main.py"], code={"main.py": b"print(1)"}, datasets=["kept@1"])
    assert again.verdict == "succeeded" and lab.get(run.id).artifacts


def test_old_runs_go_when_it_is_asked_unless_they_are_held(lab):
    held = lab.run(["sh", "-c", "echo held > /outputs/o"], code={"main.py": b"held"})
    other = lab.run(["sh", "-c", "echo gone > /outputs/o"], code={"main.py": b"gone"})
    going = lab.submit(["sleep", "60"], code={"main.py": b"going"})
    lab.wait_running(going)
    age(lab)
    assert lab.cli_json("gc").removed == 0
    assert lab.cli("hold", held.id).returncode == 2, "a reason is needed"
    assert lab.cli("hold", held.id, "--reason", "a lawsuit").returncode == 0
    assert held.id in lab.cli("hold", "list").stdout
    assert lab.cli_json("gc", "--runs-older-than", "0s", "--yes").released.runs == 1
    assert lab.get(other.id).verdict == "succeeded", "its card stays"
    assert lab.log(other.id) == b""
    kept = objects(lab)
    for run in (held, lab.get(going)):
        assert run.code in kept
    assert other.code not in kept
    with pytest.raises(RpcError) as refused:
        lab.rpc("hold.add", subject=other.id, reason="too late")
    assert refused.value.kind == "conflict"
    assert lab.cli("unhold", held.id, "--reason", "it is over").returncode == 0
    assert lab.cli_json("gc", "--runs-older-than", "0s", "--yes").released.runs == 1
    assert held.code not in objects(lab)
    lab.rpc("run.cancel", run=going)
    assert lab.wait(going).verdict == "cancelled"
    assert {"hold.added", "hold.lifted", "run.content_released", "lab.collected"} <= set(actions(lab))
    assert lab.rpc("audit.verify").ok


def test_uploads_that_go_on_are_safe_beside_collections(lab):
    """A client asks what is missing, is told that an old object is there, and submits: it must still be there."""
    files = {"main.py": b"print('again')"}
    lab.run(["true"], code=files)
    for _ in range(5):
        age(lab)
        assert lab.rpc("lab.gc", dry_run=False, runs_older_than_ms=0).removed in (0, 2)
        digest, _, blobs = harness.manifest_of(files)
        missing = lab.rpc("blob.missing", sha256=sorted(blobs))["missing"]
        for one in missing:
            lab.put_blob(blobs[one])
        lab.rpc("lab.gc", dry_run=False, runs_older_than_ms=0)
        assert lab.run(["cat", "/work/main.py"], code=digest).verdict == "succeeded"


def test_one_long_work_at_a_time_and_it_says_how_far_it_is(lab):
    assert lab.rpc("lab.doing").doing is None
    with lab.connect() as one, lab.connect() as two:
        first, second = one.send("lab.gc", {}), two.send("lab.gc", {})
        outcomes = []
        for rpc, number in ((one, first), (two, second)):
            try:
                outcomes.append(rpc.answer(number).dry_run)
            except RpcError as e:
                outcomes.append(e.kind)
        assert outcomes in ([True, True], [True, "conflict"], ["conflict", True]), outcomes


def test_french_says_what_a_collection_would_do(lab):
    lab.put_blob(b"x")
    age(lab)
    said = lab.cli("gc", "--lang", "fr").stdout + lab.cli("gc", "--lang", "fr").stderr
    assert "À retirer\N{NO-BREAK SPACE}: 1" in said and "Rien n’a été changé" in said


# ---- backup and restore ------------------------------------------------------------------------------


def backed_up(lab, tmp_path, *more):
    path = str(tmp_path / "lab.tar.zst")
    done = lab.cli("backup", path, *more)
    assert done.returncode == 0, done.stderr
    return path


def restored(lab, path, state, uid=0):
    line = [os.path.join(lab.install, "enclosd"), "restore", path, "--state", state]
    if uid:
        line = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *line]
    return subprocess.run(line, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "HOME": "/"})


def test_a_lab_restored_from_a_backup_is_the_lab(lab, new_lab, tmp_path):
    lab.add_dataset("cancer", {"a.csv": b"x,y\n1,2\n"})
    run = lab.run(["sh", "-c", "cat /data/cancer/a.csv; echo m > /outputs/model; "
                               'echo \'{"metric":"auc","value":0.5}\' >&$ENCLOS_METRICS_FD'],
                  datasets=["cancer@1"], code={"main.py": b"print(1)"})
    going = lab.submit(["sh", "-c", "echo begin; sleep 3; echo end"])
    lab.wait_log(going, b"begin")
    path = backed_up(lab, tmp_path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    names = subprocess.run(["tar", "--zstd", "-tf", path], capture_output=True, text=True)
    if names.returncode == 0:  # a host without zstd has no other way to look into it
        assert names.stdout.splitlines()[0] == "backup.json" and names.stdout.splitlines()[-1] == "end.json"
    assert lab.cli("backup", path).returncode == 1, "it replaces nothing"
    assert lab.wait(going).verdict == "succeeded", "runs go on beside a backup"
    other = new_lab()
    done = restored(lab, path, other.state)
    assert done.returncode == 0, done.stderr
    other.start_daemon()
    assert other.get(run.id) == lab.get(run.id)
    assert other.log(run.id) == lab.log(run.id) == b"x,y\n1,2\n"
    assert other.rpc("dataset.get", name="cancer") == lab.rpc("dataset.get", name="cancer")
    assert other.run(["cat", "/data/cancer/a.csv"], datasets=["cancer@1"], code=run.code).verdict == "succeeded"
    assert other.wait(going).verdict == "lost", "its monitor is not here"
    assert other.rpc("audit.verify").ok
    entry, = other.rpc("audit.list", action="lab.restored").entries
    assert entry.detail.audit_hash == lab.rpc("audit.list", action="lab.backed_up").entries[0].detail.audit.hash
    assert entry.actor.uid == 0


def test_a_backup_with_objects_listed_is_completed_by_the_folder(lab, new_lab, tmp_path):
    run = lab.run(["true"], code={"main.py": b"print(2)"})
    path = backed_up(lab, tmp_path, "--objects", "listed")
    other = new_lab()
    done = restored(lab, path, other.state)
    assert done.returncode == 0 and "put them back into objects/" in done.stdout, done
    other.start_daemon()
    with pytest.raises(RpcError):
        other.submit(["true"], code=run.code)
    subprocess.run(["cp", "-a", os.path.join(lab.state, "objects", "."), os.path.join(other.state, "objects")], check=True)
    assert other.run(["cat", "/work/main.py"], code=run.code).verdict == "succeeded"


def test_what_is_not_whole_is_not_restored_and_nothing_is_left(lab, tmp_path):
    lab.run(["true"], code={"main.py": b"x" * 10000})
    path = backed_up(lab, tmp_path)
    whole = open(path, "rb").read()
    chance = random.Random(7)
    cases = [whole[:-1], whole[:len(whole) // 2], whole[:20], b"", whole + b"\0", whole + whole]
    for _ in range(25):
        at = chance.randrange(len(whole))
        cases.append(whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1:])
    top = tmp_path / "restored"
    top.mkdir()
    for n, case in enumerate(cases):
        (tmp_path / "bad").write_bytes(case)
        done = restored(lab, str(tmp_path / "bad"), str(top / "state"))
        assert done.returncode == 1 and done.stderr.startswith("enclosd restore: "), (n, done)
        assert os.listdir(top) == [], (n, done.stderr)


def test_nothing_is_restored_over_a_lab(lab, tmp_path):
    path = backed_up(lab, tmp_path)
    done = restored(lab, path, lab.state)
    assert done.returncode == 1 and "not empty" in done.stderr
    assert lab.rpc("lab.ping") and not [n for n in os.listdir(lab.top) if "restore" in n]


def test_a_plain_user_backs_up_and_restores_their_own_lab(plain_lab, new_lab, tmp_path):
    run = plain_lab.run(["echo", "mine"])
    os.chmod(tmp_path, 0o777)
    for parent in tmp_path.parents[:2]:
        os.chmod(parent, 0o755)
    path = str(tmp_path / "mine.tar.zst")
    done = plain_lab.cli("backup", path, uid=plain_lab.uid)
    assert done.returncode == 0, done.stderr
    state = str(tmp_path / "again")
    done = restored(plain_lab, path, state, uid=plain_lab.uid)
    assert done.returncode == 0, done.stderr
    assert os.stat(state).st_uid == plain_lab.uid and os.stat(state).st_mode & 0o777 == 0o700
    assert f"runs/{run.id}/log" and os.path.exists(os.path.join(state, "runs", run.id, "log"))


def test_only_an_administrator_takes_a_backup(lab, tmp_path):
    os.chmod(tmp_path, 0o777)
    for parent in tmp_path.parents[:2]:
        os.chmod(parent, 0o755)
    done = lab.cli("backup", str(tmp_path / "stolen"), uid=harness.PLAIN_UID)
    assert done.returncode == 1 and "admin" in done.stderr, done
    assert os.listdir(tmp_path) == []


def test_submissions_go_on_beside_a_backup_and_a_restored_lab_has_those_before(lab, new_lab, tmp_path):
    before = [lab.submit(["true"]) for _ in range(20)]
    stop = threading.Event()
    made, slowest = [], [0]

    def submit():
        with lab.connect(30) as rpc:
            while not stop.is_set():
                began = time.monotonic()
                made.append(rpc.call("run.submit", command=["true"], resources={"memory_bytes": 32 << 20, "cpus_milli": 250})["run"])
                slowest[0] = max(slowest[0], time.monotonic() - began)

    thread = threading.Thread(target=submit)
    thread.start()
    try:
        path = backed_up(lab, tmp_path)
    finally:
        stop.set()
        thread.join()
    assert made and slowest[0] < 2 * harness.PATIENCE
    other = new_lab()
    assert restored(lab, path, other.state).returncode == 0
    other.start_daemon()
    for run in before:
        assert other.get(run)


# ---- the deep check ----------------------------------------------------------------------------------


def deep(lab, *more):
    done = lab.cli("doctor", "--deep", "--json", *more)
    assert done.returncode in (0, 1), done
    found = {}
    for check in harness.bag_loads(done.stdout).checks:
        found.setdefault(check.name, []).append(check)
    return found


def bad(checks):
    return {name: [c.message for c in found if not c.ok] for name, found in checks.items() if any(not c.ok for c in found)}


def damage(lab, digest):
    path = os.path.join(lab.state, "objects", digest[:2], digest[2:])
    content = bytearray(open(path, "rb").read())
    content[len(content) // 2] ^= 1
    os.chmod(path, 0o600)
    with open(path, "r+b") as f:
        f.write(content)
    os.chmod(path, 0o400)


def test_the_deep_check_of_a_sound_lab_finds_nothing(lab):
    lab.add_dataset("cancer", {"a.csv": b"1\n", "b.csv": b"2\n"})
    lab.run(["sh", "-c", "echo o > /outputs/o"], code={"main.py": b"1"}, datasets=["cancer@1"])
    checks = deep(lab)
    for name in ("catalog.db", "audit", "all objects", "references", "trees"):
        assert all(c.ok for c in checks[name]), checks[name]
    assert f"all objects were read again: {len(objects(lab))} (" in checks["all objects"][0].message


def test_the_deep_check_names_what_is_damaged_and_what_refers_to_it(lab):
    lab.add_dataset("cancer", {"a.csv": b"some data\n"})
    run = lab.run(["sh", "-c", "echo out > /outputs/o"], code={"main.py": b"some code"})
    digests = {name: hashlib.sha256(text).hexdigest() for name, text in
               (("data", b"some data\n"), ("code", b"some code"), ("output", b"out\n"))}
    damage(lab, digests["data"])
    os.unlink(os.path.join(lab.state, "objects", run.code[:2], run.code[2:]))
    os.unlink(os.path.join(lab.state, "objects", digests["output"][:2], digests["output"][2:]))
    found = bad(deep(lab))
    assert "1 damaged" in (found.get("objects") or found["all objects"])[0]  # the quick look comes first
    told = "\n".join(found["references"])
    assert f"object {digests['data'][:12]}, a.csv of cancer@1: it is missing" in told, told
    assert f"object {run.code[:12]}, the manifest itself of {run.id}" in told, told
    assert f"object {digests['output'][:12]}, an output of {run.id}: it is missing" in told, told
    refused = lab.cli("gc")
    assert refused.returncode == 1 and "doctor --deep" in refused.stderr, "what the lost manifest named is not known"
    lab.put_files({"main.py": b"some code"})
    lab.put_blob(b"some data\n")
    lab.put_blob(b"out\n")
    assert set(bad(deep(lab))) <= {"damaged", "quarantine"}, "it heals"


def test_the_deep_check_reads_every_page_and_the_whole_chain(lab):
    for _ in range(3):
        lab.run(["true"])
    lab.stop_daemon()
    path = os.path.join(lab.state, "catalog.db")
    with sqlite3.connect(path) as db:
        db.execute("DROP TRIGGER audit_no_update")
        db.execute("UPDATE audit SET subject = 'x' WHERE number = 2")
        page, = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'run_by_wall'").fetchone()
    db.close()
    with open(path, "r+b") as f:
        f.seek((page - 1) * 4096 + 8)
        f.write(b"\x5a" * 200)
    for name in os.listdir(lab.state):
        if name.startswith("catalog.db"):
            os.chown(os.path.join(lab.state, name), os.stat(lab.state).st_uid, os.stat(lab.state).st_gid)
    lab.start_daemon()
    found = bad(deep(lab))
    assert "catalog.db is damaged" in found["catalog.db"][0]
    assert "broken at entry 2" in found["audit"][0]
