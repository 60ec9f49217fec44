"""What keeps a lab: holds and collection; later backup, restore, the deep check."""

import os
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
