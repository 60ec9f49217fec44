"""Every method that writes, killed: what was acknowledged is there, what was not is there whole or not at all, and a
retry does it once.

WRITES says what each leaves in the audit log. A method that rpc.discover shows to write and that is in neither table
makes a test fail: add its row here, and its example in orchestrator/examples, which is what is called.
"""

import hashlib
import json
import os
import random
import select
import sqlite3
import tempfile

import pytest

import harness
from example_world import World
from harness import RpcError
from test_examples import NOUNS, read

SEED = int(os.environ.get("ENCLOS_SEED", "20261124"))

WRITES = {  # what it writes in the audit log
    "run.submit": "run.submitted", "run.rerun": "run.submitted", "run.cancel": "run.cancel",
    "dataset.add": "dataset.added", "dataset.seal": "dataset.sealed", "dataset.describe": "dataset.described",
    "dataset.grant": "dataset.granted", "dataset.revoke": "dataset.revoked", "dataset.retire": "dataset.retired",
    "dataset.hand_over": "dataset.handed_over", "dataset.unquarantine": "dataset.unquarantined", "env.import": "env.imported", "env.retire": "env.retired",
    "project.create": "project.created", "project.edit": "project.changed", "project.advance": "project.advanced",
    "experiment.create": "experiment.created", "experiment.edit": "experiment.changed", "lesson.add": "lesson.added", "lesson.edit": "lesson.changed",
    "user.grant": "user.granted", "user.revoke": "user.revoked", "token.create": "token.created", "token.revoke": "token.revoked",
    "hold.add": "hold.added", "hold.lift": "hold.lifted",
}
OTHERWISE = {  # what writes something else than an entry that one asks for, and where it is tried
    "blob.put": "an object: test_objects_that_were_acknowledged_are_there",
    "blob.put_chunk": "an object: the same",
    "run.watch": "nothing: a subscription ends with the daemon",
    "run.attach": "an entry for who joined; what is joined is a process: test_attach",
    "run.connect": "the same: test_loopback",
    "user.authenticate": "the day a token was used last, which may be lost: test_people",
    "dataset.verify": "an entry only when a version is found changed: test_faults",
    "dataset.quality": "a run like any other: run.submit",
    "lab.gc": "entries of what went, and it goes on where it was killed: test_a_killed_collection_loses_nothing",
    "lab.backup": "a file that is named by the client when it is whole: test_keeping",
    "lab.doctor_deep": "nothing, but what any reader of a damaged object does: test_faults",
    "catalog.changes": "nothing", "catalog.search": "nothing", "lesson.list": "nothing", "catalog.reindex": "the index of the search, from the tables: test_finding",
}
WRITING_ERRORS = {"limit", "conflict", "not_found"}  # what a row with WRITES may answer


def examples():
    return {method: example for noun in NOUNS for method, example in read(noun).items()}


def test_every_method_that_writes_has_a_row_here(shared_lab):
    document = shared_lab.rpc("rpc.discover")
    unknown = []
    for method in document["methods"]:
        errors = {e["message"] for e in method["errors"]}
        writes = WRITING_ERRORS <= errors or method["name"] == "run.cancel"
        if writes and method["name"] not in WRITES and method["name"] not in OTHERWISE:
            unknown.append(method["name"])
    assert not unknown, f"add a row to WRITES (or OTHERWISE, with where it is tried) for {unknown}"
    missing = sorted(set(WRITES) - set(examples()))
    assert not missing, f"no example in orchestrator/examples for {missing}"


def entries(lab, after):
    """What came into the audit log after entry number `after`."""
    found, cursor = [], None
    while True:
        page = lab.rpc("audit.list", limit=200, **({"cursor": cursor} if cursor else {}))
        found += [e for e in page.entries if e.number > after]
        cursor = page.next_cursor
        if not cursor or (page.entries and page.entries[-1].number <= after):
            return found


def head(lab):
    listed = lab.rpc("audit.list", limit=1).entries
    return listed[0].number if listed else 0


def prepared(lab, method):
    world = World(lab)
    world.prepare(method)
    return world, world.real(examples()[method]["params"])


def restart(lab):
    lab.kill_daemon()
    lab.start_daemon()


def written(lab, method, after):
    return [e for e in entries(lab, after) if e.action == WRITES[method] or e.action.startswith(WRITES[method] + "_")]


