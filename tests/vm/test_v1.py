"""Version 1 alone, cpu and cpuacct in one hierarchy, as systems without a unified tree have it. Verdicts are tests/system's."""

import os

import harness
from harness import MIB


def test_the_host_is_what_this_boot_is_for(root_runner):
    assert not os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    assert "control groups v1" in root_runner.call("doctor").stdout


def test_limits_are_attested_and_the_group_goes(runner):
    run = runner.run(["/bin/cat", "/proc/self/cgroup"], memory_bytes=100 * MIB, processes=33, cpus_milli=700)
    assert run.verdict == "succeeded" and run.record.sandbox.cgroup == "v1", run.describe()
    limits = run.record.sandbox.limits
    assert (limits.memory_bytes, limits.processes, limits.cpus_milli) == (100 * MIB, 33, 700), limits
    for line in run.stdout.decode().splitlines():
        assert line.endswith(":/"), "its groups' places are hidden by a namespace"
    assert run.record.memory_peak_bytes > 0 and run.record.cpu_ms > 0
    harness.no_cgroup_is_left(run.record.run)


def test_a_lab_runs_and_limits(plain_lab):
    run = plain_lab.run("true")
    assert run.verdict == "succeeded" and run.sandbox.cgroup == "v1", run
