"""Who may do what: every method by every role, tokens, groups, numbers given to other people, what is seen."""

import json
import os
import subprocess

import pytest

import harness
from harness import Deadline, Rpc, RpcError

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: acts as several accounts")

ROLES = ["scientist", "custodian", "reviewer", "curator", "platform", "auditor", "admin"]
NOBODY = 61000
LAB_WIDE = {role: 61001 + i for i, role in enumerate(ROLES)}
IN_PROJECT = {role: 61101 + i for i, role in enumerate(ROLES)}
NO_RUN = "r0000000000000"


def make_project(lab, code):
    answers = {"title": {"fr": code, "en": code}, "organisation": "Essais"}
    lab.rpc("project.create", code=code, answers=answers)


def grant_all(lab):
    make_project(lab, "ici")
    make_project(lab, "ailleurs")
    for role in ROLES:
        lab.grant(LAB_WIDE[role], role)
        lab.grant(IN_PROJECT[role], role, project="ici")


def value_of(schema):
    """Something that a param of that schema takes, and that is not in the lab."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"]
    if isinstance(kind, list):
        return "x"
    if kind == "string":
        pattern = schema.get("pattern", "")
        if pattern.startswith("^[0-9a-f]{64}"):
            return "0" * 64
        if pattern == "^[a-z0-9]{4,15}$":
            return NO_RUN
        return "rien"
    if kind == "integer":
        return schema["minimum"]
    if kind == "boolean":
        return False
    if kind == "array":
        return [value_of(schema["items"])] * max(1, schema.get("minItems", 0))
    return {name: value_of(s) for name, s in schema.get("properties", {}).items() if name in schema.get("required", [])}


def calls_of(document, project=None):
    """[(method, params)] for each method, valid as far as the table can tell."""
    calls = []
    for method in document.methods:
        params = {p.name: value_of(p.schema) for p in method.params if p.required}
        named = method["x-roles"].project_param
        if project and named:
            params[named] = project
        calls.append((method.name, params))
    return calls


def allowed(rights, lab_roles, project_roles=(), in_project=False):
    """What rpc.discover says."""
    if rights.anyone:
        return True
    held = set(lab_roles)
    if rights.scope == "anywhere" or (rights.scope == "project" and in_project):
        held |= set(project_roles)
    return bool(held & set(rights.roles))


def refused_for_a_role(answer):
    return isinstance(answer, RpcError) and answer.kind == "denied" and answer.field == "role"


# A handler that asks closer than the table: what it refuses by itself is tested beside it.
ASKS_CLOSER = {"user.grant", "user.revoke", "run.submit"}


def check_table(lab, uid, lab_roles=(), project_roles=(), project=None):
    document = lab.rpc("rpc.discover")
    calls = calls_of(document, project)
    answers = lab.calls_as(uid, calls)
    assert len(answers) == len(document.methods) > 45
    for method, (name, params), answer in zip(document.methods, calls, answers):
        may = allowed(method["x-roles"], lab_roles, project_roles, project == "ici")
        if may and name in ASKS_CLOSER:
            continue
        assert refused_for_a_role(answer) == (not may), (
            f"{name} {params} by lab {lab_roles} project {project_roles}: {answer}, table {method['x-roles']}")
        if not may:
            assert answer.message.startswith(f"{name} needs "), answer.message
            assert "root" in answer.hint, answer.hint


@pytest.fixture(scope="module")
def peopled(shared_lab):
    grant_all(shared_lab)
    return shared_lab


def test_the_table_says_who_may_call_each_method(peopled):
    document = peopled.rpc("rpc.discover")
    anyone = {m.name for m in document.methods if m["x-roles"].anyone}
    assert anyone == {"lab.ping", "lab.info", "rpc.discover", "rpc.unsubscribe", "user.whoami", "user.authenticate"}
    for m in document.methods:
        rights = m["x-roles"]
        assert rights.anyone or "admin" in rights.roles, m.name
        assert rights.scope in ("lab", "project", "anywhere")
        if rights.scope == "project":
            assert rights.project_param in [p.name for p in m.params], f"{m.name} has no param {rights.project_param}"
        if not rights.anyone:
            assert any(e.message == "denied" for e in m.errors)


def test_an_auditor_alone_changes_nothing(peopled):
    """By the log itself: an auditor calls everything, and the only entries are its refusals."""
    uid = LAB_WIDE["auditor"]
    peopled.rpc_as(uid, "user.whoami")
    Deadline(10).until(lambda: any(u.number == uid and u.seen_us for u in peopled.rpc("user.list", limit=500).users),
                       "the account to be noted")
    before = peopled.rpc("audit.list", limit=1).entries[0].number
    peopled.calls_as(uid, calls_of(peopled.rpc("rpc.discover")))
    since = [e for e in peopled.rpc("audit.list", limit=200).entries if e.number > before]
    assert since and {e.action for e in since} == {"access.denied"}, [(e.action, e.subject) for e in since]


@pytest.mark.parametrize("role", [None, *ROLES])
def test_each_method_by_one_lab_wide_role(peopled, role):
    check_table(peopled, LAB_WIDE[role] if role else NOBODY, [role] if role else [])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("project", [None, "ici", "ailleurs"])
def test_each_method_by_one_role_in_a_project(peopled, role, project):
    check_table(peopled, IN_PROJECT[role], [], [role], project)


def test_a_refusal_changes_nothing_and_is_written_with_a_bound(lab):
    before = lab.rpc("user.list", limit=500).users
    answers = lab.calls_as(NOBODY, [("user.grant", {"user": str(NOBODY), "role": "admin"})] * 100)
    assert all(a.kind == "denied" for a in answers)
    entries = [e for e in lab.rpc("audit.list", limit=500).entries if e.action == "access.denied"]
    assert 25 <= len(entries) <= 35, len(entries)  # 30 at once, then one a minute
    assert {e.subject for e in entries} == {"user.grant"} and {e.actor.uid for e in entries} == {NOBODY}
    assert not any(u.roles for u in lab.rpc("user.list", limit=500).users if u.number == NOBODY)
    assert [u for u in lab.rpc("user.list", limit=500).users if u.roles] == [u for u in before if u.roles]
    assert lab.rpc("audit.verify").ok


def test_an_account_without_a_role_learns_what_it_lacks(lab):
    me = lab.rpc_as(NOBODY, "user.whoami")
    assert me.roles == [] and me.projects == [] and me.admins == "root" and not me.sees_all_runs
    assert lab.rpc_as(NOBODY, "lab.ping").pong
    os.chmod(lab.top, 0o755)
    for language, words in (("en", "has no role here"), ("fr", "n’a aucun rôle ici")):
        assert words in lab.cli("whoami", "--lang", language, uid=NOBODY).stderr
    done = lab.cli("ps", uid=NOBODY, env={"LANG": "fr_CA.UTF-8"})
    assert done.returncode == 1
    assert "run.list demande un rôle, dans le laboratoire ou dans un projet" in done.stderr.replace("\u00a0", " ")
    assert "qui peut l’accorder : root" in done.stderr.replace("\u00a0", " ")


def test_whoever_starts_a_private_lab_is_its_admin(plain_lab):
    me = plain_lab.rpc_as(plain_lab.uid, "user.whoami")
    assert me.roles == ["admin"] and me.sees_all_runs
    run = plain_lab.cli("run", "--no-code", "--json", "--memory", "64M", "--", "true", uid=plain_lab.uid)
    assert run.returncode == 0, run.stderr


def test_a_grant_is_felt_at_once_by_a_connection_that_is_open(lab):
    pid_in, to_child = os.pipe()
    from_child, pid_out = os.pipe()
    os.chmod(lab.top, 0o755)
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(*[NOBODY] * 3)
            os.setresuid(*[NOBODY] * 3)
            with Rpc(lab.socket) as rpc:
                while os.read(pid_in, 1) == b"?":
                    try:
                        rpc.call("run.list")
                        os.write(pid_out, b"y")
                    except RpcError as error:
                        os.write(pid_out, b"n" if error.kind == "denied" else b"!")
        finally:
            os._exit(0)

    def may():
        os.write(to_child, b"?")
        return os.read(from_child, 1)

    try:
        assert may() == b"n"
        for _ in range(20):
            lab.grant(NOBODY, "scientist")
            assert may() == b"y"
            lab.revoke(NOBODY, "scientist")
            assert may() == b"n"
    finally:
        os.write(to_child, b".")
        os.waitpid(pid, 0)


def test_a_group_gives_its_members_its_role_and_only_while_they_are_in_it(lab):
    lab.grant(4, "scientist", kind="group")  # adm, of every Debian
    assert lab.rpc_as(NOBODY, "user.whoami", groups=[4]).roles == ["scientist"]
    assert lab.calls_as(NOBODY, [("user.whoami", {})], gid=4)[0].roles == ["scientist"]  # its own group
    assert lab.rpc_as(NOBODY, "user.whoami", groups=[5]).roles == []
    assert lab.calls_as(4, [("user.whoami", {})], gid=6)[0].roles == []  # a uid of that number is not the group
    many = lab.rpc_as(NOBODY, "user.whoami", groups=[*range(1000, 1300), 4])
    assert many.roles == ["scientist"]
    lab.revoke(4, "scientist", kind="group")
    assert lab.rpc_as(NOBODY, "user.whoami", groups=[4]).roles == []


def test_who_cannot_hold_a_role(lab):
    for params in ({"user": "65534"}, {"group": "65534"}):
        with pytest.raises(RpcError) as told:
            lab.rpc("user.grant", role="scientist", **params)
        assert told.value.kind == "invalid"
    for params, kind in (({}, "invalid"), ({"user": "1", "group": "1"}, "invalid"), ({"user": "no-such"}, "not_found"),
                         ({"group": "no-such"}, "not_found"), ({"user": "1", "project": "nowhere"}, "not_found")):
        with pytest.raises(RpcError) as told:
            lab.rpc("user.grant", role="scientist", **params)
        assert told.value.kind == kind, params
    with pytest.raises(RpcError) as told:
        lab.rpc("user.revoke", user="0", role="admin")
    assert told.value.kind == "conflict" and "last admin" in told.value.message


def test_a_lab_whose_admins_cannot_be_reached_is_given_back_to_whoever_starts_it(lab):
    lab.grant(NOBODY, "admin")
    lab.revoke(0, "admin")
    assert lab.rpc("user.whoami").roles == []
    with pytest.raises(RpcError) as told:
        lab.rpc("user.grant", user="0", role="admin")
    assert told.value.kind == "denied" and f"uid {NOBODY}" in told.value.hint
    lab.stop_daemon()
    lab.start_daemon()
    assert lab.rpc("user.whoami").roles == []  # not at every start
    lab.stop_daemon()
    lab.extra.append("--grant-admin")
    lab.start_daemon()
    assert lab.rpc("user.whoami").roles == ["admin"]
    last = next(e for e in lab.rpc("audit.list", limit=20).entries if e.action == "user.granted")
    assert last.actor.name == "lab" and last.subject == "root"


class RenamingLab(harness.Lab):
    """A lab whose /etc/passwd is a file of the test's."""

    def daemon_command(self):
        self.passwd = os.path.join(self.top, "passwd")
        return ["unshare", "--mount", "sh", "-c", f"mount --bind {self.passwd} /etc/passwd && exec \"$0\" \"$@\"",
                *super().daemon_command()]

    def call_it(self, name):
        with open("/etc/passwd") as f:
            lines = f.read()
        with open(os.path.join(self.top, "passwd"), "w") as f:  # the same file: it is mounted
            f.write(lines + f"{name}:x:61500:61500::/:/bin/sh\n")


