"""Datasets that are secured: keepers, cards, grants, the gate by each of its rules, integrity, exports.

Who calls is a uid: root is admin; MARIE keeps datasets, ANNE is a scientist of the project urgences, LUC one of the lab.
"""

import json
import os
import stat
import subprocess

import pytest
from harness import Deadline, RpcError

MARIE, ANNE, LUC = 65510, 65511, 65512


def call(lab, uid, method, **params):
    """A call by another account, by the command line's rpc."""
    words = [f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in params.items()]
    done = lab.cli("rpc", method, *words, "--json", uid=uid)
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise Refused(answer["error"])
    return answer


class Refused(Exception):
    def __init__(self, error):
        super().__init__(f"{error['kind']} {error.get('field')}: {error['message']} ({error.get('hint')})")
        self.kind, self.field, self.message, self.hint = (error.get(k) for k in ("kind", "field", "message", "hint"))


def now_us(lab):
    return int(lab.rpc("audit.list", limit=1).entries[0].time_us)


@pytest.fixture
def world(lab):
    """A lab with its people, a project, and a sealed dataset `d` that MARIE keeps and described."""
    os.chmod(lab.socket, 0o666)
    lab.rpc("project.create", code="urgences", answers={"title": {"fr": "Urgences"}, "organisation": "CIUSSS"})
    for uid, roles in ((MARIE, ("custodian", "scientist")), (LUC, ("scientist",))):
        for role in roles:
            lab.rpc("user.grant", user=str(uid), role=role)
    lab.rpc("user.grant", user=str(ANNE), role="scientist", project="urgences")
    path = os.path.join(lab.top, "d.csv")
    with open(path, "w") as f:
        f.write("a,b\n1,2\n")
    os.chmod(path, 0o644)
    added = lab.cli("dataset", "add", "d", path, "-c", "confidentiel", uid=MARIE)
    assert added.returncode == 0, added.stderr
    describe(lab, personal=False)
    return lab


def describe(lab, **answers):
    version = call(lab, MARIE, "dataset.card", name="d")["record_version"]
    return call(lab, MARIE, "dataset.describe", name="d", version=version, set=answers)


def grant(lab, days=10, uid=MARIE, **more):
    return call(lab, uid, "dataset.grant", name="d", project="urgences",
                expires_us=now_us(lab) + int(days * 86400e6), **more)


def submit(lab, uid, **more):
    return call(lab, uid, "run.submit", command=["cat", "/data/d/d.csv"], datasets=["d"],
                resources={"memory_bytes": 128 << 20, "cpus_milli": 500}, **more)["run"]


def refused(lab, uid, field, *told, **more):
    with pytest.raises(Refused) as e:
        submit(lab, uid, **more)
    assert e.value.field == field, e.value
    for text in told:
        assert text in e.value.message + " " + e.value.hint, e.value
    return e.value


def audit(lab, action):
    return [e for e in lab.rpc("audit.list", limit=500).entries if e.action == action]


# ---- the gate ----


def test_a_grant_lets_a_member_in_and_its_use_is_written(world):
    refused(world, ANNE, "dataset.grant", "has no grant", str(MARIE), project="urgences")
    g = grant(world, reason="essai")
    run = submit(world, ANNE, project="urgences")
    assert world.wait(run).verdict == "succeeded"
    used = audit(world, "dataset.use")
    assert len(used) == 1 and used[0].subject == "d@1" and used[0].actor.uid == ANNE
    detail = used[0].detail
    assert (detail.run, detail.project, detail.purpose, detail.rule, detail.grant) == (
        run, "urgences", "experimentation", "grant", g["grant"])
    assert detail.code is None and len(detail.command_sha256) == 64 and len(detail.manifest) == 64
    assert call(world, MARIE, "dataset.grants", name="d")["grants"][0]["runs"] == 1
    # Others are refused by the rule that keeps them out, and each refusal is in the audit log.
    refused(world, LUC, "role", "urgences", project="urgences")
    refused(world, LUC, "dataset.grant", "by its custodian", str(MARIE))
    refused(world, ANNE, "dataset.grant", "for experimentation", project="urgences", purpose="research")
    assert len(audit(world, "access.denied")) >= 4


def test_its_custodian_and_an_admin_need_no_grant_in_a_personal_run(world):
    assert world.wait(submit(world, MARIE)).verdict == "succeeded"
    assert world.run(["cat", "/data/d/d.csv"], datasets=["d@1"]).verdict == "succeeded"
    assert [e.detail.rule for e in audit(world, "dataset.use")] == ["admin", "custodian"]


