"""Attack cases, group H: hostile specifications, and hosts that cannot keep a promise. Nothing starts, all is named."""

import json
import os

import pytest

import harness


def refused(runner, text):
    folder = runner.folder(["/bin/true"])
    path = os.path.join(folder, "spec.json")
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    run = runner.finish(runner.start(folder), folder, 0)
    if run.record is not None:
        assert run.verdict == "setup_failed", run.describe()
        return run.failed.message + " " + run.own_stderr
    assert run.status not in (0, None), run.own_stderr
    assert run.own_stderr, "refused without a word"
    return run.own_stderr


def changed(runner, change):
    with open(os.path.join(runner.folder(["/bin/true"]), "spec.json")) as f:
        spec = json.load(f)
    change(spec)
    return json.dumps(spec)


CASES = {
    "unknown key": (lambda s: s.update(comand=["x"]), "comand"),
    "unknown resource": (lambda s: s["resources"].update(memroy=1), "memroy"),
    "missing resource": (lambda s: s["resources"].pop("wall_ms"), "wall_ms"),
    "negative limit": (lambda s: s["resources"].update(memory_bytes=-1), "memory_bytes"),
    "limit beyond 2^53": (lambda s: s["resources"].update(memory_bytes=2**60), ""),
    "limit as text": (lambda s: s["resources"].update(processes="10"), "processes"),
    "newer version": (lambda s: s.update(version=2), "version"),
    "no command": (lambda s: s.update(command=[]), "command"),
    "command as text": (lambda s: s.update(command="ls"), "command"),
    "NUL in an argument": (lambda s: s.update(command=["a\0b"]), ""),
    "profile out of the folder": (lambda s: s.update(profile="../etc/passwd"), "profile"),
    "unknown profile": (lambda s: s.update(profile="no-such"), "no-such"),
    "dataset name with a path": (lambda s: s.update(datasets=[{"name": "../x", "path": "/tmp"}]), ""),
    "dataset name with an option": (lambda s: s.update(datasets=[{"name": "--x", "path": "/tmp"}]), ""),
    "dataset twice": (lambda s: s.update(datasets=[{"name": "x", "path": "/tmp"}] * 2), ""),
    "dataset path relative": (lambda s: s.update(datasets=[{"name": "x", "path": "tmp"}]), ""),
    "LD_PRELOAD": (lambda s: s.update(env={"LD_PRELOAD": "x"}), "LD_PRELOAD"),
    "ENCLOS_ name": (lambda s: s.update(env={"ENCLOS_METRICS_FD": "1"}), "ENCLOS_METRICS_FD"),
    "name with =": (lambda s: s.update(env={"A=B": "x"}), ""),
    "name with a newline": (lambda s: s.update(env={"A\nB": "x"}), ""),
    "limits unknown": (lambda s: s.update(limits="none"), "limits"),
    "too many arguments": (lambda s: s.update(command=["x"] * 5000), "command"),
    "too long arguments": (lambda s: s.update(command=["x" * 200_000]), "command"),
    "too much environment": (lambda s: s.update(env={"A": "x" * 100_000}), ""),
    "run id with a path": (lambda s: s.update(run="../../x"), "run"),
}


@pytest.mark.parametrize("name", CASES)
def test_h104_a_wrong_spec_is_refused_by_name(root_runner, name):
    change, word = CASES[name]
    said = refused(root_runner, changed(root_runner, change))
    assert word in said, said


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"version":1,"version":1}', '{"version":01}', b'{"version":"\xff"}', "[" * 5000, "null",
     '{"version":1} trailing'],
    ids=["empty", "cut", "array", "duplicate key", "leading zero", "invalid UTF-8", "deep", "null", "trailing"],
)
def test_h104_text_that_is_no_json_is_refused(root_runner, text):
    refused(root_runner, text)


def test_h101_arguments_are_taken_literally(runner):
    arguments = ["--", "-rf", "a=b", "$(reboot)", "new\nline", "'\"\\", "é", "*", ""]
    run = runner.run(["/usr/bin/printf", "%s|", *arguments])
    assert run.stdout.decode() == "".join(f"{a}|" for a in arguments), run.describe()


def test_h106_a_dataset_that_is_a_symbolic_link_is_refused(runner):
    target = runner.tree("target", {"data.csv": "x"})
    link = os.path.join(runner.top, "link")
    os.symlink(target, link)
    folder = runner.folder(["/bin/ls", "/data/d"], datasets={"d": link})
    run = runner.finish(runner.start(folder), folder, 0)
    assert run.verdict == "setup_failed", run.describe()
    assert "link" in run.failed.message or run.failed.errno == "ELOOP", run.failed


def test_h112_without_a_control_group_the_run_does_not_start(plain_runner):
    plain_runner.cgroup = None
    run = plain_runner.run(["/bin/true"])
    assert run.verdict == "setup_failed", run.describe()
    assert "cgroup" in run.failed.step or "cgroup" in run.failed.message.lower() or "control group" in run.failed.message
    assert run.failed.hint, "no word on what to do"


def test_h112_best_effort_limits_are_a_choice_and_are_told(plain_runner):
    plain_runner.cgroup = None
    run = plain_runner.run(["/bin/true"], limits="best_effort")
    assert run.verdict == "succeeded", run.describe()
    assert "best_effort" in str(run.record.sandbox), run.record.sandbox


def test_doctor_tells_what_the_host_offers(runner):
    group = ["--cgroup", runner.cgroup] if runner.cgroup else []
    done = runner.call("doctor", *group)
    assert done.returncode == 0, done.stdout
    text = done.stdout.lower()
    for word in ("landlock", "seccomp", "cgroup"):
        assert word in text, done.stdout
    checks = runner.call("doctor", "--json", *group)
    assert isinstance(json.loads(checks.stdout), dict), checks.stdout


def test_profiles_are_listed_and_valid(root_runner):
    listed = json.loads(root_runner.call("profile", "list", "--json").stdout)["profiles"]
    names = {p["name"]: p for p in listed}
    assert {"base", "python", "strict"} <= set(names)
    assert all(p["valid"] for p in listed), listed
    assert names["base"]["syscalls_allowed"] > 150
    assert all(p["title"] and p["title_fr"] for p in listed)


def test_a_wrong_profile_is_refused_with_file_line_and_key(root_runner):
    path = os.path.join(root_runner.top, "mine.jsonc")
    with open(path, "w") as f:
        f.write('{\n  // mine\n  "title": "x",\n  "titel": "y"\n}\n')
    done = root_runner.call("profile", "check", path)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "mine.jsonc" in said and "titel" in said and "4" in said, said


def test_h114_many_short_runs_leave_nothing(root_runner):
    mounts = len(open("/proc/self/mountinfo").readlines())
    folders = [root_runner.folder(["/bin/true"]) for _ in range(40)]
    running, finished = [], []
    for folder in folders:
        running.append((root_runner.start(folder), folder))
        if len(running) == 8:
            finished += [root_runner.finish(p, f, 0) for p, f in running]
            running = []
    finished += [root_runner.finish(p, f, 0) for p, f in running]
    assert [r.record.verdict for r in finished] == ["succeeded"] * 40
    for run in finished:
        harness.no_cgroup_is_left(run.record.run)
    assert len(open("/proc/self/mountinfo").readlines()) == mounts
