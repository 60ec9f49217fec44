"""The lab as a person uses it: the by-hand path of the README, exit statuses, --json, the API's manners."""

import hashlib
import json
import os
import pty
import re
import signal
import subprocess
import termios
import time

import pytest

import harness
from harness import MIB, Rpc, RpcError

TRAIN = """
import argparse, csv, os
parser = argparse.ArgumentParser()
parser.add_argument("--trees", type=int)
args = parser.parse_args()
import enclos
rows = list(csv.reader(open("/data/cancer-du-sein/data.csv")))
print("rows", len(rows), "trees", args.trees, flush=True)
enclos.log_param("trees", args.trees)
enclos.log_metric("accuracy", 0.95, step=1)
with open("/outputs/model.txt", "w") as f:
    f.write("model\\n")
"""


def code_folder(lab, name, **files):
    path = os.path.join(lab.top, name)
    os.makedirs(path, exist_ok=True)
    for file, text in files.items():
        with open(os.path.join(path, file.replace("_dot_", ".")), "w") as f:
            f.write(text)
    return path


# ---- the path by hand ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lab", "plain_lab"])
def test_the_path_by_hand(request, kind):
    lab = request.getfixturevalue(kind)
    uid = lab.uid or None
    code = code_folder(lab, "code", train_dot_py=TRAIN)
    data = os.path.join(lab.top, "data.csv")
    with open(data, "w") as f:
        f.write("a,b\n1,2\n")
    added = lab.cli("dataset", "add", "cancer-du-sein", data, "--classification", "confidentiel", "--title", "Table",
                    uid=uid)
    assert added.returncode == 0, added.stderr
    assert "cancer-du-sein@1" in added.stdout
    ran = lab.cli("run", "--dataset", "cancer-du-sein@1", "--profile", "python", "--cpus", "1", "--memory", "1G",
                  "--time", "10m", "--name", "essai 1", "--", "python3", "train.py", "--trees", "200", cwd=code, uid=uid)
    assert ran.returncode == 0, (ran.stdout, ran.stderr, lab.daemon_log()[-3000:])
    assert "rows 2 trees 200" in ran.stdout, (ran.stdout, ran.stderr)
    run = lab.cli_json("ps", "--all", uid=uid) if "--all" in lab.cli("ps", "--help").stdout else lab.cli_json("ps", uid=uid)
    listed = run.runs if "runs" in run else run
    assert len(listed) == 1 and listed[0].name == "essai 1"
    identifier = listed[0].id
    shown = lab.cli_json("show", identifier, uid=uid)
    for key in ("id", "state", "verdict", "exit_code", "wall_ms", "cpu_ms", "memory_peak_bytes", "datasets", "metrics",
                "artifacts", "denied"):
        assert key in shown, key
    assert (shown.id, shown.state, shown.verdict, shown.exit_code) == (identifier, "finished", "succeeded", 0)
    assert shown.datasets[0].ref == "cancer-du-sein@1"
    assert shown.params == {"trees": "200"}
    assert [(m.name, m.value) for m in shown.metrics] == [("accuracy", 0.95)]
    assert [(a.path, a.sha256) for a in shown.artifacts] == [("model.txt", hashlib.sha256(b"model\n").hexdigest())]
    human = lab.cli("show", identifier, uid=uid)
    for word in ("cancer-du-sein@1", "accuracy", "0.95", "model.txt", "essai 1"):
        assert word in human.stdout, human.stdout
    assert "rows 2 trees 200" in lab.cli("logs", identifier, uid=uid).stdout
    assert "rows 2 trees 200" in lab.cli("logs", "-f", identifier, uid=uid).stdout
    assert lab.cli("wait", identifier, uid=uid).returncode == 0
    assert "accuracy" in lab.cli("metrics", identifier, uid=uid).stdout
    assert "model.txt" in lab.cli("outputs", identifier, uid=uid).stdout
    assert lab.cli("doctor", uid=uid).returncode == 0
    assert lab.rpc("audit.verify").ok


def test_run_by_a_file_in_the_code_folder(lab):
    lab.add_dataset("d", {"data.csv": "x\n"})
    code = code_folder(lab, "code", enclos_dot_jsonc="""
    // an experiment that is written down
    {"name": "écrit", "command": ["sh", "-c", "wc -l /data/d/data.csv; echo $WHO"], "profile": "base",
     "datasets": ["d@1"], "resources": {"cpus": 0.5, "memory": "128M", "time": "1m"}, "params": {"k": "5"},
     "env": {"WHO": "me"}}
    """)
    done = lab.cli("run", cwd=code)
    assert done.returncode == 0, (done.stdout, done.stderr)
    run = lab.rpc("run.list").runs[0]
    assert run.name == "écrit"
    full = lab.get(run.id)
    assert full.params == {"k": "5"} and full.resources.memory_bytes == 128 * MIB and full.resources.cpus_milli == 500
    assert full.resources.wall_ms == 60_000
    assert "1 /data/d/data.csv" in done.stdout and "me" in done.stdout


