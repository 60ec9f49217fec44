"""Where a run comes from and what it led to: seed, commit, machine; rerun, diff, lineage, export."""

import itertools
import json
import os
import shutil
import subprocess
import time

import pytest

from harness import Deadline, RpcError

WRITES = ["sh", "-c", "echo seed $ENCLOS_SEED > /outputs/seed.txt; echo same > /outputs/same.txt"]


def git(folder, *arguments, **env):
    subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments], cwd=folder, check=True,
                   capture_output=True, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **env})
    return subprocess.run(["git", "rev-parse", "HEAD"], cwd=folder, capture_output=True, text=True).stdout.strip()


def repository(lab, name, **files):
    folder = os.path.join(lab.top, name)
    os.makedirs(folder)
    write(folder, **(files or {"a_dot_txt": "one\n"}))
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    return folder, git(folder, "commit", "-q", "-m", "first")


def write(folder, **files):
    for file, text in files.items():
        with open(os.path.join(folder, file.replace("_dot_", ".")), "w") as f:
            f.write(text)


def submitted_from(lab, folder, *options):
    done = lab.cli("run", "--detach", *options, "--", "true", cwd=folder)
    assert done.returncode == 0, done.stderr
    return lab.wait(done.stdout.strip())


# ---- what a run knows of itself --------------------------------------------------------------------


def test_a_seed_is_chosen_recorded_and_given(shared_lab):
    run = shared_lab.run(["sh", "-c", "echo $ENCLOS_SEED"])
    assert 0 <= run.seed <= 2**32 - 1 and run.seed_chosen is True
    assert shared_lab.log(run.id).decode().strip() == str(run.seed)
    other = shared_lab.run(["sh", "-c", "echo $ENCLOS_SEED"])
    assert other.seed != run.seed


def test_python_asks_for_the_seed(shared_lab):
    run = shared_lab.run(["python3", "-c", "import enclos; print(enclos.seed(7))"], profile="python", seed=12)
    assert shared_lab.log(run.id).strip() == b"12"


def test_a_warm_run_has_its_own_seed(shared_lab):
    def warm_run(seed):
        run = shared_lab.run(["python3", "-c", "import enclos; print(enclos.seed(7))"], profile="python", seed=seed, warm=True)
        assert shared_lab.log(run.id).strip() == str(seed).encode()
        return run.sandbox.warm.warm

    seeds = itertools.count(20)
    Deadline(30).until(lambda: warm_run(next(seeds)), "a run to start warm", 0.2)
    assert warm_run(4294967295)


def test_a_seed_that_was_asked_for_is_given(shared_lab):
    done = shared_lab.cli("run", "--no-code", "--seed", "42", "--", "sh", "-c", "echo $ENCLOS_SEED")
    assert done.stdout == "42\n", (done.stdout, done.stderr)
    run = shared_lab.rpc("run.list", limit=1).runs[0]
    full = shared_lab.get(run.id)
    assert (full.seed, full.seed_chosen) == (42, False)
    for bad in ("-1", "4294967296", "x"):
        assert shared_lab.cli("run", "--no-code", "--seed", bad, "--", "true").returncode == 2
    with pytest.raises(RpcError) as refused:
        shared_lab.submit("true", seed=-1)
    assert refused.value.kind == "invalid"
    with pytest.raises(RpcError):
        shared_lab.submit("true", env={"ENCLOS_SEED": "1"})


def test_the_machine_and_the_digests_are_recorded(shared_lab):
    run = shared_lab.run("true")
    host = run.host
    assert host.kernel.release == os.uname().release and host.hostname == os.uname().nodename
    assert host.cpus == os.cpu_count() and host.memory_bytes > 2**28
    assert len(run.profile_digest) == 16 and len(run.sandbox.filter) == 16
    shown = shared_lab.cli("show", run.id).stdout
    assert host.kernel.release in shown and run.profile_digest in shown and str(run.seed) in shown