# What another example of its noun makes must be there: those are called first, in the order of the file.
FIRST = {"dataset.revoke": ["dataset.add", "dataset.seal", "dataset.describe", "dataset.grant"], "dataset.retire": ["dataset.add", "dataset.seal"], "run.rerun": [],
         "dataset.describe": ["dataset.add"], "dataset.hand_over": ["dataset.add"], "dataset.unquarantine": ["dataset.add", "dataset.seal"],
         "dataset.grant": ["dataset.add", "dataset.seal", "dataset.describe"], "project.advance": []}


@pytest.mark.parametrize("method", sorted(WRITES))
def test_what_was_acknowledged_is_there_after_a_kill(new_lab, method):
    lab = new_lab()
    lab.start_daemon()
    made = examples()
    for first in FIRST.get(method, []):
        try:
            World(lab).execute(first, made[first]["params"])
        except RpcError as e:
            assert e.kind == "conflict", (first, e)
    _, params = prepared(lab, method)
    before = head(lab)
    with lab.connect(60) as rpc:
        answer = rpc.call(method, **params)
        lab.kill_daemon()  # with the answer in hand
    lab.start_daemon()
    assert written(lab, method, before), f"{method} was acknowledged ({json.dumps(answer)[:200]}) and is not in the audit log"
    assert lab.rpc("audit.verify").ok
    with sqlite3.connect(f"file:{os.path.join(lab.state, 'catalog.db')}?mode=ro", uri=True) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []


KEYED = sorted(m for m in WRITES if m in ("run.submit", "dataset.add", "env.import", "project.create", "experiment.create", "lesson.add",
                                          "run.rerun", "token.create"))


@pytest.mark.parametrize("method", KEYED)
def test_a_retry_after_a_kill_at_any_moment_does_it_once(new_lab, method):
    """Sent, killed before the answer was read, sent again with the same key: one, not two and not none."""
    chance = random.Random(f"{SEED} {method}")
    lab = new_lab()
    lab.start_daemon()
    _, params = prepared(lab, method)
    before = head(lab)
    rounds = 6 if not harness.SLOW else 2
    for number in range(rounds):
        call = {**params, "idempotency_key": f"key-{number}"}
        for name in ("name", "code"):  # a name that is the example's alone would be taken by the first round
            if name in call and method in ("project.create", "experiment.create") and not (name == "code" and method != "project.create"):
                call[name] = f"{call[name]}-{number}"
        with lab.connect(30) as rpc:
            rpc.send(method, call)
            select.select([rpc.socket], [], [], chance.random() * 0.012)
            lab.kill_daemon()
        lab.start_daemon()
        first = lab.rpc(method, **call)
        again = lab.rpc(method, **call)
        shown = ("run", "ref", "lesson", "token", "code", "name")
        assert [first.get(k) for k in shown] == [again.get(k) for k in shown], "a retry is answered with what there is"
    count = len(written(lab, method, before))
    expected = rounds if method not in ("dataset.add", "env.import") else None  # the same content again is the same version
    assert count == expected if expected else 1 <= count <= rounds, f"{count} entries for {rounds} calls"
    assert lab.rpc("audit.verify").ok


def test_objects_that_were_acknowledged_are_there(lab):
    digests = []
    for n in range(10):
        content = f"object {n}\n".encode() * (n * 1000 + 1)
        with lab.connect() as rpc, tempfile.TemporaryFile() as f:
            f.write(content)
            f.flush()
            digests.append(hashlib.sha256(content).hexdigest())
            rpc.call("blob.put", sha256=digests[-1], size_bytes=len(content), fds=[f.fileno()])
            if n % 3 == 0:
                lab.kill_daemon()
        if n % 3 == 0:
            lab.start_daemon()
    assert lab.rpc("blob.missing", sha256=digests).missing == []


def test_a_killed_collection_loses_nothing(lab):
    from test_keeping import age, objects

    chance = random.Random(SEED)
    lab.add_dataset("kept", {f"{n}.csv": f"{n}\n".encode() for n in range(40)})
    needed = objects(lab)
    for round_ in range(5):
        for n in range(60):
            lab.put_blob(f"loose {round_} {n}".encode())
        age(lab)
        with lab.connect(30) as rpc:
            rpc.send("lab.gc", {"dry_run": False})
            select.select([rpc.socket], [], [], chance.random() * 0.03)
            lab.kill_daemon()
        lab.start_daemon()
        assert needed <= objects(lab)
    age(lab)
    lab.rpc("lab.gc", dry_run=False)
    assert objects(lab) == needed
    assert lab.rpc("audit.verify").ok
