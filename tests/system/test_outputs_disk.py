"""Outputs on disk: bounded in bytes and files, collected like any, kept when the monitor dies, refused where no bound can be."""

import json
import os
import signal
import subprocess
import time

import pytest

import harness
from harness import MIB

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/loop-control"), reason="needs loop devices")


def on_disk(runner, command, **spec):
    """As Runner.run, with outputs on disk."""
    folder = disk_folder(runner, command, **spec)
    return runner.finish(runner.start(folder), folder, time.monotonic())


def disk_folder(runner, command, **spec):
    folder = runner.folder(command, **spec)
    path = os.path.join(folder, "spec.json")
    with open(path) as f:
        text = json.load(f)
    text["resources"]["output_disk"] = 1
    with open(path, "w") as f:
        json.dump(text, f)
    return folder


def loops():
    """Loop devices that stand on a file of a run."""
    found = []
    for name in os.listdir("/sys/block"):
        backing = f"/sys/block/{name}/loop/backing_file"
        if name.startswith("loop") and os.path.exists(backing):
            try:
                with open(backing) as f:
                    found.append(f.read().strip())
            except OSError:
                pass  # it went meanwhile
    return [path for path in found if "outputs.img" in path]


def nothing_is_left(run):
    assert "outputs.img" not in os.listdir(run.folder)
    harness.Deadline(5).until(lambda: not [p for p in loops() if run.folder in p], "the loop device to go", 0.01)


def test_what_is_written_is_kept_and_costs_no_memory(root_runner):
    run = on_disk(root_runner, ["sh", "-c", "head -c 100000000 /dev/zero | tr '\\0' x > /outputs/model; mkdir /outputs/a; "
                                "echo 1 > /outputs/a/b; ls -A /outputs; grep ' /outputs ' /proc/self/mountinfo"],
                  memory_bytes=48 * MIB, output_bytes=256 * MIB)
    assert run.verdict == "succeeded", run.describe()
    assert sorted(f.path for f in run.record.outputs.files) == ["a/b", "model"], run.describe()
    assert run.record.outputs.store == "disk" and os.path.getsize(run.outputs_on_disk["model"]) == 100000000
    assert b"lost+found" not in run.stdout
    mount = next(m for m in run.record.sandbox.mounts if m["at"] == "/outputs")
    assert mount.type == "ext4" and {"nosuid", "nodev", "noexec", "rw"} <= set(mount.flags.split(",")), mount
    nothing_is_left(run)


def test_the_bound_in_bytes_holds(root_runner):
    folder = disk_folder(root_runner, ["/work/probe", "fill", "/outputs/fill", "512"], code=harness.probe_code(),
                         output_bytes=32 * MIB)
    run = root_runner.finish(root_runner.start(folder), folder, 0)
    assert run.said()["calls"]["write(/outputs/fill)"] in ("ENOSPC", "EFBIG"), run.describe()
    assert run.verdict == "output_limit", run.describe()
    assert 30 * MIB <= run.said().facts.bytes <= 33 * MIB, run.said()
    assert sum(f.size_bytes for f in run.record.outputs.files) <= 32 * MIB
    nothing_is_left(run)


def test_the_bound_in_files_holds(root_runner):
    run = on_disk(root_runner, ["/work/probe", "many_files", "/outputs", "100000"], code=harness.probe_code(), output_files=50)
    assert run.said()["calls"]["open(O_CREAT)"] == "ENOSPC" and run.said().facts.made < 500, run.describe()
    assert run.verdict == "output_limit" and len(run.record.outputs.files) <= 50, run.describe()
    nothing_is_left(run)


@pytest.mark.parametrize("verb", ["e60", "e62", "e63", "e64", "e66", "e68"])
def test_the_tricks_of_group_e_end_the_same_on_disk(root_runner, verb):
    run = on_disk(root_runner, ["/work/probe", verb], code=harness.probe_code())
    assert run.verdict == "succeeded", run.describe()
    assert "good.txt" in run.outputs_on_disk
    for path in run.outputs_on_disk.values():
        assert os.path.isfile(path) and not os.path.islink(path)
    assert run.refused() or verb in ("e66", "e68"), run.describe()
    nothing_is_left(run)


def test_rootless_it_is_refused_by_name(plain_runner):
    run = on_disk(plain_runner, ["true"])
    assert run.verdict == "setup_failed" and run.failed.step == "mount_outputs", run.describe()
    assert "root" in run.failed.message and "memory" in run.failed.hint, run.failed
    assert "outputs.img" not in os.listdir(run.folder)