def test_a_uid_given_to_another_person_has_nothing_of_the_first(top, install):
    lab = RenamingLab(harness.tempfile.mkdtemp(dir=top), install)
    os.chmod(lab.top, 0o755)
    lab.call_it("alice")
    try:
        lab.start_daemon()
        lab.grant("alice", "scientist")
        assert lab.rpc_as(61500, "user.whoami").name == "alice"
        run = lab.rpc_as(61500, "run.submit", command=["sleep", "600"])["run"]
        lab.call_it("bob")
        Deadline(20).until(lambda: lab.rpc_as(61500, "user.whoami").name == "bob", "the new name to be seen", 0.3)
        me = lab.rpc_as(61500, "user.whoami")
        assert me.roles == []
        lab.grant(61500, "scientist")  # bob's own
        answers = lab.calls_as(61500, [("run.get", {"run": run}), ("run.cancel", {"run": run}), ("run.logs", {"run": run}),
                                       ("run.list", {})])
        assert [getattr(a, "kind", None) for a in answers[:3]] == ["not_found"] * 3
        assert answers[3].runs == []
        # The first one's roles may still be taken back, though no account has that name any more.
        alice = next(u for u in lab.rpc("user.list").users if u.name == "alice")
        lab.rpc("user.revoke", account=alice.account, role="scientist")
        assert next(u for u in lab.rpc("user.list").users if u.name == "alice").roles == []
        lab.rpc("run.cancel", run=run)
        lab.wait(run)
    finally:
        lab.stop()


