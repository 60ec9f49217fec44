"""Limits through the whole lab: what the user asks is what the sandbox has, and the defaults are the documented ones."""

import os
import subprocess

import pytest

import harness
from harness import MIB, RpcError


def test_the_defaults_are_the_documented_ones(shared_lab):
    run = shared_lab.rpc("run.submit", command=["true"])["run"]
    resources = shared_lab.wait(run).resources
    assert resources.cpus_milli == 1000 and resources.memory_bytes == 1024 * MIB and resources.processes == 256
    assert resources.wall_ms == 3_600_000 and resources.cpu_ms == 0 and resources.grace_ms == 5000
    assert resources.work_bytes == 512 * MIB and resources.tmp_bytes == 256 * MIB
    assert resources.output_bytes == 512 * MIB and resources.output_files == 10_000
    assert resources.log_bytes == 4 * MIB


@pytest.mark.parametrize(
    "resources, command, verdict",
    [
        ({"wall_ms": 400}, ["sleep", "60"], "wall_timeout"),
        ({"cpu_ms": 300}, ["sh", "-c", "while :; do :; done"], "cpu_timeout"),
        ({"output_bytes": 1 * MIB}, ["sh", "-c", "head -c 9000000 /dev/zero > /outputs/x"], "output_limit"),
        ({"processes": 8}, ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do sleep 9 & done; wait"],
         "process_limit"),
    ],
    ids=["wall", "cpu", "output", "processes"],
)
def test_a_limit_is_kept_and_is_the_verdict(shared_lab, resources, command, verdict):
    run = shared_lab.run(command, resources=resources)
    assert run.verdict == verdict, run
    assert run.reason


@pytest.mark.parametrize(
    "resources",
    [{"memory_bytes": 0}, {"memory_bytes": -1}, {"processes": 0}, {"wall_ms": 0}, {"cpus_milli": 0},
     {"memory_bytes": 2**52}, {"memory": 1}, {"output_files": 10**9}],
    ids=str,
)
def test_a_senseless_limit_is_refused_by_name(shared_lab, resources):
    with pytest.raises(RpcError) as refused:
        shared_lab.submit("true", resources=resources)
    assert refused.value.kind in ("invalid", "limit")
    assert next(iter(resources)) in (refused.value.field or "") + refused.value.message, refused.value


def test_thread_counts_follow_the_cpus(shared_lab):
    run = shared_lab.run(["python3", "-c", "import os; print(os.environ.get('OMP_NUM_THREADS'))"], profile="python",
                         resources={"cpus_milli": 1500})
    assert shared_lab.log(run.id) == b"2\n", shared_lab.log(run.id)


def test_the_owner_of_a_private_lab_may_choose_best_effort_for_runs_that_do_not_say(new_lab):
    """A plain user without a control group of their own: every run would need --limits best-effort."""
    lab = new_lab(uid=harness.PLAIN_UID, extra=["--limits", "best-effort"])
    lab.start_daemon()
    run = lab.run("true")
    assert run.verdict == "succeeded" and run.limits == "best_effort", run
    strict = lab.run("true", limits="enforced")
    assert strict.limits == "enforced" and (strict.verdict == "setup_failed" or strict.sandbox.limits.how == "enforced")
    assert {r.id: r.limits for r in lab.rpc("run.list").runs} == {run.id: "best_effort", strict.id: "enforced"}
    assert lab.rpc("lab.info").limits == "best_effort"
    told = [c for c in lab.rpc("lab.doctor").checks if c.name == "limits"]
    assert told and told[0].message.startswith("best_effort"), told


def test_limits_are_enforced_unless_the_owner_says_otherwise(shared_lab, new_lab):
    assert shared_lab.rpc("lab.info").limits == "enforced"
    assert shared_lab.run("true").limits == "enforced"
    assert "enforced" in [c for c in shared_lab.rpc("lab.doctor").checks if c.name == "limits"][0].message
    wrong = new_lab(extra=["--limits", "none"])
    wrong.start_daemon(wait=False)
    assert wrong.daemon.wait(10) == 2 and "enforced or best-effort" in wrong.daemon_log()


# ---- best effort: no control group, the monitor itself looks ----------------------------------------

BIG_CHILD = """
b = bytearray(200 << 20)
for i in range(0, len(b), 4096): b[i] = 1
print("used it all", flush=True)
time.sleep(5)
"""


def test_best_effort_sees_the_memory_of_a_child_that_a_thread_forked(plain_runner):
    plain_runner.cgroup = None
    program = "import os, threading, time\ndef f():\n    if os.fork() == 0:\n" + BIG_CHILD.replace("\n", "\n        ") + (
        "\n        os._exit(0)\n    time.sleep(5)\nt = threading.Thread(target=f); t.start(); t.join()")
    run = plain_runner.run(["python3", "-c", program], limits="best_effort", memory_bytes=100 * MIB)
    assert run.verdict == "out_of_memory", run.describe()


def test_best_effort_keeps_the_memory_limit_during_the_grace(plain_runner):
    plain_runner.cgroup = None
    program = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(0.7)" + BIG_CHILD
    run = plain_runner.run(["python3", "-c", program], limits="best_effort", memory_bytes=100 * MIB, wall_ms=500,
                           grace_ms=20_000)
    assert run.verdict == "wall_timeout", run.describe()  # why it was stopped first
    assert run.record.wall_ms < 5000, f"killed after {run.record.wall_ms} ms: its memory was not looked at"


@pytest.mark.parametrize("depth", [200])
def test_best_effort_a_long_chain_of_processes_ends_as_it_would_elsewhere(plain_runner, depth):
    plain_runner.cgroup = None
    program = "n=$1; if [ $n -gt 0 ]; then sh -c \"$2\" sh $((n - 1)) \"$2\"; exit 0; fi; sleep 1"
    run = plain_runner.run(["sh", "-c", program, "sh", str(depth), program], limits="best_effort",
                           memory_bytes=4096 * MIB, processes=1000)
    assert run.verdict == "succeeded", run.describe()


def test_nobody_else_can_lock_the_groups(new_lab):
    """Launcher and monitors lock the folders of the groups: who could too would keep every run from starting."""
    name = f"enclos-locks-{os.getpid()}"  # not the group of the plain user's labs
    groups = harness.delegate_cgroup(name, 0)
    lab = new_lab(extra=["--cgroup", name])
    try:
        for group in groups:
            os.chmod(group, 0o755)  # as an earlier version, or a person, left it
        lab.start_daemon()
        assert lab.wait(lab.submit(["true"])).verdict == "succeeded"
        used = [g for g in groups if any(d.startswith("enclos-") for d in os.listdir(g))]
        assert used  # by sandboxes that stand ready
        for group in used:
            lock = subprocess.run(["setpriv", f"--reuid={harness.PLAIN_UID}", "--clear-groups", "flock", "-n", "-s", group, "true"],
                                  stderr=subprocess.PIPE)
            assert lock.returncode != 0 and b"Permission denied" in lock.stderr
    finally:
        lab.stop()
        harness.remove_cgroup(groups)