def test_more_than_the_disk_has_is_refused_before_the_run_begins(root_runner):
    run = on_disk(root_runner, ["echo", "began"], output_bytes=1 << 42)
    assert run.verdict == "setup_failed" and run.failed.step == "mount_outputs" and run.stdout == b"", run.describe()
    assert run.failed.errno in ("ENOSPC", "EFBIG"), run.failed
    nothing_is_left(run)


def lost_run(runner):
    folder = disk_folder(runner, ["sh", "-c", "echo kept > /outputs/checkpoint; ln -s /etc/shadow /outputs/link; sync; "
                                  "echo ready; sleep 60"])
    process = runner.start(folder)
    log = os.path.join(folder, "log")
    harness.Deadline(20).until(lambda: b"ready" in harness.Frames(harness.read_log(log)).text("stdout"), "the run to write")
    with open(os.path.join(folder, "monitor.lock")) as f:
        os.kill(int(f.read().split()[0]), signal.SIGKILL)
    process.wait(20)
    harness.remove_cgroup(harness.cgroup_folders(os.path.basename(folder)))
    harness.Deadline(10).until(lambda: not [p for p in loops() if folder in p], "the loop device to go", 0.01)
    return folder


def test_a_run_whose_monitor_died_keeps_what_it_had_written(root_runner):
    folder = lost_run(root_runner)
    assert not os.path.exists(os.path.join(folder, "record.json"))
    done = root_runner.call("outputs", folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [f["path"] for f in told["files"]] == ["checkpoint"] and [r["path"] for r in told["refused"]] == ["link"], told
    with open(os.path.join(folder, "outputs", "checkpoint")) as f:
        assert f.read() == "kept\n"


def test_an_image_that_somebody_else_could_have_written_is_never_mounted(root_runner):
    folder = lost_run(root_runner)
    image = os.path.join(folder, "outputs.img")
    os.chown(image, harness.PLAIN_UID, harness.PLAIN_UID)
    done = root_runner.call("outputs", folder)
    assert done.returncode == 125 and "not the file" in done.stderr, done
    os.chown(image, 0, 0)
    subprocess.run(["ln", image, os.path.join(folder, "second")], check=True)
    assert root_runner.call("outputs", folder).returncode == 125


def test_a_lab_takes_it_by_option_and_by_file(lab, tmp_path):
    (tmp_path / "enclos.jsonc").write_text('{"command": ["sh", "-c", "echo 1 > /outputs/a; grep -o \' /outputs .* ext4\' '
                                           '/proc/self/mountinfo"], "outputs": {"store": "disk", "size": "64M"}}')
    done = lab.cli("run", "--code", str(tmp_path), "--json", cwd=str(tmp_path))
    assert done.returncode == 0 and "ext4" in done.stderr, (done.stdout, done.stderr)
    run = json.loads(done.stdout)
    assert run["resources"]["output_disk"] == 1 and [a["path"] for a in run["artifacts"]] == ["a"]
    by_option = lab.cli("run", "--no-code", "--outputs-on", "disk", "--outputs", "64M", "--", "sh", "-c", "df -T /outputs; echo 2 > /outputs/b")
    assert by_option.returncode == 0 and "ext4" in by_option.stdout, by_option
    shown = lab.cli("show", run["id"])
    assert "on disk" in shown.stdout, shown.stdout
    wrong = lab.cli("run", "--no-code", "--outputs-on", "tape", "--", "true")
    assert wrong.returncode == 2 and "memory or disk" in wrong.stderr, wrong
    harness.Deadline(5).until(lambda: not [p for p in loops() if lab.state in p], "the loop devices to go", 0.01)


def test_a_lost_run_of_a_lab_leaves_its_image(lab):
    run = lab.submit(["sh", "-c", "echo kept > /outputs/checkpoint; sync; echo ready; sleep 60"], resources={"output_disk": 1})
    lab.wait_log(run, b"ready")
    os.kill(lab.monitors()[run], signal.SIGKILL)
    assert lab.wait(run).verdict == "lost"
    folder = os.path.join(lab.state, "runs", run)
    harness.Deadline(5).until(lambda: not [p for p in loops() if run in p], "the loop device to go", 0.01)
    done = subprocess.run([os.path.join(lab.install, "enclos-runner"), "outputs", folder], capture_output=True, text=True)
    assert done.returncode == 0 and "checkpoint" in done.stdout, done.stderr