@pytest.mark.parametrize("card, purpose, field, told", [
    ({"personal": True}, "experimentation", "dataset.pia", "names no privacy impact assessment"),
    ({"personal": True, "pia": "EFVP-1", "pia_expires": "2020-01-31"}, "experimentation", "dataset.pia", "2020-01-31"),
    ({"personal": None}, "experimentation", "dataset.personal", "does not say"),
    ({"retention": "2020-12-31"}, "experimentation", "dataset.retention", "2020-12-31"),
    ({"purposes": ["statistics"]}, "experimentation", "dataset.purpose", "does not permit"),
])
def test_what_the_card_says_is_kept_to(world, card, purpose, field, told):
    grant(world)
    describe(world, **card)
    refused(world, ANNE, field, told, str(MARIE), project="urgences")


def test_states_of_a_version_are_kept_to(world):
    grant(world)
    call(world, MARIE, "dataset.retire", name="d", version=1, reason="replaced")
    with pytest.raises(Refused, match="retired"):
        call(world, ANNE, "run.submit", command=["true"], datasets=["d@1"], project="urgences")


def test_public_data_without_personal_information_is_for_every_scientist(world):
    path = os.path.join(world.top, "open.csv")
    with open(path, "w") as f:
        f.write("1\n")
    os.chmod(path, 0o644)
    assert world.cli("dataset", "add", "open", path, "-c", "public", uid=MARIE).returncode == 0
    with pytest.raises(Refused, match="no personal information") as e:
        call(world, LUC, "run.submit", command=["true"], datasets=["open"])
    assert e.value.field == "dataset.personal"
    call(world, MARIE, "dataset.describe", name="open", version=0, set={"personal": False})
    run = call(world, LUC, "run.submit", command=["true"], datasets=["open"])["run"]
    assert world.wait(run).verdict == "succeeded"


# ---- races ----


def hold_the_lab(lab):
    """A run that takes all of the lab, so that what is submitted next waits."""
    cpus = lab.rpc("lab.info").capacity.cpus_milli
    blocker = lab.submit("sleep 60", resources={"cpus_milli": cpus})
    lab.wait_running(blocker)
    return blocker


def queue_one(lab):
    run = submit(lab, ANNE, project="urgences")
    assert lab.get(run).state == "queued"
    return run


@pytest.mark.parametrize("change", ["revoke", "retire", "expire", "role", "pia"])
def test_what_is_taken_back_meanwhile_keeps_a_queued_run_from_starting(world, change):
    g = grant(world, days=1 if change != "expire" else 4 / 86400)
    blocker = hold_the_lab(world)
    run = queue_one(world)
    if change == "revoke":
        call(world, MARIE, "dataset.revoke", grant=g["grant"], reason="ended")
    elif change == "retire":
        call(world, MARIE, "dataset.retire", name="d", version=1, reason="replaced")
    elif change == "expire":
        Deadline(20).until(lambda: not call(world, MARIE, "dataset.grants", name="d")["grants"][0]["in_force"],
                           "the grant to end")
    elif change == "role":
        world.rpc("user.revoke", user=str(ANNE), role="scientist", project="urgences")
    else:
        describe(world, personal=True)
    world.rpc("run.cancel", run=blocker)
    ended = world.wait(run)
    assert ended.verdict == "setup_failed" and ended.failed.step == "dataset_access", ended
    rule = {"revoke": "dataset.grant", "expire": "dataset.grant", "retire": "dataset.retired", "role": "dataset.role",
            "pia": "dataset.pia"}[change]
    assert ended.failed.rule == rule, ended.failed
    assert ended.failed.message == ended.reason and ended.failed.hint
    assert not audit(world, "dataset.use") and audit(world, "access.denied")[0].subject == run
    shown = world.cli("show", run, "--lang", "fr")
    assert "échu pendant l’attente" in shown.stdout, shown.stdout
    assert world.rpc("audit.verify").ok


def test_a_daemon_that_was_killed_meanwhile_asks_again_too(world):
    g = grant(world)
    blocker = hold_the_lab(world)
    run = queue_one(world)
    call(world, MARIE, "dataset.revoke", grant=g["grant"])
    world.kill_daemon()
    world.start_daemon()
    world.rpc("run.cancel", run=blocker)
    assert world.wait(run).failed.rule == "dataset.grant"


