"""Completion: `enclos complete` gives what the tables and the lab know; bash, zsh and fish use it as it is meant."""

import json
import os
import shutil
import subprocess
import time

import harness
import pexpect
import pytest

FILES = os.path.join(harness.REPO, "api", "cli", "completion")


@pytest.fixture(scope="module")
def world(shared_lab):
    shared_lab.add_dataset("cancer-du-sein", {"x.csv": b"1\n"})
    shared_lab.rpc("project.create", code="tri-postal", answers={
        "title": {"fr": "Tri", "en": "Sorting"}, "organisation": "Courrier", "family": "automation"})
    manifest = shared_lab.put_files({"usr/bin/true": (b"\x7fELF", "0755")})
    shared_lab.rpc("env.import", name="debian", source="folder", manifest=manifest)
    shared_lab.named = shared_lab.run(["/bin/true"], name="essai 1").id
    return shared_lab


def words(lab, line, **more):
    done = lab.cli("complete", "--line", line, **more)
    assert done.returncode == 0 and done.stderr == "", done
    return [w.split("\t")[0] for w in done.stdout.splitlines()]


@pytest.mark.parametrize("line, wanted", [
    ("enclos dataset show ca", ["cancer-du-sein@1"]), ("enclos run --dataset ca", ["cancer-du-sein@1"]),
    ("enclos run --dataset=ca", ["--dataset=cancer-du-sein@1"]), ("enclos run -d ca", ["cancer-du-sein@1"]),
    ("enclos run --environment de", ["debian@1"]), ("enclos env show de", ["debian@1"]),
    ("enclos run --project tri", ["tri-postal"]), ("enclos project show tri", ["tri-postal"]),
    ("enclos run --profile pyth", ["python"]), ("enclos profile show stri", ["strict"]),
    ("enclos rpc run.conne", ["run.connections", "run.connect"]), ("enclos rpc run.get ", ["run="]),
    ("enclos rpc run.logs run=x from=0 ", ["limit_bytes="]), ("enclos --lang ", ["fr", "en"]),
    ("enclos --lang fr ps --state fin", ["finished"]), ("enclos help data", ["dataset"]),
])
def test_names_and_words_are_offered(world, line, wanted):
    assert words(world, line) == wanted


def test_runs_are_offered_with_what_they_are(world):
    done = world.cli("complete", "show", world.named[:6])
    assert f"{world.named}\tessai 1" in done.stdout.splitlines()
    for line in ("enclos show ", "enclos logs -f ", "enclos wait --timeout 5s ", "enclos cancel ", "enclos diff ", "enclos hold "):
        assert world.named in words(world, line), line
    assert words(world, f"enclos diff {world.named} {world.named}") == [world.named]
    assert words(world, f"enclos show {world.named} r") == []


def test_every_command_and_option_of_the_help_is_offered(world):
    """The tables are the source: what the help lists is what is completed, and nothing else."""
    listed = json.loads(world.cli("help", "--json").stdout)["commands"]
    assert len(listed) > 40
    names = [c["name"] for c in listed]
    assert set(words(world, "enclos ")) == {n.split()[0] for n in names}
    for command in listed:
        name = command["name"]
        if " " in name:
            assert name.split()[1] in words(world, f"enclos {name.split()[0]} "), name
        options = {w[2:] for w in words(world, f"enclos {name} --")}
        told = json.loads(world.cli("help", *name.split(), "--json").stdout)["commands"][0]["options"]
        assert {o["name"].lstrip("-") for o in told} <= options, name
        assert options - {o["name"].lstrip("-") for o in told} <= {"json", "socket", "token-file", "lang", "help", "version"}, name


def test_no_lab_no_word_and_no_error_and_no_wait(world, tmp_path):
    began = time.monotonic()
    done = world.cli("complete", "--line", "enclos show r", env={"ENCLOS_SOCKET": str(tmp_path / "none.sock")})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    deaf = harness.socket.socket(harness.socket.AF_UNIX)
    deaf.bind(str(tmp_path / "deaf.sock"))
    deaf.listen(1)
    done = world.cli("complete", "--line", "enclos show r", env={"ENCLOS_SOCKET": str(tmp_path / "deaf.sock")})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert time.monotonic() - began < 2 * harness.PATIENCE