# ---- tokens ----


def make_token(lab, service="miroir", **more):
    return lab.rpc("token.create", service=service, **more)


def test_a_token_makes_a_connection_its_accounts_and_nothing_else(lab):
    lab.grant("miroir", "scientist", kind="service")
    made = make_token(lab)
    assert made.secret.startswith("encl_") and len(made.secret) == 69 and made.state == "active"
    assert made.secret not in json.dumps(lab.rpc("token.list")) + json.dumps(lab.rpc("audit.list", limit=100))
    assert made.secret not in lab.daemon_log()
    # Root is admin, but not on this connection.
    with lab.connect() as rpc:
        assert rpc.call("user.whoami").roles == ["admin"]
        assert rpc.call("user.authenticate", token=made.secret).name == "service:miroir"
        me = rpc.call("user.whoami")
        assert me.name == "service:miroir" and me.roles == ["scientist"] and me.uid < -1000
        with pytest.raises(RpcError) as told:
            rpc.call("user.grant", user="1", role="admin")
        assert told.value.kind == "denied"
        run = rpc.call("run.submit", command=["true"])["run"]
        assert lab.wait(run).actor.name == "service:miroir"
        assert [r.id for r in rpc.call("run.list").runs] == [run]
    # An account without a role may use it; without it, it may not.
    assert lab.rpc_as(NOBODY, "run.get", token=made.secret, run=run).id == run
    with pytest.raises(RpcError) as told:
        lab.rpc_as(NOBODY, "run.get", run=run)
    assert told.value.kind == "denied"