def test_a_retry_of_what_was_submitted_is_answered_after_the_grant_is_gone(world):
    g = grant(world)
    run = submit(world, ANNE, project="urgences", idempotency_key="k1")
    call(world, MARIE, "dataset.revoke", grant=g["grant"])
    assert submit(world, ANNE, project="urgences", idempotency_key="k1") == run
    refused(world, ANNE, "dataset.grant", "revoked", project="urgences", idempotency_key="k2")


# ---- keeping ----


def test_only_who_keeps_a_dataset_decides_on_it(world):
    g = grant(world)
    world.rpc("user.grant", user=str(LUC), role="custodian")
    manifest = world.rpc("dataset.get", name="d").manifest
    before = len(audit(world, "dataset.granted"))
    for method, params in (
        ("dataset.grant", dict(name="d", project="urgences", expires_us=now_us(world) + 10**9)),
        ("dataset.revoke", dict(grant=g["grant"])),
        ("dataset.describe", dict(name="d", version=1, set={"personal": False, "notes": "x"})),
        ("dataset.retire", dict(name="d", version=1, reason="x")),
        ("dataset.verify", dict(name="d", version=1)),
        ("dataset.unquarantine", dict(name="d", version=1, reason="x")),
        ("dataset.seal", dict(name="d", version=1)),
        ("dataset.hand_over", dict(name="d", to="root")),
        ("dataset.add", dict(name="d", classification="interne", manifest=manifest)),
    ):
        with pytest.raises(Refused) as e:
            call(world, LUC, method, **params)
        assert e.value.kind == "denied" and str(MARIE) in e.value.message, (method, e.value)
        assert audit(world, "access.denied")[0].subject == method
    assert len(audit(world, "dataset.granted")) == before
    assert world.rpc("dataset.get", name="d").state == "sealed"
    # Handed over, it is the other's.
    call(world, MARIE, "dataset.hand_over", name="d", to="root", reason="on leave")
    with pytest.raises(Refused, match="root"):
        grant(world)
    assert world.rpc("dataset.get", name="d").keeper.name == "root"


def test_a_change_of_a_card_from_an_old_version_is_a_conflict(world):
    call(world, MARIE, "dataset.describe", name="d", version=1, set={"notes": "one"}, reason="first")
    with pytest.raises(Refused) as e:
        call(world, MARIE, "dataset.describe", name="d", version=1, set={"notes": "two"})
    assert e.value.kind == "conflict" and "1" in e.value.message and "2" in e.value.message
    history = call(world, LUC, "dataset.history", name="d")["versions"]
    assert [v["version"] for v in history] == [2, 1] and history[0]["reason"] == "first"
    assert history[0]["differences"][0]["after"] == "one"


def test_grants_that_no_run_could_use_are_refused(world):
    with pytest.raises(Refused) as e:
        grant(world, days=2000)
    assert e.value.field == "expires_us"
    with pytest.raises(Refused) as e:
        grant(world, days=-1)
    assert e.value.field == "expires_us"
    with pytest.raises(Refused) as e:
        call(world, MARIE, "dataset.grant", name="d", project="nowhere", expires_us=now_us(world) + 10**9)
    assert e.value.kind == "not_found"
    describe(world, personal=None)
    with pytest.raises(Refused) as e:
        grant(world)
    assert e.value.field == "personal"
    first = describe(world, personal=False)
    assert first["changed"]
    expires = now_us(world) + 10**9
    made = [call(world, MARIE, "dataset.grant", name="d", project="urgences", expires_us=expires, idempotency_key="g")
            for _ in range(2)]
    assert made[0]["grant"] == made[1]["grant"] and made[1]["existed"]


# ---- integrity and rest ----


def damage(lab, content=b"a,b\n1,3\n"):
    """Changes the stored bytes of d.csv behind the lab's back."""
    sha = lab.rpc("dataset.files", name="d", version=1).files[0].sha256
    path = os.path.join(lab.state, "objects", sha[:2], sha[2:])
    with open(path, "r+b") as f:
        f.write(content)
    return path