def test_the_commit_of_the_code_is_recorded(shared_lab):
    folder, commit = repository(shared_lab, "repo")
    run = submitted_from(shared_lab, folder)
    assert run.git == {"commit": commit, "branch": "main", "dirty": False}
    write(folder, a_dot_txt="two\n")
    assert submitted_from(shared_lab, folder).git == {"commit": commit, "branch": "main", "dirty": True}
    git(folder, "add", ".")
    assert submitted_from(shared_lab, folder).git.dirty is True, "what is staged only is not in the commit"
    second = git(folder, "commit", "-q", "-m", "second")
    git(folder, "pack-refs", "--all")
    git(folder, "gc", "-q")
    assert submitted_from(shared_lab, folder).git == {"commit": second, "branch": "main", "dirty": False}
    git(folder, "checkout", "-q", "--detach", commit)
    assert submitted_from(shared_lab, folder).git == {"commit": commit, "branch": None, "dirty": False}
    below = os.path.join(folder, "below")
    os.makedirs(below)
    write(below, b_dot_txt="new\n")
    assert submitted_from(shared_lab, below).git == {"commit": commit, "branch": None, "dirty": True}
    write(folder, _dot_gitignore="below\n")
    git(folder, "add", ".gitignore")
    third = git(folder, "commit", "-q", "-m", "third")
    assert submitted_from(shared_lab, folder).git == {"commit": third, "branch": None, "dirty": False}
    elsewhere = os.path.join(shared_lab.top, "worktree")
    git(folder, "worktree", "add", "-q", "-b", "side", elsewhere)
    assert submitted_from(shared_lab, elsewhere).git == {"commit": third, "branch": "side", "dirty": False}
    assert "side" in shared_lab.cli("show", shared_lab.rpc("run.list", limit=1).runs[0].id).stdout


def test_nothing_of_a_repository_is_executed(shared_lab):
    folder, commit = repository(shared_lab, "hostile", a_dot_txt="one\n", _dot_gitattributes="*.txt filter=evil diff=evil\n")
    mark = os.path.join(shared_lab.top, "executed")
    program = os.path.join(folder, ".git", "evil.sh")
    with open(program, "w") as f:
        f.write(f"#!/bin/sh\necho $0 $* >> {mark}\ncat\n")
    os.chmod(program, 0o755)
    for hook in ("post-index-change", "post-checkout", "pre-commit", "fsmonitor-watchman", "reference-transaction"):
        os.symlink(program, os.path.join(folder, ".git", "hooks", hook))
    with open(os.path.join(folder, ".git", "config"), "a") as f:
        f.write(f'[core]\n\tfsmonitor = {program}\n\thooksPath = {os.path.dirname(program)}\n\tpager = {program}\n'
                f'\tsshCommand = {program}\n[filter "evil"]\n\tclean = {program}\n\tprocess = {program}\n\trequired = true\n'
                f'[diff "evil"]\n\tcommand = {program}\n\ttextconv = {program}\n[alias]\n\tstatus = !{program}\n')
    time.sleep(0.01)
    os.utime(os.path.join(folder, "a.txt"))  # its dates say nothing any more: git must read it
    before = sorted(os.listdir(os.path.join(folder, ".git")))
    run = submitted_from(shared_lab, folder)
    assert run.git.commit == commit
    assert not os.path.exists(mark), open(mark).read()
    assert sorted(os.listdir(os.path.join(folder, ".git"))) == before
    subprocess.run(["git", "status"], cwd=folder, capture_output=True)
    assert os.path.exists(mark), "the test's own traps do not work"


def test_a_repository_that_is_none_stops_no_run(shared_lab):
    folder = os.path.join(shared_lab.top, "strange")
    os.makedirs(os.path.join(folder, ".git"))
    write(folder, a_dot_txt="x\n")
    head = os.path.join(folder, ".git", "HEAD")
    os.mkfifo(head)
    assert submitted_from(shared_lab, folder).git is None
    os.remove(head)
    for text in ("ref: ../../../etc/passwd\n", "ref: refs/heads/../../x\n", "x" * 5000, "\0\n", "ref: refs/heads/none\n"):
        with open(head, "w") as f:
            f.write(text)
        assert submitted_from(shared_lab, folder).git is None


