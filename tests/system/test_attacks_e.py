"""Attack cases, group E: what a run leaves in /outputs to fool the collector."""

import gzip
import os

import pytest

import harness


def only_good(run, *more):
    assert run.verdict == "succeeded", run.describe()
    files = {f.path for f in run.record.outputs.files}
    assert files == {"good.txt", *more}, run.describe()
    assert set(run.outputs_on_disk) == files
    for path in run.outputs_on_disk.values():
        assert os.path.isfile(path) and not os.path.islink(path)
    with open(run.outputs_on_disk["good.txt"]) as f:
        assert f.read() == "good\n"


def test_e60_symbolic_links_are_refused_and_listed(runner):
    run = runner.probe("e60")
    only_good(run)
    refused = run.refused()
    for name in ("absolute", "relative", "dangling", "dir", "inside", "magic"):
        assert "link" in refused[name], refused
    assert not any(os.path.islink(os.path.join(f, n)) for f, d, names in os.walk(run.folder) for n in d + names)


def test_e61_hard_links_are_refused(runner):
    run = runner.probe("e61", datasets={"d": {"data.csv": "secret\n"}})
    calls = run.said()["calls"]
    for call in ("link(dataset)", "link(runtime)", "link(work)", "rename(dataset)"):
        assert calls[call] in {"EXDEV", "EPERM", "EROFS", "EACCES"}, f"{call}: {calls[call]}"
    refused = run.refused()
    if calls["link(own)"] == "ok":
        assert "one.txt" in refused and "two.txt" in refused, refused
        only_good(run)
    else:
        only_good(run, "one.txt")


def test_e62_a_fifo_does_not_hold_the_collector(runner):
    run = runner.probe("e62")
    only_good(run)
    assert run.seconds < 5 * harness.PATIENCE
    assert "model.pkl" in run.refused(), run.describe()


def test_e63_devices_are_refused_and_a_socket_is_not_collected(runner):
    run = runner.probe("e63")
    calls = run.said()["calls"]
    for call in calls:
        if call.startswith("mknod"):
            assert calls[call] in {"EPERM", "EACCES"}, f"{call}: {calls[call]}"
    only_good(run)
    if calls["bind(/outputs/socket)"] == "ok":
        assert "socket" in run.refused()["socket"], run.refused()


def test_e64_hostile_names_never_leave_the_folder(runner):
    run = runner.probe("e64")
    assert run.verdict == "succeeded", run.describe()
    for entry in run.record.outputs.files:
        path = entry.path
        assert not path.startswith("/") and ".." not in path.split("/"), path
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in path), ascii(path)
    assert "good.txt" in run.outputs_on_disk
    assert len(run.refused()) >= 5, run.refused()
    top = os.path.realpath(os.path.join(run.folder, "outputs"))
    for path in run.outputs_on_disk.values():
        assert os.path.realpath(path).startswith(top + "/")


def test_e66_a_rename_storm_ends_in_a_consistent_collection(runner):
    for _ in range(3):
        run = runner.probe("e66", processes=20)
        assert run.verdict == "succeeded", run.describe()
        with open(run.outputs_on_disk["good.txt"]) as f:
            assert f.read() == "good\n"
        for path in run.outputs_on_disk.values():
            assert os.path.isfile(path) and not os.path.islink(path)
            with open(path) as f:
                assert f.read() in ("good\n", "storm\n")
        listed = {f.path for f in run.record.outputs.files}
        assert listed == set(run.outputs_on_disk)


def test_e68_closed_files_and_folders_are_collected_and_removed(runner):
    run = runner.probe("e68")
    calls = run.said()["calls"]
    assert calls["ioctl(SETFLAGS immutable)"] in {"ENOTTY", "EPERM", "EOPNOTSUPP"}, calls
    assert run.verdict == "succeeded", run.describe()
    assert "good.txt" in run.outputs_on_disk, run.describe()
    for entry in run.record.outputs.files:
        assert int(entry.mode, 8) & 0o6000 == 0
    left = [m for m in open("/proc/self/mountinfo") if os.path.basename(run.folder) in m]
    assert not left, left


def test_e70_a_compressed_bomb_is_kept_as_it_is(runner):
    bomb = gzip.compress(b"\0" * (64 << 20), 9)
    run = runner.run(["/bin/cp", "/work/bomb.gz", "/outputs/bomb.gz"], code={"bomb.gz": bomb})
    assert run.verdict == "succeeded", run.describe()
    with open(run.outputs_on_disk["bomb.gz"], "rb") as f:
        assert f.read() == bomb


def test_e71_more_files_than_allowed_is_output_limit(runner):
    run = runner.run(["/bin/sh", "-c", "i=0; while [ $i -lt 30 ]; do echo x > /outputs/f$i || exit 0; i=$((i+1)); done"],
                     output_files=10)
    assert run.verdict == "output_limit", run.describe()
    assert len(run.record.outputs.files) <= 10
