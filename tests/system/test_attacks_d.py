"""Attack cases, group D: standard output, descriptors, exit statuses, programs that cannot start."""

import os
import subprocess

import pytest

import harness
from harness import MIB, SLOW


def resident_kib(pid):
    with open(f"/proc/{pid}/status") as f:
        for line in f:
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
    return 0


@pytest.mark.seconds(240)
def test_d52_ten_gigabytes_of_output_keep_head_and_tail(root_runner):
    mib = 1024 if SLOW else 10 * 1024
    folder = root_runner.folder(["/work/probe", "flood", str(mib)], code=harness.probe_code(), log_bytes=1 * MIB,
                                wall_ms=200_000 * harness.PATIENCE)
    process = root_runner.start(folder, stdout=subprocess.DEVNULL)  # exec echoes what the run says
    lock = os.path.join(folder, "monitor.lock")
    harness.Deadline(10).until(lambda: os.path.exists(lock) and open(lock).read().split(), "the monitor")
    monitor, most = int(open(lock).read().split()[0]), 0
    while process.poll() is None:
        try:
            most = max(most, resident_kib(monitor))
            process.wait(0.05)
        except OSError:
            break
        except subprocess.TimeoutExpired:
            pass
    run = root_runner.finish(process, folder, 0)
    assert run.verdict == "succeeded", run.describe()
    total, log = mib * MIB, run.record.log
    assert log.kept_bytes + log.dropped_bytes == total, log
    assert len(run.stdout) == log.kept_bytes
    assert log.kept_bytes <= 3 * MIB
    head = run.stdout[:1600].split(b"\n")
    assert head[0] == b"000000000000000" and head[99] == b"000000000000099"
    assert run.stdout.endswith(b"%015d\n" % (mib * 65536 - 1)), "the end of the output was not kept"
    gaps = run.frames.objects("gap")
    assert sum(g.dropped_bytes for g in gaps) == log.dropped_bytes, gaps
    assert most < (80 if not SLOW else 600) * 1024, f"the monitor grew to {most} KiB"


def test_d54_no_descriptor_but_the_promised_ones_is_open(runner):
    facts = runner.probe("d54").said().facts
    assert facts.not_ebadf == 0 and facts.open == 0, facts
    assert facts.metrics_fd >= 3


def test_d56_a_program_that_closes_everything_ends_as_it_ended(runner):
    run = runner.probe("close_all")
    assert run.verdict == "succeeded" and run.exit_code == 0, run.describe()


@pytest.mark.parametrize("status", [0, 1, 2, 124, 125, 126, 127, 128, 137, 255])
def test_d57_exit_codes_are_told_as_they_were(runner, status):
    run = runner.probe("exit", status)
    assert run.exit_code == status, run.describe()
    assert run.verdict == ("succeeded" if status == 0 else "failed")
    assert run.signal is None and run.failed is None


@pytest.mark.parametrize("number, name", [(6, "SIGABRT"), (9, "SIGKILL"), (11, "SIGSEGV"), (15, "SIGTERM")])
def test_d57_signals_are_told_by_name(runner, number, name):
    run = runner.probe("raise", number)
    assert run.verdict == "signaled" and run.signal == name and run.exit_code is None, run.describe()


@pytest.mark.parametrize(
    "command, errno",
    [
        (["/no/such/program"], "ENOENT"),
        (["no-such-program"], "ENOENT"),
        (["/usr"], "EACCES"),
        (["/work/plain.txt"], "EACCES"),
        (["/work/bad-shebang"], "ENOENT"),
        (["/work/not-a-program"], "ENOEXEC"),
        (["./plain.txt"], "EACCES"),
    ],
    ids=["missing", "not on PATH", "a folder", "not executable", "interpreter missing", "no format", "relative"],
)
def test_d59_a_program_that_cannot_start_is_exec_failed(runner, command, errno):
    run = runner.run(command, code={"plain.txt": ("x", 0o600), "bad-shebang": ("#!/no/interpreter\n", 0o700),
                                    "not-a-program": (b"\x00\x01\x02\x03", 0o700)})
    assert run.verdict == "exec_failed", run.describe()
    assert run.failed.errno == errno, run.failed
    assert run.exit_code is None
    assert run.failed.message and run.failed.hint


def test_d59_arguments_beyond_the_bound_are_refused_before_anything_starts(runner):
    folder = runner.folder(["/bin/true"] + ["x" * 1000] * 4000)
    process = runner.start(folder)
    run = runner.finish(process, folder, 0)
    if run.record is None:
        assert run.status != 0 and "command" in run.own_stderr, run.own_stderr
    else:
        assert run.verdict in ("exec_failed", "setup_failed"), run.describe()