def test_a_revoked_token_ends_in_connections_that_are_open(lab):
    lab.grant("miroir", "scientist", kind="service")
    made = make_token(lab)
    with lab.connect() as rpc:
        rpc.call("user.authenticate", token=made.secret)
        rpc.call("run.list")
        lab.rpc("token.revoke", token=made.token)
        with pytest.raises(RpcError) as told:
            rpc.call("run.list")
        assert told.value.kind == "denied" and "revoked" in told.value.message
    with pytest.raises(RpcError) as told:
        lab.rpc_as(NOBODY, "user.whoami", token=made.secret)
    assert told.value.kind == "denied"
    # And so does one whose account lost its role.
    other = make_token(lab)
    with lab.connect() as rpc:
        rpc.call("user.authenticate", token=other.secret)
        rpc.call("run.list")
        lab.revoke("miroir", "scientist", kind="service")
        with pytest.raises(RpcError) as told:
            rpc.call("run.list")
        assert told.value.kind == "denied"


def test_a_revoked_token_ends_what_its_connection_watches(lab):
    lab.grant("miroir", "scientist", kind="service")
    made = make_token(lab)
    with lab.connect() as rpc:
        rpc.call("user.authenticate", token=made.secret)
        run = rpc.call("run.submit", command=["sh", "-c", "while :; do echo tick; sleep 0.1; done"]).run
        waits = rpc.send("run.wait", {"run": run, "timeout_ms": 60000})
        rpc.call("run.watch", run=run)
        while rpc.notification().params.type != "stdout":
            pass
        lab.rpc("token.revoke", token=made.token)
        while (last := rpc.notification().params).type != "finished":
            pass
        assert last.run is None and "may not see" in last.error, last
        lab.rpc("run.cancel", run=run)
        with pytest.raises(RpcError) as told:
            rpc.answer(waits, 30)
        assert told.value.kind == "not_found" and "no role" in told.value.message