def test_a_wrong_experiment_file_is_refused_with_line_and_key(shared_lab):
    code = code_folder(shared_lab, "wrong", enclos_dot_jsonc='{\n "command": ["true"],\n "memry": "1G"\n}')
    done = shared_lab.cli("run", cwd=code)
    assert done.returncode != 0 and "memry" in done.stderr and "3" in done.stderr, done.stderr


def test_detach_prints_the_id_only(shared_lab):
    done = shared_lab.cli("run", "--detach", "--", "true", cwd=code_folder(shared_lab, "empty"))
    assert re.fullmatch(r"r[0-9a-z]+\n", done.stdout), done.stdout
    assert shared_lab.cli("wait", done.stdout.strip()).returncode == 0


def test_detach_json_has_the_run(shared_lab):
    done = shared_lab.cli("run", "--detach", "--json", "--", "true", cwd=code_folder(shared_lab, "empty"))
    document = json.loads(done.stdout)
    assert document["run"].startswith("r") and done.returncode == 0
    shared_lab.wait(document["run"])


def test_code_names_another_folder(shared_lab):
    code = code_folder(shared_lab, "elsewhere", hello_dot_txt="from elsewhere\n")
    done = shared_lab.cli("run", "--code", code, "--", "cat", "hello.txt", cwd="/")
    assert "from elsewhere" in done.stdout, (done.stdout, done.stderr)


@pytest.mark.parametrize("command", [("ps",), ("doctor",), ("dataset", "list"), ("info",), ("profile", "list"),
                                     ("audit", "verify")])
def test_json_prints_one_document_and_nothing_else(shared_lab, command):
    done = shared_lab.cli(*command, "--json")
    if done.returncode == 2 and command[0] in ("info", "profile", "audit"):
        pytest.skip(f"enclos has no command {command[0]}")
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


@pytest.mark.parametrize(
    "arguments, status, key",
    [
        ([], 0, "commands"),
        (["help"], 0, "commands"),
        (["help", "run"], 0, "commands"),
        (["run", "--help"], 0, "commands"),
        (["dataset", "--help"], 0, "commands"),
        (["--version"], 0, "version"),
        (["version"], 0, "version"),
        (["--socket"], 2, "error"),
        (["frobnicate"], 2, "error"),
        (["dataset"], 2, "error"),
        (["help", "frobnicate"], 2, "error"),
        (["run", "--no-such-option"], 2, "error"),
        (["run"], 2, "error"),
        (["run", "train.py", "--dataset"], 2, "error"),
        (["ps", "--limit", "many"], 2, "error"),
        (["show"], 2, "error"),
        (["show", "r0000000000000"], 1, "error"),
        (["--lang", "tlh"], 2, "error"),
        (["rpc", "lab.pong"], 1, "error"),
    ],
    ids=lambda v: " ".join(v) or "nothing" if isinstance(v, list) else None,
)
def test_json_is_one_document_whatever_is_asked(shared_lab, arguments, status, key):
    done = shared_lab.cli("--json", *arguments, cwd=code_folder(shared_lab, "empty"))
    assert done.returncode == status, (done.returncode, done.stderr)
    document = json.loads(done.stdout)
    assert key in document, done.stdout
    if key == "commands":
        assert all({"name", "usage", "help"} <= set(command) for command in document["commands"])
    if key == "error":
        assert document["error"]["message"] and document["error"]["kind"] and done.stderr


@pytest.mark.parametrize("language", ["en", "fr"])
def test_profiles_are_shown(shared_lab, language):
    profiles = shared_lab.cli_json("profile", "list").profiles
    assert len(profiles) >= 3
    for profile in profiles:
        shown = shared_lab.cli("profile", "show", profile.name, "--lang", language)
        assert shown.returncode == 0, (shown.returncode, shown.stderr)
        title = profile.title_fr if language == "fr" else profile.title
        assert profile.name in shown.stdout and title in shown.stdout, shown.stdout