def test_ps_marks_runs_with_something_to_say(shared_lab):
    good = shared_lab.run("true")
    bad = shared_lab.run(["sh", "-c", 'echo "{}" >&$ENCLOS_METRICS_FD; ln -s x /outputs/link'])
    listed = {r.id: r.warned for r in shared_lab.rpc("run.list").runs}
    assert listed[good.id] is False and listed[bad.id] is True
    done = shared_lab.cli("ps")
    line = {row.split()[0]: row for row in done.stdout.splitlines()[1:]}
    assert " !" in line[bad.id] and " !" not in line[good.id], done.stdout
    assert "enclos show RUN" in done.stderr
    assert "enclos show EXÉCUTION" in shared_lab.cli("ps", "--lang", "fr").stderr


# ---- run it again ----------------------------------------------------------------------------------


def test_a_rerun_is_the_same_request(shared_lab):
    ref = shared_lab.add_dataset("again", {"data.csv": "a\n1\n"})
    first = shared_lab.run(WRITES, code={"train.py": "print(1)\n"}, datasets=[ref], params={"k": "5"}, tags={"t": "1"},
                           env={"WHO": "me"}, name="essai", resources={"wall_ms": 60000})
    done = shared_lab.rpc("run.rerun", run=first.id)
    assert done.rerun_of == first.id
    again = shared_lab.wait(done.run)
    for key in ("command", "code", "params", "tags", "env", "seed", "profile", "profile_digest", "environment", "resources",
                "limits", "name", "datasets", "priority", "verdict"):
        assert again[key] == first[key], key
    assert again.rerun_of == first.id and again.seed_chosen is False
    assert {a.path: a.sha256 for a in again.artifacts} == {a.path: a.sha256 for a in first.artifacts}
    entry = [x for x in shared_lab.rpc("audit.list", limit=50).entries if x.subject == again.id and x.action == "run.submitted"]
    assert entry[0].detail.rerun_of == first.id


def test_params_that_a_run_logged_itself_are_not_asked_for_again(shared_lab):
    first = shared_lab.run(["sh", "-c", 'echo "{\\"param\\":\\"when\\",\\"value\\":\\"$(date +%N)\\"}" >&$ENCLOS_METRICS_FD'],
                           params={"given": "1"})
    assert set(first.params) == {"given", "when"}
    again = shared_lab.wait(shared_lab.rpc("run.rerun", run=first.id).run)
    assert again.bad_metrics == 0 and again.params.given == "1" and again.params.when != first.params.when


def test_a_rerun_is_safe_to_retry(shared_lab):
    first = shared_lab.run("true")
    one = shared_lab.rpc("run.rerun", run=first.id, idempotency_key="again-1")
    two = shared_lab.rpc("run.rerun", run=first.id, idempotency_key="again-1")
    assert one.run == two.run and two.existed is True and one.existed is False
    with pytest.raises(RpcError) as refused:
        shared_lab.rpc("run.rerun", run=first.id, seed=7, idempotency_key="again-1")
    assert refused.value.kind == "conflict"


def test_what_cannot_be_the_same_is_refused(lab):
    with pytest.raises(RpcError) as refused:
        lab.rpc("run.rerun", run="rzzzzzzzzz")
    assert refused.value.kind == "not_found"
    shell = lab.run(["true"], interactive={"kind": "shell"})
    with pytest.raises(RpcError) as refused:
        lab.rpc("run.rerun", run=shell.id)
    assert refused.value.kind == "invalid" and "shell" in str(refused.value)
    first = lab.run("true", code={"a.txt": "once\n"})
    path = os.path.join(lab.state, "objects", first.code[:2], first.code[2:])
    os.rename(path, path + ".gone")
    with pytest.raises(RpcError) as refused:
        lab.rpc("run.rerun", run=first.id)
    assert refused.value.kind == "not_found" and refused.value.field == "code"
    os.rename(path + ".gone", path)
    lab.wait(lab.rpc("run.rerun", run=first.id).run)


