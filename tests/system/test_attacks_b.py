"""Attack cases, group B: other processes, signals, bombs, ways to outlive the run."""

import os
import signal
import subprocess
import time

import pytest

import harness
from harness import SLOW

ENDED_LATE_MS = 200 * harness.PATIENCE


def nothing_is_left(runner, run):
    """The run's processes are gone: inside, the probe's command line has the run's folder nowhere, so the
    mark is the run's own environment."""
    mark = f"ENCLOS_RUN_ID={run.record.run}".encode()
    left = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if mark in f.read():
                    left.append(pid)
        except OSError:
            pass
    assert not left, f"processes of the run live on: {left}"
    harness.no_cgroup_is_left(run.record.run)


def test_b17_ptrace_is_refused_and_named(runner):
    run = runner.probe("b17")
    assert set(run.said()["calls"].values()) == {"EPERM"}, run.said()
    denied = [d for d in run.denied if d.name == "ptrace"]
    assert sum(d["count"] for d in denied) == 4 and {d.errno for d in denied} == {"EPERM"}, run.denied
    assert denied[0].hint, "a refusal without a word on why"


def test_b18_other_processes_memory_is_out_of_reach(runner):
    run = runner.probe("b18")
    for call, got in run.said()["calls"].items():
        assert got in {"EPERM", "ENOSYS"}, f"{call}: {got}"
    assert "process_vm_readv" in run.denied_names(), run.denied


def test_b19_pid_1_shows_nothing(runner):
    said = runner.probe("b19").said()
    for call, got in said.calls.items():
        assert got in {"EACCES", "EPERM", "ENOENT", "ESRCH"}, f"{call}: {got}"
    pids = {int(p) for p in said.facts.pids.split()}
    assert len(pids) <= 2, f"other processes are visible: {pids}"


def test_b21_signals_do_not_leave_the_run(runner):
    sleeper = subprocess.Popen(["sleep", "60"], user=runner.uid if runner.rootless else None)
    try:
        run = runner.probe("b21", sleeper.pid)
        said = run.said()
        assert sleeper.poll() is None, "a process of the host was killed"
        assert said.facts.child_killed == 1
        assert said.facts.orphan_parent == 1, "PID 1 is gone"
        assert run.verdict == "succeeded", run.describe()
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("verb", ["stop_self", "stop_group"])
def test_b23_a_stopped_run_meets_its_wall_limit(runner, verb):
    run = runner.probe(verb, wall_ms=600, grace_ms=200)
    assert run.verdict == "wall_timeout", run.describe()
    assert run.record.wall_ms < 600 + 200 + 1000 * harness.PATIENCE
    nothing_is_left(runner, run)


def test_b24_ignoring_term_meets_kill_after_the_grace(runner):
    run = runner.probe("ignore_term", wall_ms=500, grace_ms=400)
    assert run.verdict == "wall_timeout", run.describe()
    assert run.record.wall_ms >= 850, "the grace was not given"
    assert run.record.wall_ms < 900 + 600 * harness.PATIENCE
    nothing_is_left(runner, run)


def test_b24_a_program_that_obeys_term_ends_within_the_grace(runner):
    run = runner.probe("obey_term", wall_ms=400, grace_ms=5000)
    assert run.verdict == "wall_timeout", run.describe()
    assert b"TERM came" in run.stdout
    assert run.record.wall_ms < 1500 * harness.PATIENCE


def test_b25_a_daemon_does_not_outlive_nor_delay_its_run(runner):
    plain = runner.probe("exit", 0)
    run = runner.probe("daemonize")
    assert run.verdict == "succeeded" and run.exit_code == 0, run.describe()
    assert run.record.wall_ms <= plain.record.wall_ms + ENDED_LATE_MS, "the daemon delayed the result"
    nothing_is_left(runner, run)


