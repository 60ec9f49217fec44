"""Every verdict of the design, each from what causes it, as root and rootless. See also test_attacks_*."""

import os

import pytest

import harness
from harness import MIB


def test_succeeded(runner):
    run = runner.run(["/bin/sh", "-c", "echo out; echo err >&2; echo x > /outputs/x.txt"])
    assert run.verdict == "succeeded" and run.exit_code == 0 and run.signal is None, run.describe()
    assert run.stdout == b"out\n" and run.stderr == b"err\n"
    assert [f.path for f in run.record.outputs.files] == ["x.txt"]
    assert run.status == 0, "enclos-runner exec ends as the run did"


def test_failed_keeps_the_exit_code(runner):
    run = runner.run(["/bin/sh", "-c", "exit 42"])
    assert run.verdict == "failed" and run.exit_code == 42 and run.failed is None, run.describe()


def test_signaled_names_the_signal(runner):
    run = runner.run(["/bin/sh", "-c", "kill -USR1 $$"])
    assert run.verdict == "signaled" and run.signal == "SIGUSR1" and run.exit_code is None, run.describe()


def test_cancelled_by_the_file_in_the_folder(runner):
    folder = runner.folder(["/bin/sh", "-c", "echo ready; sleep 60"])
    process = runner.start(folder)
    log = os.path.join(folder, "log")
    harness.Deadline(15).until(lambda: b"ready" in harness.Frames(harness.read_log(log)).text("stdout"), "the run")
    path = os.path.join(folder, "cancel")
    open(path, "w").close()
    os.chown(path, runner.uid, runner.uid)
    run = runner.finish(process, folder, 0, 15)
    assert run.verdict == "cancelled", run.describe()


def test_wall_timeout(runner):
    run = runner.run(["/bin/sleep", "60"], wall_ms=300)
    assert run.verdict == "wall_timeout" and run.exit_code is None, run.describe()
    assert any(e.event == "stopping" and e.reason == "wall_timeout" for e in run.events), run.events


def test_cpu_timeout(runner):
    run = runner.run(["/bin/sh", "-c", "while :; do :; done"], cpu_ms=300)
    assert run.verdict == "cpu_timeout", run.describe()


def test_out_of_memory(runner):
    run = runner.probe("memory", 1024, memory_bytes=64 * MIB)
    assert run.verdict == "out_of_memory", run.describe()


def test_out_of_memory_when_a_child_was_killed_and_the_parent_went_on(runner):
    run = runner.run(["/bin/sh", "-c", "/work/probe memory 1024; sleep 30"], code=harness.probe_code(),
                     memory_bytes=64 * MIB)
    assert run.verdict == "out_of_memory", run.describe()
    assert run.record.wall_ms < 20000


def test_process_limit(runner):
    run = runner.run(["/bin/sh", "-c", "i=0; while [ $i -lt 50 ]; do sleep 20 & i=$((i+1)); done; exit 3"],
                     processes=10)
    assert run.verdict == "process_limit", run.describe()
    assert run.exit_code != 0


def test_output_limit(runner):
    run = runner.run(["/bin/sh", "-c", "head -c 30000000 /dev/zero > /outputs/big"], output_bytes=8 * MIB)
    assert run.verdict == "output_limit", run.describe()


def test_policy_violation(runner):
    run = runner.probe("g91")
    assert run.verdict == "policy_violation", run.describe()
    assert run.record.reason


@pytest.mark.parametrize("what", ["code", "dataset"])
def test_setup_failed_names_step_and_errno(runner, what):
    gone = os.path.join(runner.top, "gone")
    if what == "code":
        folder = runner.folder(["/bin/true"], spec_changes={"code": {"path": gone}})
    else:
        folder = runner.folder(["/bin/true"], datasets={"d": gone})
    run = runner.finish(runner.start(folder), folder, 0)
    assert run.verdict == "setup_failed", run.describe()
    assert run.failed.step and run.failed.errno == "ENOENT", run.failed
    assert "gone" in run.failed.message and run.failed.hint, run.failed
    assert run.exit_code is None and run.status == 125


def test_exec_failed_names_errno(runner):
    run = runner.run(["/usr/bin/no-such-interpreter", "train.py"])
    assert run.verdict == "exec_failed" and run.failed.errno == "ENOENT", run.describe()
    assert "no-such-interpreter" in run.failed.message, run.failed