def test_a_token_of_one_project_sees_nothing_of_its_account_s_runs_elsewhere(lab):
    for code in ("ici", "ailleurs"):
        make_project(lab, code)
        lab.grant("miroir", "scientist", project=code, kind="service")
    lab.grant("miroir", "scientist", kind="service")
    whole, scoped = make_token(lab), make_token(lab, project="ici")
    runs = {code: lab.rpc_as(NOBODY, "run.submit", token=whole.secret, command=["echo", f"dit {code}"], name=f"nom {code}",
                             **({"project": code} if code != "perso" else {}))["run"] for code in ("ici", "ailleurs", "perso")}
    for run in runs.values():
        lab.wait(run)
    assert lab.rpc_as(NOBODY, "run.get", token=scoped.secret, run=runs["ici"]).id == runs["ici"]
    for elsewhere in (runs["ailleurs"], runs["perso"]):
        assert lab.rpc_as(NOBODY, "run.get", token=whole.secret, run=elsewhere).id == elsewhere
        for method, more in (("run.get", {}), ("run.logs", {}), ("run.outputs", {}), ("run.watch", {}), ("run.rerun", {}),
                             ("run.cancel", {}), ("lineage.get", {}), ("run.diff", {"other": runs["ici"]})):
            with pytest.raises(RpcError) as told:
                lab.rpc_as(NOBODY, method, token=scoped.secret, run=elsewhere, **more)
            assert told.value.kind == "not_found", (method, told.value)
    assert [r.id for r in lab.rpc_as(NOBODY, "run.list", token=scoped.secret).runs] == [runs["ici"]]
    assert [h.id for h in lab.rpc_as(NOBODY, "catalog.search", token=scoped.secret, text="nom", noun="run").hits] == [runs["ici"]]
    told = lab.rpc_as(NOBODY, "catalog.changes", token=scoped.secret, limit=500).changes
    assert {c.id for c in told if c.noun == "run"} == {runs["ici"]}


def test_a_hold_is_lifted_by_who_made_it_or_a_curator(lab):
    keeper, other, curator = 61401, 61402, 61403
    for uid in (keeper, other):
        lab.grant(uid, "custodian")
    lab.grant(curator, "curator")
    lab.add_dataset("garde", {"a.csv": b"x\n1\n"})
    hold = lambda uid: lab.rpc_as(uid, "hold.add", subject="garde@1", reason="a lawsuit")
    lift = lambda uid: lab.rpc_as(uid, "hold.lift", subject="garde@1", reason="over")
    hold(keeper)
    with pytest.raises(RpcError) as told:
        lift(other)
    assert told.value.kind == "denied" and "may not lift" in told.value.message
    assert lab.rpc("audit.list", action="access.denied", limit=1).entries[0].subject == "hold.lift"
    assert lift(keeper).subject == "garde@1"
    hold(other)
    assert lift(curator).subject == "garde@1"
    assert lab.rpc("hold.list").holds == []


def test_neither_a_rank_nor_a_hold_tells_of_runs_that_one_does_not_see(lab):
    lab.grant(NOBODY, "scientist")
    lab.grant(NOBODY, "custodian")
    mine = lab.rpc_as(NOBODY, "run.submit", command=["true"], name="zorglub")["run"]
    ranks = lambda uid: [h.rank for h in lab.rpc_as(uid, "catalog.search", text="zorglub", noun="run").hits]
    before, whole = ranks(NOBODY), ranks(0)
    theirs = lab.rpc("run.submit", command=["true"], name="zorglub")["run"]
    assert ranks(NOBODY) == before and ranks(0)[-1] not in whole
    lab.rpc("hold.add", subject=theirs, reason="a lawsuit")
    lab.rpc("hold.add", subject=mine, reason="another")
    assert [h.subject for h in lab.rpc_as(NOBODY, "hold.list").holds] == [mine]
    assert {h.subject for h in lab.rpc("hold.list").holds} == {mine, theirs}


def test_an_expired_token_is_worth_nothing(lab):
    lab.grant("miroir", "scientist", kind="service")
    made = make_token(lab, days=1)
    lab.stop_daemon()
    subprocess.run(["sqlite3", os.path.join(lab.state, "catalog.db"),
                    f"UPDATE token SET expires_us = {int(harness.time.time() * 1e6) + 3_000_000}"], check=True)
    lab.start_daemon()
    with lab.connect() as rpc:
        rpc.call("user.authenticate", token=made.secret)
        rpc.call("run.list")

        def ended():
            try:
                rpc.call("run.list")
            except RpcError as error:
                assert error.kind == "denied" and "expired" in error.message
                return True

        Deadline(10).until(ended, "the token to expire in an open connection", 0.1)
    with pytest.raises(RpcError) as told:
        lab.rpc_as(NOBODY, "user.whoami", token=made.secret)
    assert told.value.kind == "denied" and "expired" in told.value.message