def test_verify_finds_what_changed_and_its_custodian_is_told(world):
    whole = call(world, MARIE, "dataset.verify", name="d", version=1)
    assert whole["ok"] and whole["read_bytes"] == 8 and not whole["quarantined"]
    damage(world)
    found = world.cli("dataset", "verify", "d@1", uid=MARIE)
    assert found.returncode == 1 and "quarantine" in found.stdout and "d.csv" in found.stdout, found
    with pytest.raises(Refused, match="in quarantine"):
        call(world, MARIE, "run.submit", command=["true"], datasets=["d@1"])
    waiting = call(world, MARIE, "dataset.waiting")
    assert [q["ref"] for q in waiting["quarantined"]] == ["d@1"]
    assert not call(world, LUC, "dataset.waiting")["quarantined"]
    assert "quarantined" in world.cli("dataset", "list").stdout
    for words in (("dataset", "waiting"), ("whoami",)):
        assert "est en quarantaine" in world.cli(*words, "--lang", "fr", uid=MARIE).stdout, words
    verified = audit(world, "dataset.verified")
    assert [v.detail.ok for v in verified] == [False, True]
    # It stays there until its files are right again, and its custodian says so.
    with pytest.raises(Refused, match="stays in quarantine"):
        call(world, MARIE, "dataset.unquarantine", name="d", version=1, reason="hope")
    world.put_files({"d.csv": "a,b\n1,2\n"})
    freed = world.cli("dataset", "unquarantine", "d@1", "--reason", "restored", uid=MARIE)
    assert freed.returncode == 0, freed.stderr
    assert world.wait(submit(world, MARIE)).verdict == "succeeded"
    assert world.rpc("dataset.get", name="d", version=1).verified_us


def test_an_auditor_may_have_a_dataset_verified_and_change_nothing_else(world):
    world.rpc("user.grant", user=str(LUC), role="auditor")
    assert call(world, LUC, "dataset.verify", name="d")["ok"]
    with pytest.raises(Refused):
        call(world, LUC, "dataset.retire", name="d", version=1, reason="x")


def test_what_is_stored_is_the_labs_alone(world):
    owner = world.rpc("lab.info").lab.uid
    seen = 0
    for below in ("objects", "trees"):
        for folder, _, names in os.walk(os.path.join(world.state, below)):
            info = os.stat(folder)
            assert stat.S_IMODE(info.st_mode) == 0o700 and info.st_uid == owner, folder
            for name in names:
                info = os.lstat(os.path.join(folder, name))
                assert stat.S_IMODE(info.st_mode) == 0o400 and info.st_uid == owner, name
                seen += 1
    assert seen >= 3
    denied = subprocess.run(["setpriv", f"--reuid={MARIE}", f"--regid={MARIE}", "--clear-groups", "ls", world.state],
                            capture_output=True, text=True)
    assert denied.returncode != 0
    checks = {c.name: c.message for c in world.rpc("lab.doctor").checks}
    assert "encrypted at rest" in checks["at_rest"] or "in memory" in checks["at_rest"], checks


def test_sealing_says_how_far_it_is(lab):
    big = os.path.join(lab.top, "big")
    os.mkdir(big)
    for i in range(4):
        with open(os.path.join(big, f"{i}.bin"), "wb") as f:
            f.truncate(128 << 20)
            f.write(bytes([i]))
    assert lab.cli("dataset", "add", "big", big, "-c", "interne", "--draft").returncode == 0
    seen = []
    with lab.connect(120) as one, lab.connect(30) as other:
        number = one.send("dataset.seal", {"name": "big", "version": 1})
        while True:
            p = other.call("dataset.progress", name="big", version=1)
            if not p.under_way:
                break
            seen.append((p.done_bytes, p.total_bytes))
        assert one.answer(number).state == "sealed"
    assert all(done <= 512 << 20 for done, _ in seen) and seen == sorted(seen)
    assert not lab.rpc("dataset.progress", name="big", version=1).under_way


# ---- what differs ----


def test_diff_tells_added_removed_changed_and_moved(lab):
    lab.add_dataset("x", {"a": "1", "b": "same", "gone": "g", "old/name": "moved content"})
    lab.add_dataset("x", {"a": "2", "b": "same", "new": "n", "other/name": "moved content"})
    d = lab.rpc("dataset.diff", a="x@1", b="x@2")
    assert {c.path: c.change for c in d.changes} == {
        "a": "changed", "gone": "removed", "new": "added", "old/name": "removed", "other/name": "moved"}
    assert d.summary == {"added": 1, "removed": 2, "changed": 1, "moved": 1, "same": 1}
    seen, cursor = [], None
    while True:
        page = lab.rpc("dataset.diff", a="x@1", b="x@2", limit=2, **({"cursor": cursor} if cursor else {}))
        seen += [c.path for c in page.changes]
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == [c.path for c in d.changes]
    assert not lab.rpc("dataset.diff", a="x@1", b="x@1").changes
    with pytest.raises(RpcError, match="no dataset x@9"):
        lab.rpc("dataset.diff", a="x@1", b="x@9")
    text = lab.cli("dataset", "diff", "x@1", "x@2").stdout
    assert "was old/name" in text and "1 changed" in text, text