def test_a_changed_profile_is_refused_unless_accepted(new_lab):
    lab = new_lab()
    folder = os.path.join(lab.top, "profiles")
    shutil.copytree(os.path.join(lab.install, "share", "enclos", "sandbox-profiles"), folder)
    lab.extra += ["--profiles", folder]
    lab.start_daemon()
    first = lab.run("true")
    base = os.path.join(folder, "base.jsonc")
    with open(base) as f:
        text = f.read()
    with open(base, "w") as f:
        f.write("// a comment is no change\n" + text)
    lab.wait(lab.rpc("run.rerun", run=first.id).run)
    with open(base, "w") as f:
        f.write(text.replace('"title": "', '"title": "Another ', 1))
    with pytest.raises(RpcError) as refused:
        lab.rpc("run.rerun", run=first.id)
    assert refused.value.kind == "conflict" and refused.value.field == "profile" and first.profile_digest in str(refused.value)
    again = lab.wait(lab.rpc("run.rerun", run=first.id, allow_changed_profile=True).run)
    assert again.verdict == "succeeded" and again.profile_digest != first.profile_digest


def test_rerun_verify_says_what_is_identical(shared_lab):
    first = shared_lab.run(["sh", "-c", "echo seed $ENCLOS_SEED > /outputs/seed.txt; mkdir /outputs/d; echo x > /outputs/d/x"])
    done = shared_lab.cli("rerun", "--verify", first.id)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert "byte for byte" in done.stdout and done.stdout.count("identical") == 3 and "d/x" in done.stdout
    document = shared_lab.cli_json("rerun", "--verify", first.id)
    assert document.reproduced is True and document.run.rerun_of == first.id
    assert {f.path: f.state for f in document.diff.outputs.files} == {"seed.txt": "identical", "d/x": "identical"}
    other = shared_lab.cli("rerun", "--verify", "--seed", "3", "--json", first.id)
    document = json.loads(other.stdout)
    assert other.returncode == 1 and document["reproduced"] is False
    assert {f["path"]: f["state"] for f in document["diff"]["outputs"]["files"]} == {"seed.txt": "different", "d/x": "identical"}
    assert [(d["aspect"], d["b"]) for d in document["diff"]["differences"]] == [("seed", 3)]


def test_rerun_verify_says_what_is_missing_new_and_ended_otherwise(shared_lab):
    # What it leaves hangs on its own id, which no rerun has.
    first = shared_lab.run(["sh", "-c", "echo > /outputs/$ENCLOS_RUN; echo same > /outputs/same"])
    done = shared_lab.cli("rerun", "--verify", first.id, "--lang", "fr")
    assert done.returncode == 1
    run = shared_lab.rpc("run.list", limit=1).runs[0].id
    lines = {line.split()[1]: line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and len(line.split()) > 2}
    assert lines[first.id] == "absent" and lines[run] == "nouveau" and lines["same"] == "identique", done.stdout
    assert shared_lab.cli("rerun", "--verify", "--detach", first.id).returncode == 2
    failing = shared_lab.run(["sh", "-c", "exit $((ENCLOS_SEED % 2))"], seed=1)
    assert failing.verdict == "failed"
    assert shared_lab.cli("rerun", "--verify", failing.id).returncode == 0, "it failed as it had failed"
    done = shared_lab.cli("rerun", "--verify", "--seed", "2", failing.id)
    assert done.returncode == 1 and "ended otherwise" in done.stdout


def test_rerun_follows_and_ends_as_the_program_did(shared_lab):
    first = shared_lab.run(["sh", "-c", "echo here; exit 7"])
    done = shared_lab.cli("rerun", first.id)
    assert done.returncode == 7 and done.stdout == "here\n"
    done = shared_lab.cli("rerun", "--detach", "--name", "other", first.id)
    assert shared_lab.wait(done.stdout.strip()).name == "other"
    assert shared_lab.cli("rerun", "rnothere00").returncode == 125


# ---- two runs side by side -------------------------------------------------------------------------