def test_a_token_that_expires_ends_what_its_connection_watches(new_lab):
    lab = new_lab(extra=["--tidy-every", "1s"])
    lab.start_daemon()
    lab.grant("miroir", "scientist", kind="service")
    made = make_token(lab, days=1)
    lab.stop_daemon()
    subprocess.run(["sqlite3", os.path.join(lab.state, "catalog.db"),
                    f"UPDATE token SET expires_us = {int(harness.time.time() * 1e6) + 4_000_000}"], check=True)
    lab.start_daemon()
    with lab.connect() as rpc:
        rpc.call("user.authenticate", token=made.secret)
        run = rpc.call("run.submit", command=["sh", "-c", "while :; do echo tick; sleep 0.2; done"]).run
        rpc.call("run.watch", run=run)
        while (last := rpc.notification().params).type != "finished":
            pass
        assert last.run is None and "may not see" in last.error, last
    lab.rpc("run.cancel", run=run)


def test_what_is_no_token_is_refused_and_written(lab):
    for text in ("x", "encl_" + "0" * 64, "encl_" + "Z" * 64, "' OR 1=1 --"):
        with pytest.raises(RpcError) as told:
            lab.rpc_as(NOBODY, "user.whoami", token=text)
        assert told.value.kind == "denied"
    entries = [e for e in lab.rpc("audit.list", limit=50).entries if e.subject == "user.authenticate"]
    assert len(entries) == 4 and not any("0000" in json.dumps(e.detail) for e in entries)


def test_a_token_is_narrowed_to_roles_and_to_a_project(lab):
    make_project(lab, "ici")
    lab.grant("miroir", "scientist", kind="service")
    lab.grant("miroir", "curator", kind="service")
    narrow = make_token(lab, roles=["scientist"])
    here = make_token(lab, project="ici")
    assert lab.rpc_as(NOBODY, "user.whoami", token=narrow.secret).roles == ["scientist"]
    me = lab.rpc_as(NOBODY, "user.whoami", token=here.secret)
    assert me.roles == [] and [(p.project, p.roles) for p in me.projects] == [("ici", ["scientist", "curator"])]
    with pytest.raises(RpcError) as told:
        make_token(lab, roles=["admin"])
    assert told.value.kind == "conflict" and "admin" in told.value.message


def test_the_command_line_takes_a_token_from_a_file_or_the_environment(lab):
    lab.grant("miroir", "scientist", kind="service")
    os.chmod(lab.top, 0o755)
    made = lab.cli("token", "create", "miroir", "--title", "portail")
    secret = made.stdout.strip()
    assert secret.startswith("encl_") and "not shown again" in made.stderr
    path = os.path.join(lab.top, "token")
    with open(path, "w") as f:
        f.write(secret + "\n")
    os.chmod(path, 0o644)
    done = lab.cli("whoami", "--token-file", path)
    assert done.returncode == 1 and "may be read by others" in done.stderr
    os.chmod(path, 0o600)
    assert lab.cli_json("whoami", "--token-file", path).name == "service:miroir"
    assert lab.cli_json("whoami", uid=NOBODY, env={"ENCLOS_TOKEN": secret}).name == "service:miroir"
    run = lab.cli("run", "--no-code", "--memory", "64M", "--token-file", path, "--", "sh", "-c", "env | grep -c encl_")
    assert run.stdout.strip() == "0", "the token is in the run's environment"
    assert secret not in lab.cli("token", "list").stdout


# ---- what is seen ----


