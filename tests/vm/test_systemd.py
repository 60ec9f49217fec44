"""The installed units under systemd 252 (Debian 12), on unified cgroup v2: what `make install` lays out, started by PID 1."""

import os
import pwd
import shutil
import subprocess

import pytest

import harness
from harness import MIB

RUNS = "/sys/fs/cgroup/system.slice/enclos-runs.service"


def systemctl(*arguments, check=True):
    done = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=120)
    assert not check or done.returncode == 0, (arguments, done.stdout, done.stderr)
    return done.stdout.strip()


def is_active(unit):
    return systemctl("is-active", unit, check=False)


@pytest.fixture(scope="module")
def lab():
    """The machine's own lab, as its units start it."""
    subprocess.run(["cp", "-a", os.path.join(harness.REPO, "build/vm/root/."), "/"], check=True)  # as make install
    state = "/var/lib/enclos-vm/state"  # on the ext4 disk
    os.mkdir(state)
    os.makedirs("/var/lib/enclos", exist_ok=True)
    subprocess.run(["mount", "--bind", state, "/var/lib/enclos"], check=True)
    for tool in ("systemd-sysusers", "systemd-tmpfiles"):
        subprocess.run([tool, *(["--create"] if tool == "systemd-tmpfiles" else []), "enclos.conf"], check=True)
    lab = harness.Lab("/var/lib/enclos-vm", "/usr/bin")
    lab.socket, lab.unit = "/run/enclos/enclos.sock", "enclosd"
    os.makedirs("/run/systemd/system/enclosd.service.d")
    with open("/run/systemd/system/enclosd.service.d/log.conf", "w") as f:  # there is no journal here
        f.write(f"[Service]\nStandardError=append:{lab.stderr_path}\n")
    systemctl("daemon-reload")
    systemctl("start", "enclosd")
    wait_ready(lab)
    yield lab
    lab._drop_rpc()
    systemctl("stop", "enclosd", "enclos-runs")


def wait_ready(lab):
    def answers():
        try:
            with harness.Rpc(lab.socket, timeout=5) as rpc:
                return rpc.call("lab.info").runner.ready
        except (OSError, ConnectionError):
            return False

    try:
        harness.Deadline(60).until(answers, "the lab to answer", 0.1)
    except AssertionError as e:
        raise AssertionError(f"{e}: {systemctl('status', lab.unit, check=False)}\n{lab.daemon_log()[-3000:]}") from None


def groups():
    """Those in which a program of a run goes: others are kept ready for runs to come."""
    found = []
    for name in os.listdir(RUNS):
        if not name.startswith("enclos-r"):
            continue
        with open(os.path.join(RUNS, name, "cgroup.procs")) as f:
            pids = f.read().split()
        for pid in pids:
            try:
                with open(f"/proc/{pid}/comm") as f:
                    if f.read().strip() in ("sh", "sleep"):
                        found.append(name)
                        break
            except OSError:
                pass  # it went meanwhile
    return found


def test_the_unit_serves_and_limits_its_runs(lab):
    run = lab.run("true", resources={"memory_bytes": 64 * MIB})
    assert run.verdict == "succeeded" and run.sandbox.cgroup == "v2", run
    assert run.sandbox.limits.memory_bytes == 64 * MIB
    assert os.stat("/var/lib/enclos/catalog.db").st_uid == lab.rpc("lab.info").lab.uid != 0
    done = lab.cli("doctor")
    assert done.returncode == 0, done.stdout


def test_a_restart_of_the_unit_leaves_its_runs_going(lab):
    run = lab.submit("sh -c 'echo started; sleep 12; echo done'")
    lab.wait_log(run, b"started")
    assert len(groups()) == 1, groups()
    systemctl("restart", "enclosd")
    wait_ready(lab)
    lab._drop_rpc()
    assert is_active("enclosd") == "active"
    assert lab.get(run).state == "running", lab.get(run)
    other = lab.run("true")
    assert other.verdict == "succeeded", other
    done = lab.wait(run, 120)
    assert done.verdict == "succeeded" and lab.log(run) == b"started\ndone\n", done


def test_a_run_out_of_memory_stops_no_unit(lab):
    probe = harness.probe_code()["probe"][0]
    run = lab.run("/work/probe memory 512", code={"probe": (probe, "0755")})
    assert run.verdict == "out_of_memory", run
    assert is_active("enclosd") == "active" and is_active("enclos-runs") == "active"
    assert lab.run("true").verdict == "succeeded"


def test_stopping_the_runs_unit_ends_every_run(lab):
    run = lab.submit("sleep 600")
    harness.Deadline(30).until(lambda: lab.get(run).state == "running", "the run to run", 0.05)
    systemctl("stop", "enclos-runs")
    assert is_active("enclosd") == "inactive", "it needs the groups"
    systemctl("start", "enclosd")
    wait_ready(lab)
    lab._drop_rpc()
    assert lab.wait(run).verdict in ("signaled", "lost"), lab.get(run)
    assert lab.run("true").verdict == "succeeded"


def test_a_plain_users_unit_with_delegation_limits_its_runs(lab):
    # What the hint of a refused run says, by the system's own manager.
    top, user = "/var/lib/enclos-vm/private", pwd.getpwnam("www-data")  # systemd wants an account
    os.mkdir(top)
    private = harness.Lab(top, "/usr/bin", user.pw_uid)
    private.unit = "private-lab"
    subprocess.run(["systemd-run", f"--uid={user.pw_uid}", f"--gid={user.pw_gid}", "-p", "Delegate=yes",
                    "-p", f"StandardError=append:{private.stderr_path}", "--unit=private-lab", "/usr/bin/enclosd", "--state", private.state, "--socket", private.socket],
                   check=True, capture_output=True)
    try:
        wait_ready(private)
        private.people()  # root, who asks here, is nobody to it
        run = private.run("true", resources={"memory_bytes": 64 * MIB})
        assert run.verdict == "succeeded" and run.sandbox.rootless and run.sandbox.cgroup == "v2", run
        assert run.sandbox.limits.memory_bytes == 64 * MIB
    finally:
        private._drop_rpc()
        systemctl("stop", "private-lab")
        shutil.rmtree(top)