def test_diff_tells_code_params_environment_and_metrics(shared_lab):
    ref = shared_lab.add_dataset("side", {"data.csv": "a\n"})
    other_ref = shared_lab.add_dataset("side", {"data.csv": "b\n"})
    metric = 'printf \'{"metric":"auc","value":%s}\' $1 >&$ENCLOS_METRICS_FD'
    a = shared_lab.run(["sh", "-c", metric, "x", "0.75"], code={"train.py": "rate = 0.1\nprint(rate)\n", "gone.txt": "x\n",
                                                                  "blob": "\0\1"},
                       datasets=[ref], params={"k": "1", "same": "s"}, env={"A": "1"}, seed=1)
    b = shared_lab.run(["sh", "-c", metric, "x", "0.5"], code={"train.py": "rate = 0.2\nprint(rate)\n", "blob": "\0\2"},
                       datasets=[other_ref], params={"k": "2", "same": "s"}, env={"A": "1", "B": "2"}, seed=1)
    diff = shared_lab.rpc("run.diff", run=a.id, other=b.id)
    told = {(d.aspect, d.name): (d.a, d.b) for d in diff.differences}
    assert told["param", "k"] == ("1", "2") and ("param", "same") not in told
    assert told["env", "B"] == (None, "2") and ("env", "A") not in told
    assert told["dataset", "side"][0].startswith("side@1 (") and told["dataset", "side"][1].startswith("side@2 (")
    assert told["command", None][0][-1] == "0.75"
    assert {"seed", "profile", "host", "environment", "resource", "option"} <= set(diff.same)
    assert [(m.name, m.a, m.b, m.delta) for m in diff.metrics] == [("auc", 0.75, 0.5, -0.25)]
    files = {f.path: f for f in diff.code.files}
    assert {p: f.change for p, f in files.items()} == {"train.py": "changed", "gone.txt": "removed", "blob": "changed"}
    assert files["train.py"].diff == "@@ -1,2 +1,2 @@\n-rate = 0.1\n+rate = 0.2\n print(rate)\n"
    assert files["blob"].diff is None and files["blob"].why == "binary"
    assert shared_lab.rpc("run.diff", run=a.id, other=b.id, lines=False).code.files[-1].why == "not_asked"
    human = shared_lab.cli("diff", a.id, b.id).stdout
    for word in ("param k", "-rate = 0.1", "+rate = 0.2", "-0.25", "gone.txt", "The same: "):
        assert word in human, human
    french = shared_lab.cli("diff", "--lang", "fr", a.id, b.id).stdout
    assert "paramètre k" in french and "-0,25" in french and "Pareil\u00a0:" in french
    same = shared_lab.rpc("run.diff", run=a.id, other=a.id)
    assert same.differences == [] and same.code.same is True
    with pytest.raises(RpcError) as refused:
        shared_lab.rpc("run.diff", run=a.id, other="rnothere00")
    assert refused.value.kind == "not_found"


def test_diff_stays_within_an_answer(shared_lab):
    def many(letter):
        files = {f"f{i}.txt": "".join(f"{letter}{n}\n" for n in range(400)) for i in range(300)}
        return {**files, "control.txt": (letter + "\x01" * 900 + "\n") * 200, "large.txt": letter * 300000}

    a = shared_lab.run("true", code=many("a"), params={f"p{i}": "a" * 5900 for i in range(60)})
    b = shared_lab.run("true", code=many("b"), params={f"p{i}": "b" * 5900 for i in range(60)})
    diff = shared_lab.rpc("run.diff", run=a.id, other=b.id)
    assert diff.differences_left_out + len(diff.differences) == 60 + 2  # code and seed
    assert len(diff.code.files) + diff.code.files_left_out == 302
    whys = {f.why for f in diff.code.files}
    assert "too_many" in whys and "too_large" in whys


# ---- where it comes from, what it led to -----------------------------------------------------------