def test_runs_are_seen_by_their_owner_their_project_and_those_who_see_all(lab):
    make_project(lab, "ici")
    own, other, member, reviewer, curator, chief = 61201, 61202, 61203, 61204, 61205, 61206
    for uid in (own, other, member):
        lab.grant(uid, "scientist")
    lab.grant(own, "scientist", project="ici")
    lab.grant(member, "reviewer", project="ici")
    lab.grant(reviewer, "reviewer")
    lab.grant(curator, "curator")
    lab.grant(chief, "admin", project="ici")
    slow = {"command": ["sh", "-c", "echo said; echo '{\"metric\":\"m\",\"value\":1}' >&$ENCLOS_METRICS_FD; sleep 600"],
            "resources": {"memory_bytes": 64 << 20, "cpus_milli": 100}}
    personal = lab.rpc_as(own, "run.submit", **slow)["run"]
    shared = lab.rpc_as(own, "run.submit", project="ici", **slow)["run"]
    for run in (personal, shared):
        lab.wait_running(run)
    reading = lambda run: [("run.get", {"run": run}), ("run.logs", {"run": run}), ("run.metrics", {"run": run}),
                           ("run.outputs", {"run": run}), ("run.connections", {"run": run}), ("run.watch", {"run": run}),
                           ("run.wait", {"run": run, "timeout_ms": 0}), ("run.get", {"run": run[:12]})]
    sees = {own: (True, True), other: (False, False), member: (False, True), reviewer: (False, False),
            curator: (True, True), chief: (False, True), LAB_WIDE["auditor"]: (False, False)}
    for uid, expected in sees.items():
        for run, may in zip((personal, shared), expected):
            if uid == LAB_WIDE["auditor"]:
                continue
            kinds = {getattr(a, "kind", "seen") for a in lab.calls_as(uid, reading(run))}
            assert kinds == ({"seen"} if may else {"not_found"}), (uid, run, kinds)
        if uid != LAB_WIDE["auditor"]:
            listed = {r.id for r in lab.rpc_as(uid, "run.list").runs}
            assert listed == {r for r, may in zip((personal, shared), expected) if may}
            listed = {r.id for r in lab.rpc_as(uid, "run.list", state="running").runs}
            assert listed == {r for r, may in zip((personal, shared), expected) if may}
    # Joining is its owner's alone, seen or not.
    with pytest.raises(RpcError) as told:
        lab.rpc("run.attach", run=personal, rows=24, cols=80)
    assert told.value.kind == "conflict"  # it is no shell; root sees it
    # Cancelling: not by who sees it only.
    cancel = lambda uid, run: getattr(lab.calls_as(uid, [("run.cancel", {"run": run}), ("lab.ping", {})])[0], "kind", "done")
    assert cancel(other, personal) == "not_found"
    assert cancel(member, shared) == "denied"  # a reviewer there, a scientist elsewhere
    assert cancel(chief, personal) == "not_found"
    assert cancel(chief, shared) == "done"
    assert cancel(curator, personal) == "done"
    for run in (personal, shared):
        assert lab.wait(run).verdict == "cancelled"


def test_who_is_taken_out_of_a_project_sees_no_more_of_a_run_that_is_watched(lab):
    make_project(lab, "ici")
    member = 61203
    lab.grant(member, "reviewer", project="ici")
    run = lab.rpc("run.submit", project="ici", command=["sh", "-c", "while :; do echo tick; sleep 0.05; done"],
                  resources={"memory_bytes": 64 << 20, "cpus_milli": 100})["run"]
    lab.wait_running(run)
    os.chmod(lab.top, 0o755)
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        last = b""
        try:
            os.setgroups([])
            os.setresgid(*[member] * 3)
            os.setresuid(*[member] * 3)
            with Rpc(lab.socket, 30) as rpc:
                rpc.call("run.watch", run=run)
                os.write(theirs, b"w")
                while True:
                    note = rpc.read_line(30)
                    if note.params.type == "finished":
                        last = (note.params.get("error") or "no error").encode()
                        break
                waited = rpc.send("run.wait", {"run": run, "timeout_ms": 0})
                while True:
                    note = rpc.read_line(30)
                    if note.get("id") == waited:
                        last += b"|" + note.error.data.kind.encode()
                        break
        except BaseException as error:
            last = repr(error).encode()
        finally:
            os.write(theirs, last)
            os._exit(0)
    os.close(theirs)
    assert os.read(ours, 1) == b"w"
    lab.revoke(member, "reviewer", project="ici")
    said = b""
    while part := os.read(ours, 1000):
        said += part
    os.waitpid(pid, 0)
    assert b"may not see run" in said and said.endswith(b"|denied"), said
    lab.rpc("run.cancel", run=run)


def test_who_waits_for_a_run_and_may_not_see_it_any_more_is_not_told_how_it_ended(lab):
    make_project(lab, "ici")
    member = 61203
    lab.grant(member, "reviewer", project="ici")
    lab.grant(member, "scientist")
    run = lab.rpc("run.submit", project="ici", command=["sleep", "600"],
                  resources={"memory_bytes": 64 << 20, "cpus_milli": 100})["run"]
    os.chmod(lab.top, 0o755)
    ours, theirs = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresuid(*[member] * 3)
            with Rpc(lab.socket, 30) as rpc:
                number = rpc.send("run.wait", {"run": run, "timeout_ms": 60000})
                rpc.call("lab.ping")
                rpc.call("run.get", run=run)
                os.write(theirs, b"w")
                rpc.answer(number, 30)
                os.write(theirs, b"told")
        except RpcError as error:
            os.write(theirs, error.kind.encode())
        finally:
            os._exit(0)
    os.close(theirs)
    assert os.read(ours, 1) == b"w"
    lab.revoke(member, "reviewer", project="ici")
    lab.rpc("run.cancel", run=run)
    assert os.read(ours, 100) == b"not_found"
    os.waitpid(pid, 0)


