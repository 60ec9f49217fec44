"""Limits through the whole lab: what the user asks is what the sandbox has, and the defaults are the documented ones."""

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