def test_lineage_walks_both_ways(lab):
    cancer = lab.add_dataset("cancer", {"data.csv": "a,b\n1,2\n"})
    first = lab.run(["sh", "-c", "echo prepared > /outputs/prepared.csv"], datasets=[cancer], name="première",
                    code={"a.txt": "code\n"})
    prepared = lab.add_dataset("prepared", {"p.csv": "prepared\n", "other.csv": "x\n"})
    second = lab.run(["sh", "-c", "echo m > /outputs/model"], datasets=[prepared])
    again = lab.wait(lab.rpc("run.rerun", run=first.id).run)
    digest = first.artifacts[0].sha256
    answer = lab.rpc("lineage.get", run=first.id)
    edges = {(e["from"], e.to, e.kind) for e in answer.edges}
    assert {(f"dataset:{cancer}", f"run:{first.id}", "used"), (f"code:{first.code}", f"run:{first.id}", "is_code"),
            (f"run:{first.id}", f"artifact:{digest}", "left"), (f"artifact:{digest}", f"dataset:{prepared}", "same_bytes"),
            (f"dataset:{prepared}", f"run:{second.id}", "used"), (f"run:{first.id}", f"run:{again.id}", "again"),
            (f"run:{again.id}", f"artifact:{digest}", "left")} <= edges
    assert answer.truncated is False and answer.root == f"run:{first.id}"
    back = lab.rpc("lineage.get", run=second.id, path="model", direction="before")
    assert f"dataset:{cancer}" in [n.id for n in back.nodes]
    tree = lab.cli("lineage", f"{second.id}:model").stdout
    assert "left by " + second.id in tree and "data " + cancer in tree and "Comes from" in tree and "Led to" not in tree
    assert lab.cli("lineage", digest, "--after").stdout.count("the bytes are in prepared@1") == 1
    assert "A mené à" in lab.cli("lineage", "cancer@1", "--lang", "fr").stdout
    assert lab.cli_json("lineage", "cancer@1").root == "dataset:cancer@1"
    assert json.loads(lab.cli("lineage", "cancer@1", "--format", "json").stdout)["root"] == "dataset:cancer@1"
    dot = lab.cli("lineage", "cancer@1", "--format", "dot").stdout
    assert dot.startswith("digraph lineage {") and dot.rstrip().endswith("}") and f'"run:{first.id}" -> "artifact:' in dot
    if shutil.which("dot"):
        subprocess.run(["dot", "-Tsvg"], input=dot, text=True, check=True, capture_output=True)


@pytest.mark.parametrize("params, kind", [
    ({}, "invalid"), ({"run": "rnothere00"}, "not_found"), ({"sha256": "0" * 64}, "not_found"),
    ({"dataset": "nothing@1"}, "not_found"), ({"dataset": "a b"}, "invalid"), ({"path": "x"}, "invalid"),
    ({"run": "rnothere00", "sha256": "0" * 64}, "invalid"), ({"run": "rnothere00", "depth": 21}, "invalid")])
def test_lineage_refuses_what_is_nothing(shared_lab, params, kind):
    with pytest.raises(RpcError) as refused:
        shared_lab.rpc("lineage.get", **params)
    assert refused.value.kind == kind


def test_lineage_of_what_many_runs_used_is_bounded(shared_lab):
    ref = shared_lab.add_dataset("many", {"data.csv": "x\n"})
    for run in [shared_lab.submit("true", datasets=[ref]) for _ in range(8)]:
        shared_lab.wait(run)
    answer = shared_lab.rpc("lineage.get", dataset=ref, limit=5)
    assert len(answer.nodes) == 5 and answer.truncated is True
    assert "There is more" in shared_lab.cli("lineage", ref, "--limit", "5").stderr


# ---- what one may not see --------------------------------------------------------------------------


def test_runs_of_others_are_as_if_they_were_not_there(lab):
    marie, paul = 61021, 61022
    for uid in (marie, paul):
        lab.grant(uid, "scientist")
    ref = lab.add_dataset("shared", {"data.csv": "x\n"}, classification="public")
    lab.rpc("dataset.describe", name="shared", set={"personal": False})

    def as_(uid, *arguments):
        return lab.cli(*arguments, uid=uid)

    def run_of(uid, word):
        done = as_(uid, "run", "--no-code", "--detach", "--dataset", ref, "--", "sh", "-c", f"echo {word} > /outputs/o")
        assert done.returncode == 0, done.stderr
        return lab.wait(done.stdout.strip())

    hers, his = run_of(marie, "hers"), run_of(paul, "his")
    assert lab.get(hers.id).datasets[0].ref == ref
    for command in (("rerun", "--detach", hers.id), ("diff", hers.id, his.id), ("diff", his.id, hers.id), ("lineage", hers.id),
                    ("lineage", f"{hers.id}:o"), ("lineage", hers.artifacts[0].sha256),
                    ("export", hers.id, "--format", "csv")):
        done = as_(paul, *command)
        assert done.returncode != 0 and "not found" in done.stderr, (command, done.returncode, done.stdout, done.stderr)
    tree = as_(paul, "lineage", ref).stdout
    assert his.id in tree and hers.id not in tree
    assert as_(marie, "rerun", "--verify", hers.id).returncode == 0
    both = lab.cli("lineage", ref).stdout  # the admin sees all
    assert his.id in both and hers.id in both
