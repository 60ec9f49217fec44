"""A kernel without Landlock: what is missing is refused by name or recorded as absent, by the profile."""

import harness


def test_strict_is_refused_by_name(runner):
    run = runner.run(["/bin/true"], profile="strict")
    assert run.verdict == "setup_failed" and run.failed.step == "landlock" and run.status == 125, run.describe()
    for word in ("strict", "Landlock ABI 2", "has 0"):
        assert word in run.failed.message, run.failed
    assert "lsm=landlock" in run.failed.hint and "base" in run.failed.hint, run.failed
    harness.no_cgroup_is_left(run.record.run)


def test_base_runs_and_the_record_says_that_it_is_absent(runner):
    run = runner.run(["/bin/true"], profile="base", datasets={"d": {"x": "a"}})
    sandbox = run.record.sandbox
    assert run.verdict == "succeeded" and sandbox.landlock_abi == 0, run.describe()
    assert sandbox.cgroup == "v2" and sandbox.seccomp == "filter" and sandbox.no_new_privs == 1
    for name in ("effective", "permitted", "inheritable", "bounding", "ambient"):
        assert int(sandbox["cap_" + name], 16) == 0, sandbox


def test_the_other_walls_hold_alone(runner):
    # What Landlock would refuse a second time: files of the host, the dataset, mounts.
    run = runner.run(["/bin/sh", "-c", "cat /etc/shadow; ls /root /home /var; echo x > /data/d/x; echo x > /usr/x;"
                      " echo x > /etc/x; echo x > /x; mount -t tmpfs t /tmp; cat /data/d/x"],
                     datasets={"d": {"x": "data"}})
    assert run.stdout == b"data", run.describe()
    assert run.stderr.count(b"\n") >= 8, run.describe()


def test_the_doctor_tells(root_runner):
    done = root_runner.call("doctor")
    assert "landlock" in done.stdout.lower() and "strict" in done.stdout, done.stdout


def test_a_lab_says_it_of_each_run(lab):
    assert lab.run("true").sandbox.landlock_abi == 0
    refused = lab.run("true", profile="strict")
    assert refused.verdict == "setup_failed" and "Landlock" in refused.reason, refused
    assert lab.cli("run", "--profile", "strict", "--", "true").returncode == 125