# ---- exit statuses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "status, arguments, command",
    [
        (0, [], ["true"]),
        (7, [], ["sh", "-c", "exit 7"]),
        (255, [], ["sh", "-c", "exit 255"]),
        (124, ["--time", "500ms"], ["sleep", "60"]),
        (124, ["--cpu-time", "300ms"], ["sh", "-c", "while :; do :; done"]),
        (137, ["--memory", "64M"], ["/work/probe", "memory", "512"]),
        (139, [], ["sh", "-c", "kill -SEGV $$"]),
        (125, [], ["/no/such/program"]),
    ],
    ids=["0", "7", "255", "time", "cpu-time", "memory", "signal", "exec"],
)
def test_exit_status_of_a_followed_run(shared_lab, status, arguments, command):
    code = code_folder(shared_lab, "probe-code")
    with open(os.path.join(code, "probe"), "wb") as f:
        f.write(harness.probe_code()["probe"][0])
    os.chmod(os.path.join(code, "probe"), 0o755)
    help_text = shared_lab.cli("run", "--help").stdout
    if "--cpu-time" in arguments and "--cpu-time" not in help_text:
        pytest.skip("enclos run has no --cpu-time")
    done = shared_lab.cli("run", *arguments, "--", *command, cwd=code)
    assert done.returncode == status, (done.stdout[-500:], done.stderr)
    run = shared_lab.rpc("run.list").runs[0].id
    assert shared_lab.cli("wait", run).returncode == status


def test_a_cancelled_run_ends_with_130(shared_lab):
    run = shared_lab.submit("sleep 60")
    shared_lab.wait_running(run)
    assert shared_lab.cli("cancel", run).returncode == 0
    assert shared_lab.wait(run).verdict == "cancelled"
    assert shared_lab.cli("wait", run).returncode == 130


def test_cancelling_a_queued_run(new_lab):
    lab = new_lab(extra=["--cpus", "1"])
    lab.start_daemon()
    first = lab.submit("sleep 60", resources={"cpus_milli": 1000})
    lab.wait_running(first)
    second = lab.submit("sleep 60", resources={"cpus_milli": 1000})
    assert lab.get(second).state == "queued"
    assert "CPU" in lab.get(second).queue_reason, lab.get(second)
    lab.rpc("run.cancel", run=second)
    assert lab.wait(second, 5).verdict == "cancelled"
    lab.rpc("run.cancel", run=first)
    assert lab.wait(first, 10).verdict == "cancelled"


@pytest.mark.parametrize(
    "arguments, status, word",
    [
        (["frobnicate"], 2, "frobnicate"),
        (["run", "--no-such-option", "--", "true"], 2, "--no-such-option"),
        (["run", "--memory", "1GB", "--", "true"], 2, "1GB"),
        (["run", "--time", "soon", "--", "true"], 2, "soon"),
        (["show"], 2, ""),
        (["show", "r0000000000000"], 1, "r0000000000000"),
        (["run", "--dataset", "nothing@1", "--", "true"], 125, "nothing"),
        (["run", "--profile", "nothing", "--", "true"], 125, "nothing"),
        (["run", "--memory", "900T", "--", "true"], 125, "memory"),
        (["run", "--code", "/no/such/folder", "--", "true"], 125, "/no/such/folder"),
        (["dataset", "add", "x", "/no/such.csv", "--classification", "interne"], 1, "/no/such.csv"),
        (["dataset", "add", "x", "/etc/hostname", "--classification", "secret"], None, "secret"),
    ],
    ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else None,
)
def test_refusals_say_what_and_have_their_status(shared_lab, arguments, status, word):
    done = shared_lab.cli(*arguments, cwd=code_folder(shared_lab, "empty"))
    assert done.returncode != 0 and done.stdout == ""
    if status is not None:
        assert done.returncode == status, (done.returncode, done.stderr)
    assert word in done.stderr, done.stderr


# ---- following -------------------------------------------------------------------------------------


