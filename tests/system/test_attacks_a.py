"""Attack cases, group A: namespaces, mounts, ids, capabilities. Each as root and rootless."""

import os
import struct
import time

import harness

REFUSED = {"EPERM", "ENOSYS"}


def refused(probe, *allowed_to_pass):
    """Every attempt but those named came back refused."""
    for call, got in probe["calls"].items():
        if call in allowed_to_pass:
            assert got == "ok", f"{call}: {got}"
        else:
            assert got in REFUSED, f"{call}: {got}"


def test_a01_unshare_newuser_is_refused(runner):
    run = runner.probe("a01")
    said = run.said()
    assert said.calls["unshare(NEWUSER)"] == "EPERM", run.describe()
    refused(said)
    assert run.verdict == "succeeded"
    assert "unshare" in run.denied_names(), run.denied


def test_a02_clone_with_namespace_flags_is_refused(runner):
    run = runner.probe("a02")
    refused(run.said(), "clone()")
    assert run.verdict == "succeeded"
    assert "clone" in run.denied_names(), run.denied


def test_a03_clone3_is_unknown_and_threads_work(runner):
    run = runner.probe("a03")
    said = run.said()
    assert set(said.calls.values()) == {"ENOSYS"}, said.calls
    assert said.facts.thread_said == 42


def test_a04_namespaces_of_pid_1_are_out_of_reach(runner):
    run = runner.probe("a04")
    for call, got in run.said()["calls"].items():
        assert got in {"EPERM", "EACCES", "ENOENT", "ENOSYS"}, f"{call}: {got}"


def test_a05_mount_is_refused(runner):
    run = runner.probe("a05")
    refused(run.said())
    assert "mount" in run.denied_names(), run.denied


def test_a06_newer_mount_calls_are_refused(runner):
    refused(runner.probe("a06").said())


def test_a07_umount_is_refused(runner):
    run = runner.probe("a07", datasets={"d": {"data.csv": "a,b\n"}})
    refused(run.said())
    assert "umount2" in run.denied_names(), run.denied


def test_a08_pivot_root_and_chroot_are_refused(runner):
    run = runner.probe("a08")
    refused(run.said())
    assert {"pivot_root", "chroot"} <= run.denied_names(), run.denied


def test_a09_ids_cannot_be_changed(runner):
    run = runner.probe("a09")
    said = run.said()
    for call, got in said.calls.items():
        assert got in {"EPERM", "EINVAL", "ENOSYS"}, f"{call}: {got}"
    assert said.facts.uid_before == said.facts.uid_after
    assert said.facts.gid_before == said.facts.gid_after


def test_a10_the_run_has_no_privilege_at_all(runner):
    facts = runner.probe("ids").said().facts
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(facts[name], 16) == 0, f"{name} {facts[name]}"
    assert facts.NoNewPrivs == "1"
    assert facts.Seccomp == "2"
    uids = set(facts.Uid.split())
    assert len(uids) == 1, facts.Uid
    if not runner.rootless:
        assert "0" not in uids, "the run is root"


def test_a11_a_file_capability_gives_nothing(root_runner):
    folder = root_runner.folder(["/work/probe", "ids"], code=harness.probe_code())
    probe = os.path.join(root_runner.top, "code-" + os.path.basename(folder), "probe")
    # vfs_cap_data, revision 2: every capability permitted, effective at once.
    os.setxattr(probe, "security.capability", struct.pack("<IIIII", 0x02000001, 0xFFFFFFFF, 0, 0x1FF, 0))
    began = time.monotonic()
    run = root_runner.finish(root_runner.start(folder), folder, began)
    assert int(run.said().facts.CapEff, 16) == 0, run.describe()


def test_a12_capabilities_cannot_be_raised(runner):
    run = runner.probe("a12")
    said = run.said()
    for call, got in said.calls.items():
        assert got in {"EPERM", "EINVAL", "ENOSYS"}, f"{call}: {got}"
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(said.facts[name], 16) == 0, f"{name} {said.facts[name]}"


def test_a14_id_maps_cannot_be_written(runner):
    for call, got in runner.probe("a14").said()["calls"].items():
        assert got in {"EPERM", "EACCES", "ENOENT", "EROFS"}, f"{call}: {got}"


def test_a15_host_name_cannot_be_set(runner):
    run = runner.probe("a15")
    said = run.said()
    refused(said)
    assert said.facts.hostname != "owned"
    assert "sethostname" in run.denied_names(), run.denied