def test_the_record_accounts_for_the_run(runner):
    run = runner.probe("burn", 1, 1, cpus_milli=1000)
    record = run.record
    assert record.version == 1 and record.reason
    assert 900 <= record.wall_ms <= 3000 * harness.PATIENCE
    used = run.said().facts.cpu_ms
    assert used <= record.cpu_ms <= used + (60 if not harness.SLOW else 160 * harness.PATIENCE), (used, record.cpu_ms)
    assert abs(record.cpu_ms - record.cpu_user_ms - record.cpu_system_ms) <= 80  # v1 counts the split in ticks
    assert 0 < record.memory_peak_bytes < 64 * MIB
    assert record.finished_us > record.started_us
    assert all(isinstance(v, int) for v in record.usage.values()), record.usage
    sandbox = record.sandbox
    assert sandbox.profile == "base" and sandbox.filter and "landlock_abi" in sandbox
    assert "userns" in sandbox and "cgroup" in sandbox and sandbox.steps_us


def test_limits_are_read_back_into_the_record(runner):
    run = runner.run(["/bin/true"], memory_bytes=100 * MIB, processes=33, cpus_milli=700)
    text = str(run.record.sandbox)
    assert str(100 * MIB) in text, text
    assert "33" in text and "700" in text or "70000" in text, text


def test_the_program_is_told_where_it_is(runner):
    run = runner.run(["/bin/sh", "-c", "pwd; ls -d /work /data/d /outputs /tmp; cat /data/d/data.csv; env"],
                     datasets={"d": {"data.csv": "a,b\n"}})
    lines = run.stdout.decode().splitlines()
    assert lines[:6] == ["/work", "/data/d", "/outputs", "/tmp", "/work", "a,b"] or lines[0] == "/work", lines
    assert "a,b" in lines and any(line.startswith("ENCLOS_METRICS_FD=") for line in lines), lines


def test_code_is_writable_in_the_run_and_unchanged_outside(runner):
    run = runner.run(["/bin/sh", "-c", "echo changed > train.py && echo new > made.txt && cat train.py made.txt"],
                     code={"train.py": ("print(1)\n", 0o600)})
    assert run.verdict == "succeeded", run.describe()
    assert run.stdout == b"changed\nnew\n"
    code = os.path.join(runner.top, "code-" + os.path.basename(run.folder))
    assert open(os.path.join(code, "train.py")).read() == "print(1)\n"
    assert os.listdir(code) == ["train.py"]


def test_events_tell_running_and_samples(runner):
    run = runner.run(["/bin/sleep", "2.3"])
    kinds = [e.event for e in run.events]
    assert kinds[0] == "running" and run.events[0].pid > 0, run.events
    samples = [e for e in run.events if e.event == "sample"]
    assert 1 <= len(samples) <= 3, run.events
    assert {"cpu_ms", "memory_bytes", "processes", "elapsed_ms"} <= set(samples[0])


def test_metrics_come_through_the_descriptor(runner):
    run = runner.probe("metrics", '{"metric":"auc","value":0.97,"step":3}', "not json", '{"param":"k","value":"v"}',
                       '{"metric":"a","metric":"b","value":1}')
    assert run.record.metrics.lines == 2 and run.record.metrics.bad_lines == 2, run.describe()
    assert run.metrics == [{"metric": "auc", "value": 0.97, "step": 3}, {"param": "k", "value": "v"}]
    assert sum(e.event == "bad_metric" for e in run.events) == 2, run.events


def test_denied_path_opens_are_reported_when_asked(runner):
    run = runner.run(["/bin/sh", "-c", "cat /etc/shadow /home/someone/notes.txt; echo x > /data/d/data.csv; exit 0"],
                     datasets={"d": {"data.csv": "a\n"}}, report_paths=True)
    names = {(d.kind, d.name) for d in run.record.denied}
    assert ("path", "/etc/shadow") in names, run.record.denied
    assert ("path", "/home/someone/notes.txt") in names, run.record.denied
    assert ("path", "/data/d/data.csv") in names, run.record.denied


def test_rerunning_a_folder_is_refused(runner):
    run = runner.run(["/bin/true"])
    before = open(os.path.join(run.folder, "record.json")).read()
    again = runner.finish(runner.start(run.folder), run.folder, 0)
    assert again.status != 0 and again.own_stderr, "a folder was run twice"
    assert open(os.path.join(run.folder, "record.json")).read() == before


def test_a_script_whose_interpreter_is_missing_names_it(runner):
    run = runner.run(["./x.sh"], code={"x.sh": (b"#!/usr/bin/nosuch\r\necho hi\n", 0o755)})
    assert run.verdict == "exec_failed" and run.failed.errno == "ENOENT", run.describe()
    assert "/usr/bin/nosuch\\x0d" in run.failed.message and "carriage return" in run.failed.hint, run.failed
    assert "exec_failed" in run.own_stderr and "nosuch" in run.own_stderr, run.own_stderr