def test_b25_a_program_that_closes_everything_and_forks_away_is_dead(runner):
    run = runner.probe("vanish")
    assert run.verdict == "succeeded" and run.exit_code == 0, run.describe()
    assert run.record.wall_ms < 2000 * harness.PATIENCE
    nothing_is_left(runner, run)


def test_b27_fork_meets_eagain_at_the_limit(runner):
    run = runner.probe("fork_until", processes=40)
    said = run.said()
    assert said["calls"]["fork()"] == "EAGAIN", said
    assert 20 <= said.facts.made <= 40, said.facts
    nothing_is_left(runner, run)


def test_b27_a_fork_bomb_is_held_and_the_host_stays_quick(runner):
    folder = runner.folder(["/work/probe", "fork_bomb"], code=harness.probe_code(), processes=60, wall_ms=1500,
                           grace_ms=200, cpus_milli=500)
    began = time.monotonic()
    process = runner.start(folder)
    slowest = 0.0
    while process.poll() is None and time.monotonic() - began < 20:
        at = time.monotonic()
        subprocess.run(["/bin/true"], check=True)
        slowest = max(slowest, time.monotonic() - at)
    run = runner.finish(process, folder, began)
    assert run.verdict in ("process_limit", "wall_timeout"), run.describe()
    assert slowest < 0.5 * harness.PATIENCE, f"a fork on the host took {slowest:.3f} s"
    nothing_is_left(runner, run)


@pytest.mark.parametrize("verb", ["vfork_until", "clone_vm_until"])
def test_b28_vfork_and_clone_vm_meet_the_same_limit(runner, verb):
    run = runner.probe(verb, processes=40)
    said = run.said()
    assert list(said["calls"].values()) == ["EAGAIN"], said
    assert 20 <= said.facts.made <= 40, said.facts
    nothing_is_left(runner, run)


def test_b30_threads_meet_eagain_at_the_limit(runner):
    run = runner.probe("thread_until", processes=40)
    said = run.said()
    assert said["calls"]["pthread_create()"] == "EAGAIN", said
    assert 20 <= said.facts.made <= 40, said.facts


def test_b31_a_chain_of_exec_is_accounted_and_meets_its_cpu_limit(runner):
    run = runner.probe("exec_chain", 100000, cpu_ms=700)
    assert run.verdict == "cpu_timeout", run.describe()
    assert 600 <= run.record.cpu_ms <= 700 + 700 * harness.PATIENCE, run.record.cpu_ms


def test_b33_a_subreaper_without_death_signal_is_killed(runner):
    run = runner.probe("subreaper")
    assert run.verdict == "succeeded", run.describe()
    nothing_is_left(runner, run)


def test_b34_killing_the_monitor_kills_the_sandbox(runner):
    folder = runner.folder(["/work/probe", "ignore_term"], code=harness.probe_code(), wall_ms=30000)
    process = runner.start(folder)
    lock = os.path.join(folder, "monitor.lock")
    log = os.path.join(folder, "log")
    deadline = harness.Deadline(15)
    deadline.until(lambda: b"ignore_term" in harness.Frames(harness.read_log(log)).text("stdout"), "the run to speak")
    with open(lock) as f:
        monitor = int(f.read().split()[0])
    inside = [p for p in harness.processes("ignore_term") if harness.is_alive(p)]
    inside = [p for p in inside if os.path.basename(open(f"/proc/{p}/comm").read().strip()) == "probe"]
    assert inside, "the run's process is not to be seen from the host"
    os.kill(monitor, signal.SIGKILL)
    harness.Deadline(0.1 if not SLOW else 1).until(
        lambda: not any(harness.is_alive(p) for p in inside), "the sandbox to die with its monitor")
    process.wait(20)
    assert not os.path.exists(os.path.join(folder, "record.json")), "a record of a run whose monitor was killed"
    # Under a lab, the daemon has what is left taken away; here that is us.
    harness.remove_cgroup(harness.cgroup_folders(os.path.basename(folder)))