def test_a_run_that_one_may_not_see_is_as_if_it_were_not_there_whatever_the_method(lab):
    """Every method, asked of a run that is another's: as of one that does not exist, and no answer has its id."""
    stranger, owner = 61301, 61302
    make_project(lab, "ici")
    lab.grant(stranger, "scientist")
    lab.grant(stranger, "custodian")
    lab.grant(owner, "scientist")
    lab.grant(owner, "scientist", project="ici")
    lab.grant(owner, "custodian")
    data = lab.add_dataset("partage", {"a.csv": "x\n1\n"}, classification="public")
    lab.rpc("dataset.describe", name="partage", set={"personal": False})
    run = lab.rpc_as(owner, "run.submit", name="introuvable zygomatique", datasets=[data], tags={"zygomatique": "oui"},
                     command=["sh", "-c", "echo zygomatique > /outputs/zygomatique.txt; exit 3"],
                     resources={"memory_bytes": 64 << 20, "cpus_milli": 100})["run"]
    shared = lab.rpc_as(owner, "run.submit", project="ici", command=["true"], datasets=[data],
                        resources={"memory_bytes": 64 << 20, "cpus_milli": 100})["run"]
    assert lab.wait(run).verdict == "failed"
    lab.wait(shared)
    artifact = lab.rpc("run.outputs", run=run).artifacts[0].sha256
    document = lab.rpc("rpc.discover")
    hidden, absent = [], []
    for m in document.methods:
        params = {p.name: value_of(p.schema) for p in m.params if p.required}
        for p in m.params:
            if p.schema.get("pattern") == "^[a-z0-9]{4,15}$":
                hidden.append((m.name, {**params, p.name: run}))
                absent.append((m.name, {**params, p.name: NO_RUN}))
    assert len(hidden) >= 12
    for (name, _), there, gone in zip(hidden, lab.calls_as(stranger, hidden), lab.calls_as(stranger, absent)):
        if not isinstance(there, RpcError):  # a method that only notes it, as blob.missing would
            assert not isinstance(gone, RpcError) and json.dumps(there) == json.dumps(gone), name
            continue
        assert there.kind in ("not_found", "denied", "invalid") and there.kind == gone.kind, (name, there, gone)
        assert there.message.replace(run, "R").replace(NO_RUN, "R") == gone.message.replace(NO_RUN, "R"), (name, there, gone)
    # What lists, searches, feeds and graphs say to a stranger.
    asked = [(m.name, {p.name: value_of(p.schema) for p in m.params if p.required}) for m in document.methods]
    asked += [("catalog.search", {"text": "zygomatique"}), ("catalog.search", {"text": run}),
              ("catalog.changes", {}), ("run.list", {"filter": "tags.zygomatique = 'oui'"}),
              ("run.list", {"filter": f"attributes.run_id = '{run}'"}), ("run.list", {"state": "finished"}),
              ("dataset.get", {"name": "partage"}), ("dataset.card", {"name": "partage"}),
              ("lineage.get", {"dataset": data, "direction": "after", "depth": 5}), ("lineage.get", {"sha256": artifact}),
              ("project.get", {"code": "ici"}), ("experiment.list", {"project": "ici"})]
    for (name, params), answer in zip(asked, lab.calls_as(stranger, asked)):
        if isinstance(answer, RpcError):
            continue
        text = json.dumps(answer, ensure_ascii=False)
        for secret in (run, shared, "zygomatique", artifact):
            if secret in json.dumps(params):
                continue
            assert secret not in text, f"{name} {params} tells of {secret}: {text[:600]}"
    # Its owner and an auditor find it by the same questions.
    found = json.dumps(lab.rpc_as(owner, "catalog.search", text="zygomatique"))
    assert run in found
    assert run in json.dumps(lab.rpc("lineage.get", dataset=data, direction="after"))