def test_log_lines_come_while_the_run_goes_on(shared_lab):
    code = code_folder(shared_lab, "empty")
    process = subprocess.Popen(
        [os.path.join(shared_lab.install, "enclos"), "run", "--", "sh", "-c", "echo first; sleep 3; echo last"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, cwd=code, text=True,
        env={"PATH": "/usr/bin:/bin", "ENCLOS_SOCKET": shared_lab.socket, "LANG": "C.UTF-8"})
    began = time.monotonic()
    line = process.stdout.readline()
    while line and "first" not in line:
        line = process.stdout.readline()
    assert time.monotonic() - began < 2.5 * harness.PATIENCE, "the line came only with the end"
    assert process.poll() is None
    rest = process.stdout.read()
    assert "last" in rest and process.wait(20) == 0


def _on_terminal(lab, arguments, cwd, answers, seconds=30, modes=None):
    """Runs enclos on a terminal; `answers` are (text to wait for after the last one, bytes to type). `modes`
    gets the terminal's local modes before each is typed and after the program has ended."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(os.path.join(lab.install, "enclos"), ["enclos", *arguments],
                  {"PATH": "/usr/bin:/bin", "ENCLOS_SOCKET": lab.socket, "LANG": "C.UTF-8", "TERM": "xterm", "HOME": "/"})
    seen, at, deadline, answers = b"", 0, harness.Deadline(seconds), list(answers)
    import select

    while True:
        ready, _, _ = select.select([terminal], [], [], min(deadline.left, 0.5))
        assert deadline.left > 0, f"the terminal shows {seen!r}"
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                data = b""
            if not data:
                break
            seen += data
        if answers and answers[0][0] in seen[at:]:
            at = seen.index(answers[0][0], at) + len(answers[0][0])
            if modes is not None:
                modes.append(termios.tcgetattr(terminal)[3])
            os.write(terminal, answers.pop(0)[1])
    _, status = os.waitpid(pid, 0)
    if modes is not None:
        modes.append(termios.tcgetattr(terminal)[3])
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen.decode(errors="replace")


def test_on_a_terminal_progress_shows_time_cpu_and_memory(shared_lab):
    status, seen = _on_terminal(shared_lab, ["run", "--", "sleep", "2.5"], code_folder(shared_lab, "empty"), [])
    assert status == 0
    assert re.search(r"[0-9.]+ ?(s|MiB|M\b)", seen), seen
    assert "CPU" in seen or "cpu" in seen, seen


QUESTION = b"go on following it\r\n"
AGAIN = b"d, c or Enter?\r\n"


@pytest.mark.parametrize(
    "keys, detached",
    [
        ([(QUESTION, b"d")], True),
        ([(QUESTION, b"c")], False),
        ([(QUESTION, b"\x03")], True),
        ([(QUESTION, b"x"), (AGAIN, b"\x1b[A"), (AGAIN, b"d")], True),
        ([(QUESTION, b"\r"), (b"Enter\r\n", b"\x03"), (QUESTION, b"C")], False),
    ],
    ids=["detach", "cancel", "twice", "unknown keys", "go on, then cancel"],
)
def test_ctrl_c_asks_for_one_key(shared_lab, keys, detached):
    code, modes = code_folder(shared_lab, "empty"), []
    status, seen = _on_terminal(shared_lab, ["run", "--", "sh", "-c", "echo ready; sleep 30"], code,
                                [(b"ready\r\n", b"\x03"), *keys], modes=modes)
    assert modes[-1] == modes[0], "the terminal is not as it was"
    assert not modes[1] & (termios.ICANON | termios.ECHO), "the question does not take single keys"
    run = shared_lab.rpc("run.list").runs[0].id
    if detached:
        assert shared_lab.wait_running(run) and shared_lab.get(run).verdict is None, seen
        shared_lab.rpc("run.cancel", run=run)
    else:
        assert status == 130, seen
    assert shared_lab.wait(run).verdict == "cancelled"


# ---- what is not as it seems -----------------------------------------------------------------------


def test_a_log_that_was_cut_is_told_beside_the_success(shared_lab):
    code = code_folder(shared_lab, "talker", enclos_dot_jsonc='{"resources": {"log": "64K"}}')
    ran = shared_lab.cli("run", "--", "sh", "-c", "yes | head -c 1000000", cwd=code)
    assert ran.returncode == 0 and "succeeded, with warnings" in ran.stderr, ran.stderr
    assert "warning: " in ran.stderr and "was not kept" in ran.stderr, ran.stderr
    run = shared_lab.rpc("run.list").runs[0].id
    assert "with warnings" in shared_lab.cli("show", run).stdout
    logs = shared_lab.cli("logs", run)
    assert "was not kept" in logs.stderr and "warning" not in logs.stdout
    assert "was not kept" in shared_lab.cli("logs", "-f", run).stderr
    assert "was not kept" in shared_lab.cli("wait", run).stdout


def test_lines_that_are_no_metrics_are_told_at_the_end(shared_lab):
    run = shared_lab.run(["sh", "-c", "echo '{\"name\":\"auc\"}' >&$ENCLOS_METRICS_FD"])
    assert run.bad_metrics == 1
    shown = shared_lab.cli("show", run.id).stdout
    assert "succeeded, with warnings" in shown and "1 line sent as a metric was not understood" in shown, shown


def test_a_dataset_that_changed_during_a_run_is_told(lab):
    ref = lab.add_dataset("changing", {"data.csv": "before\n"})
    run = lab.submit(["sh", "-c", "cat /data/changing/data.csv; sleep 2"], datasets=[ref])
    lab.wait_log(run, b"before")
    trees = os.path.join(lab.state, "trees")
    for tree in (t for t in os.listdir(trees) if not t.startswith("code-")):
        with open(os.path.join(trees, tree, "data.csv"), "r+b") as f:
            f.write(b"AFTER")
    assert lab.wait(run).failed.step == "dataset_verify_after"
    for language, words in (("en", "do not rely on its results"), ("fr", "ne vous fiez pas à ses résultats")):
        shown = lab.cli("show", run, "--lang", language).stdout
        assert " ".join(words.split()) in " ".join(shown.split()), shown
    again = lab.cli("run", "--no-code", "--dataset", ref, "--", "true")
    assert again.returncode == 125 and "quarantine" in again.stderr, again.stderr


def test_damaged_data_do_not_send_people_to_the_doctor(lab):
    ref = lab.add_dataset("damaged", {"data.csv": "before\n"})
    for folder, _, names in os.walk(os.path.join(lab.state, "trees")):
        for name in names:
            with open(os.path.join(folder, name), "r+b") as f:
                f.write(b"AFTER")
    run = lab.run(["true"], datasets=[ref])
    assert run.verdict == "setup_failed" and run.failed.step.startswith("dataset_"), run
    shown = lab.cli("show", run.id).stdout
    assert run.failed.step in shown and "dataset" in shown and "doctor" not in shown, shown


def test_a_plain_user_without_a_control_group_is_told_how_to_go_on(new_lab):
    lab = new_lab(uid=harness.PLAIN_UID)
    lab.start_daemon()
    for language in ("en", "fr"):
        done = lab.cli("run", "--no-code", "--lang", language, "--", "true", uid=lab.uid)
        assert done.returncode == 125, done.stderr
        said = " ".join(done.stderr.split())
        assert "cgroup_create" in said and "enclosd --limits best-effort" in said, done.stderr


def test_limits_that_are_only_watched_are_said_to_be(new_lab):
    lab = new_lab(uid=harness.PLAIN_UID, extra=["--limits", "best-effort"])
    lab.start_daemon()
    for language, words in (("en", "watched, not enforced"), ("fr", "surveillées, non imposées")):
        done = lab.cli("run", "--no-code", "--lang", language, "--", "true", uid=lab.uid)
        assert done.returncode == 0 and words in done.stderr, done.stderr
        run = lab.rpc("run.list").runs[0].id
        assert words in lab.cli("show", run, "--lang", language, uid=lab.uid).stdout
    assert lab.get(run).limits == "best_effort"


def test_enforced_limits_are_not_said_to_be_watched(shared_lab):
    done = shared_lab.cli("run", "--no-code", "--limits", "best-effort", "--", "true")
    assert done.returncode == 0 and "watched" not in done.stderr, done.stderr


def test_a_reason_given_for_cancelling_is_shown(shared_lab):
    run = shared_lab.submit("sleep 60")
    shared_lab.wait_running(run)
    shared_lab.cli("cancel", "--reason", "the wrong data", run)
    shared_lab.wait(run)
    assert "the wrong data" in shared_lab.cli("show", run).stdout


def test_output_that_cannot_be_written_ends_a_followed_run_with_125(shared_lab):
    with open("/dev/full", "w") as full:
        line = [os.path.join(shared_lab.install, "enclos"), "run", "--no-code", "--", "echo", "x"]
        done = subprocess.run(line, stdout=full, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=60, text=True,
                              env={"PATH": "/usr/bin:/bin", "ENCLOS_SOCKET": shared_lab.socket, "LANG": "C.UTF-8"})
    assert done.returncode == 125 and "standard output" in done.stderr, (done.returncode, done.stderr)


def test_a_watch_resumes_from_any_number(shared_lab):
    run = shared_lab.submit(["sh", "-c", "for i in 1 2 3 4 5; do echo line $i; done"])
    shared_lab.wait(run)

    def events(start):
        with shared_lab.connect() as rpc:
            subscription = rpc.call("run.watch", **{"run": run, "from": start}).subscription
            found = []
            while not found or found[-1]["type"] != "finished":
                message = rpc.notification()
                assert message.method == "run.event" and message.params.subscription == subscription
                found.append({k: v for k, v in message.params.items() if k != "subscription"})
            return [harness.Bag(event) for event in found]

    whole = events(0)
    assert "".join(e.text for e in whole if e.type == "stdout") == "".join(f"line {i}\n" for i in range(1, 6))
    assert whole[-1]["run"].verdict == "succeeded"
    numbered = [e for e in whole if e.type in ("stdout", "event")]
    numbers = [e.number for e in numbered]
    assert numbers == sorted(numbers)
    last = numbered[-1].number
    again = [e for e in events(last) if e.type in ("stdout", "event")]
    assert again == [e for e in numbered if e.number >= last]


def test_a_slow_watcher_does_not_stall_the_lab(shared_lab):
    run = shared_lab.submit(["sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' 'x' | fold -w 99; sleep 1"],
                            resources={"log_bytes": 4 * MIB})
    slow = shared_lab.connect()
    slow.call("run.watch", run=run)
    assert shared_lab.wait(run).verdict == "succeeded"
    assert shared_lab.rpc("lab.ping").pong
    slow.socket.settimeout(10)
    while True:
        message = slow.notification()
        if message.params.type == "finished":
            break
    slow.close()


# ---- the API's manners -----------------------------------------------------------------------------


def test_protocol_errors_have_their_codes(shared_lab):
    with shared_lab.connect() as rpc:
        for line, code in [
            (b"{", -32700),
            (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"lab.ping"}', -32700),
            (b"[]", -32600),
            (b'{"jsonrpc":"1.0","id":1,"method":"lab.ping"}', -32600),
            (b'{"jsonrpc":"2.0","id":1,"method":"lab.pong"}', -32601),
            (b'{"jsonrpc":"2.0","id":1,"method":"run.get","params":{"runn":"x"}}', -32602),
            (b'{"jsonrpc":"2.0","id":1,"method":"run.get","params":{"run":7}}', -32602),
            (b'{"jsonrpc":"2.0","id":1,"method":"run.get","params":["x"]}', -32602),
        ]:
            rpc.send_raw(line + b"\n")
            answer = rpc.read_line()
            assert answer.error.code == code, (line, answer)
            assert answer.error.message
        rpc.send_raw(b'[{"jsonrpc":"2.0","id":1,"method":"lab.ping"},{"jsonrpc":"2.0","method":"lab.ping"},'
                     b'{"jsonrpc":"2.0","id":2,"method":"none"}]\n')
        batch = rpc.read_line()
        assert {a["id"] for a in batch} == {1, 2}, batch


def test_unknown_parameters_are_refused_by_name(shared_lab):
    with pytest.raises(RpcError) as refused:
        shared_lab.rpc("run.submit", command=["true"], memory="1G")
    assert refused.value.kind == "invalid" and "memory" in (refused.value.field or "") + refused.value.message


def test_a_line_without_end_does_not_eat_the_lab(shared_lab):
    with shared_lab.connect() as rpc:
        try:
            for _ in range(64):
                rpc.socket.sendall(b"x" * MIB)
        except OSError:
            pass
    assert shared_lab.rpc("lab.ping").pong


def test_discover_is_an_openrpc_document_of_all_methods(shared_lab):
    document = shared_lab.rpc("rpc.discover")
    assert document.openrpc.startswith("1.")
    names = {m.name for m in document.methods}
    expected = {"lab.ping", "lab.info", "run.submit", "run.get", "run.list", "run.cancel", "run.wait", "run.watch",
                "run.logs", "run.metrics", "run.outputs", "dataset.add", "dataset.seal", "dataset.get", "dataset.list",
                "blob.missing", "blob.put", "blob.put_chunk", "profile.list", "rpc.discover"}
    assert expected <= names, expected - names
    submit = next(m for m in document.methods if m.name == "run.submit")
    assert {"command", "datasets", "resources", "idempotency_key"} <= {p.name for p in submit.params}


def test_an_idempotency_key_makes_a_retry_safe(shared_lab):
    first = shared_lab.rpc("run.submit", command=["true"], idempotency_key="key-1")
    again = shared_lab.rpc("run.submit", command=["true"], idempotency_key="key-1")
    assert first.run == again.run
    with pytest.raises(RpcError) as refused:
        shared_lab.rpc("run.submit", command=["false"], idempotency_key="key-1")
    assert refused.value.kind == "conflict"
    shared_lab.wait(first.run)


def test_the_actor_is_the_peer_of_the_socket(shared_lab):
    run = shared_lab.get(shared_lab.submit("true"))
    assert run.actor.uid == os.getuid() and run.actor.name == "root"
    shared_lab.wait(run.id)


def test_blobs_by_chunks_resume(shared_lab):
    import base64

    content = os.urandom(300_000)
    digest = hashlib.sha256(content).hexdigest()
    send = lambda at, part: shared_lab.rpc("blob.put_chunk", sha256=digest, total_bytes=len(content), offset=at,
                                           data_base64=base64.b64encode(part).decode())
    assert send(0, content[:100_000]).received_bytes == 100_000
    with pytest.raises(RpcError) as refused:
        send(50_000, content[50_000:60_000])
    assert refused.value.kind == "conflict" and "100000" in refused.value.message + str(refused.value.hint)
    send(100_000, content[100_000:200_000])
    assert send(200_000, content[200_000:]).complete
    assert shared_lab.rpc("blob.missing", sha256=[digest]).missing == []


def test_a_blob_that_does_not_match_its_digest_is_refused(shared_lab):
    import tempfile

    wrong = hashlib.sha256(b"something else").hexdigest()
    with tempfile.TemporaryFile() as f:
        f.write(b"some content!!")
        f.flush()
        with pytest.raises(RpcError):
            shared_lab.rpc("blob.put", sha256=wrong, size_bytes=14, fds=[f.fileno()])
    assert shared_lab.rpc("blob.missing", sha256=[wrong]).missing == [wrong]


def test_datasets_have_versions_and_are_sealed(shared_lab):
    first = shared_lab.add_dataset("versions", {"data.csv": "1\n"})
    second = shared_lab.add_dataset("versions", {"data.csv": "2\n"})
    assert (first, second) == ("versions@1", "versions@2")
    for ref, text in ((first, b"1\n"), (second, b"2\n")):
        run = shared_lab.run(["cat", "/data/versions/data.csv"], datasets=[ref])
        assert run.verdict == "succeeded" and shared_lab.log(run.id) == text
        assert run.datasets[0].ref == ref
    manifest = shared_lab.put_files({"data.csv": "3\n"})
    draft = shared_lab.rpc("dataset.add", name="versions", classification="interne", manifest=manifest)
    with pytest.raises(RpcError) as refused:
        shared_lab.submit("true", datasets=[draft.ref])
    assert "seal" in refused.value.message, refused.value
    with pytest.raises(RpcError):
        shared_lab.rpc("dataset.seal", name="versions", version=99)


def test_lists_go_on_with_a_cursor(shared_lab):
    made = [shared_lab.submit("true") for _ in range(7)]
    for run in made:
        shared_lab.wait(run)
    seen, cursor = [], None
    while True:
        page = shared_lab.rpc("run.list", limit=3, **({"cursor": cursor} if cursor else {}))
        assert len(page.runs) <= 3
        seen += [r.id for r in page.runs]
        cursor = page.next_cursor
        if not cursor:
            break
    assert len(seen) == len(set(seen)) and set(made) <= set(seen)
    assert [r for r in seen if r in made] == made[::-1], "newest first"


def test_a_short_id_is_enough_when_it_is_unique(shared_lab):
    run = shared_lab.submit("true")
    shared_lab.wait(run)
    assert shared_lab.get(run[:-1]).id == run
    with pytest.raises(RpcError):
        shared_lab.get(run[:3])


def test_capacity_is_respected_and_small_runs_do_not_wait_for_ever(new_lab):
    lab = new_lab(extra=["--cpus", "2", "--memory", "1G"])
    lab.start_daemon()
    runs = [lab.submit(["sh", "-c", "sleep 0.4"], resources={"cpus_milli": 1000}) for _ in range(6)]
    most = 0
    deadline = harness.Deadline(60)
    while any(lab.get(r).state != "finished" for r in runs):
        used = lab.rpc("lab.info")
        most = max(most, used.used.cpus_milli)
        assert deadline.left > 0
    assert most <= 2000
    assert all(lab.get(r).verdict == "succeeded" for r in runs)
    with pytest.raises(RpcError) as refused:
        lab.submit("true", resources={"cpus_milli": 3000})
    assert refused.value.kind in ("limit", "invalid") and "cpu" in refused.value.message.lower()


def test_priority_comes_first(new_lab):
    lab = new_lab(extra=["--cpus", "1"])
    lab.start_daemon()
    whole = {"cpus_milli": 1000}
    first = lab.submit("sleep 0.5", resources=whole)
    lab.wait_running(first)
    low = lab.submit("true", resources=whole, priority=-5)
    high = lab.submit("true", resources=whole, priority=5)
    low, high = lab.wait(low), lab.wait(high)
    assert high.started_us < low.started_us


def test_lab_info_names_the_lab(shared_lab):
    info = shared_lab.rpc("lab.info")
    assert info.api_version == 1 and info.version and info.lab.state_dir == shared_lab.state
    assert info.lab.uid != 0, "the daemon did not drop its rights"
    assert info.capacity.cpus_milli > 0 and info.capacity.memory_bytes > 0
    assert info.runner.ready is True


def test_the_daemon_has_no_rights_left(shared_lab):
    with open(f"/proc/{shared_lab.daemon.pid}/status") as f:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
    assert "0" not in status["Uid"].split(), status["Uid"]
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == int(status["CapBnd"], 16) == 0, status
    assert status["NoNewPrivs"] == "1"


def test_state_is_closed_to_everyone_else(shared_lab):
    mode = os.stat(shared_lab.state).st_mode & 0o777
    assert mode == 0o700, oct(mode)
    for folder, _, names in os.walk(shared_lab.state):
        for name in names:
            mode = os.lstat(os.path.join(folder, name)).st_mode & 0o777
            assert mode & 0o077 == 0, f"{folder}/{name} is {oct(mode)}"


def test_a_second_daemon_on_the_same_state_is_refused(shared_lab):
    done = subprocess.run(
        [os.path.join(shared_lab.install, "enclosd"), "--state", shared_lab.state, "--socket", shared_lab.socket + "2"],
        capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode != 0 and str(shared_lab.daemon.pid) in done.stderr, done.stderr


def test_the_audit_chain_holds(shared_lab):
    shared_lab.run("true")
    verified = shared_lab.rpc("audit.verify")
    assert verified.ok and verified.entries > 2


def test_hostile_output_does_not_reach_the_terminal(shared_lab):
    run = shared_lab.submit(["printf", "\\033]0;owned\\007\\033[2J plain \\r\\n"])
    shared_lab.wait(run)
    shown = shared_lab.cli("logs", run).stdout
    status, seen = _on_terminal(shared_lab, ["logs", run], "/", [])
    assert "plain" in shown and "plain" in seen
    assert "\x1b]0;" not in seen and "\x1b[2J" not in seen, repr(seen)


def test_orderly_stop_leaves_the_runs_going(lab):
    run = lab.submit(["sh", "-c", "sleep 1.5; echo after"])
    lab.wait_running(run)
    assert lab.stop_daemon() == 0
    assert run in lab.monitors()
    lab.start_daemon()
    finished = lab.wait(run)
    assert finished.verdict == "succeeded" and lab.log(run) == b"after\n"


def test_attacks_are_shown_by_name_through_the_whole_lab(shared_lab):
    ref = shared_lab.add_dataset("attacked", {"data.csv": "secret\n"})
    code = {"probe": (harness.probe_code()["probe"][0], "0755")}
    run = shared_lab.run(["sh", "-c", "./probe b17; ./probe f72; ./probe a05; cat /etc/shadow; exit 0"], code=code,
                         datasets=[ref], report_paths=True)
    assert run.verdict == "succeeded", run
    names = {d.name for d in run.denied}
    assert {"ptrace", "socket", "mount", "/etc/shadow"} <= names, names
    human = shared_lab.cli("show", run.id).stdout
    for name in ("ptrace", "socket", "mount", "/etc/shadow"):
        assert name in human, human


def test_outputs_are_stored_by_digest(shared_lab):
    run = shared_lab.run(["sh", "-c", "mkdir /outputs/a; printf x > /outputs/a/b; printf y > /outputs/c; ln -s c /outputs/l"])
    outputs = shared_lab.rpc("run.outputs", run=run.id)
    assert {(a.path, a.sha256, a.size_bytes) for a in outputs.artifacts} == {
        ("a/b", hashlib.sha256(b"x").hexdigest(), 1), ("c", hashlib.sha256(b"y").hexdigest(), 1)}
    assert [r.path for r in outputs.refused] == ["l"]
    stored = os.path.join(shared_lab.state, "objects", outputs.artifacts[0].sha256[:2], outputs.artifacts[0].sha256[2:])
    assert os.path.isfile(stored)


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_stops_in_order(new_lab, signal_number):
    lab = new_lab()
    lab.start_daemon()
    lab.run("true")
    lab.daemon.send_signal(signal_number)
    assert lab.daemon.wait(20) == 0
    assert not harness.processes(lab.state), "something of the lab is left"
    with pytest.raises(OSError):
        Rpc(lab.socket)