def test_odd_lines_are_taken_as_they_are(world):
    for line in ("", "enclos", "enclos 'unfinished ", "enclos run -- --", 'enclos run --name "a b" --da', "enclos \\", "x" * 5000,
                 "enclos rpc no.such ", "enclos nothing ", "enclos --socket"):
        words(world, line)
    assert words(world, 'enclos run --name "a b" --da') == ["--dataset"]
    assert words(world, "enclos run train.py --da") == [":files"]


def environment(world):
    return {"PATH": f"{world.install}:/usr/bin:/bin", "HOME": world.top, "ENCLOS_SOCKET": world.socket, "LANG": "C.UTF-8", "TERM": "dumb"}


@pytest.mark.parametrize("line, wanted", [
    ("enclos sho", ["show"]), ("enclos run --dataset ca", ["cancer-du-sein@1"]), ("enclos run --dataset=ca", ["cancer-du-sein@1"]),
    ("enclos dataset show cancer-du-sein@", ["1"]), ("enclos rpc run.get ", ["run="]),
])
def test_bash(world, line, wanted):
    script = f"source {FILES}/enclos.bash; COMP_LINE=$1; COMP_POINT=${{#1}}; _enclos enclos; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", script, "bash", line], capture_output=True, text=True, env=environment(world), cwd=world.top)
    assert done.stdout.splitlines() == wanted, done


def test_bash_offers_files_where_files_are_wanted(world, tmp_path):
    (tmp_path / "train.py").write_text("")
    script = f"source {FILES}/enclos.bash; COMP_LINE='enclos run tra'; COMP_POINT=14; _enclos enclos; echo \"${{COMPREPLY[@]}}\""
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment(world), cwd=str(tmp_path))
    assert done.stdout.split() == ["train.py"], done


@pytest.mark.parametrize("line, wanted", [
    ("enclos sho", {"show"}), ("enclos run --dataset ca", {"cancer-du-sein@1"}), ("enclos run --dataset=ca", {"--dataset=cancer-du-sein@1"}),
    ("enclos rpc run.get ", {"run="})])
def test_fish(world, line, wanted):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    done = subprocess.run(["fish", "--no-config", "-c", f"source {FILES}/enclos.fish; complete -C '{line}'"], capture_output=True,
                          text=True, env=environment(world), cwd=world.top)
    assert {w.split("\t")[0] for w in done.stdout.splitlines()} == wanted, done


@pytest.mark.parametrize("line, wanted", [("enclos sho", "enclos show "), ("enclos run --dataset ca", "enclos run --dataset cancer-du-sein@1 "),
                                          ("enclos rpc run.get r", "enclos rpc run.get run=")])
def test_zsh(world, line, wanted):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    shell = pexpect.spawn("zsh", ["-f", "-i"], env={**environment(world), "PS1": "ready> "}, timeout=20 * harness.PATIENCE,
                          encoding="utf-8", dimensions=(40, 200))
    try:
        shell.expect("ready> ")
        shell.sendline(f"unsetopt zle_bracketed_paste; fpath=({FILES} $fpath); autoload -U compinit; compinit -u -D; print is-set")
        shell.expect("is-set\r\n.*ready> ")
        shell.sendline("show-line() { print -r -- \"<$BUFFER>\" > $HOME/line; }; zle -N show-line; bindkey '^X' show-line; print set")
        shell.expect("\nset\r\n.*ready> ")
        shell.send(line + "\t\x18")
        path = os.path.join(world.top, "line")
        harness.Deadline(10).until(lambda: os.path.exists(path) and os.path.getsize(path), "zsh to complete", 0.02)
        with open(path) as f:
            assert f.read() == f"<{wanted}>\n"
        os.unlink(path)
    finally:
        shell.close(force=True)


def test_rpc_takes_words_or_one_object_or_standard_input(world):
    run = world.named
    for arguments, given in ((["run=" + run], None), (["--params", json.dumps({"run": run})], None), ([json.dumps({"run": run})], None),
                             (["--params", "-"], json.dumps({"run": run}))):
        if given is None:
            done = world.cli("rpc", "run.get", *arguments, "--json")
        else:
            line = [os.path.join(world.install, "enclos"), "rpc", "run.get", *arguments, "--json"]
            done = subprocess.run(line, input=given, capture_output=True, text=True, env=environment(world))
        assert done.returncode == 0 and json.loads(done.stdout)["id"] == run, done
    assert world.cli("rpc", "run.get", "--params", "{}", "run=x").returncode == 2
    assert world.cli("rpc", "run.get", "--params", "{").returncode == 2
    assert world.cli("rpc", "run.get", "run=rzzzzzz").returncode == 1
