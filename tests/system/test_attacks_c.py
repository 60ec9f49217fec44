"""Attack cases, group C: memory, CPU, disk, inodes, descriptors, kernel objects."""

import os

import pytest

import harness
from harness import MIB, SLOW


@pytest.mark.parametrize("verb", ["memory", "map_populate"])
def test_c35_a_memory_bomb_is_out_of_memory_and_peaks_at_the_limit(runner, verb):
    run = runner.probe(verb, 1024, memory_bytes=96 * MIB)  # a guest of test-vm has not much more
    assert run.verdict == "out_of_memory", run.describe()
    assert 64 * MIB <= run.record.memory_peak_bytes <= 100 * MIB, run.record.memory_peak_bytes


@pytest.mark.parametrize("folder", ["/tmp", "/outputs", "/work", "/dev/shm"])
def test_c37_a_full_folder_says_enospc(runner, folder):
    run = runner.probe("fill", f"{folder}/fill", 512, tmp_bytes=16 * MIB, work_bytes=16 * MIB, output_bytes=16 * MIB,
                       memory_bytes=192 * MIB)
    if folder == "/dev/shm" and run.verdict == "out_of_memory":
        return  # shared memory may be as large as the run's memory: then memory is what ends it
    said = run.said()
    assert said["calls"][f"write({folder}/fill)"] in ("ENOSPC", "EFBIG"), run.describe()
    assert said.facts.bytes <= 192 * MIB
    if folder == "/outputs":
        assert run.verdict == "output_limit", run.describe()
        assert said.facts.bytes <= 16 * MIB
    else:
        assert run.verdict == "succeeded", run.describe()


def test_c37_what_fills_tmp_is_charged_to_the_run(runner):
    run = runner.probe("fill", "/tmp/fill", 512, tmp_bytes=1024 * MIB, memory_bytes=96 * MIB)
    assert run.verdict == "out_of_memory", run.describe()


@pytest.mark.parametrize("folder", ["/tmp", "/outputs", "/work"])
def test_c38_ten_million_files_meet_a_limit(runner, folder):
    run = runner.probe("many_files", folder, 10_000_000, memory_bytes=512 * MIB, wall_ms=60000 * harness.PATIENCE)
    if run.verdict == "out_of_memory":
        return
    said = run.said()
    assert said["calls"]["open(O_CREAT)"] == "ENOSPC", run.describe()
    assert said.facts.made < 1_000_000
    assert run.verdict == ("output_limit" if folder == "/outputs" else "succeeded"), run.describe()
    assert len(run.outputs.files) <= 1000


def test_c39_a_huge_sparse_file_is_refused_at_once(runner):
    run = runner.probe("sparse", output_bytes=16 * MIB)
    said = run.said()
    assert said["calls"]["ftruncate(1 EiB)"] in ("EFBIG", "ok", "EINVAL"), said
    assert said["calls"]["fallocate(1 TiB)"] in ("ENOSPC", "EFBIG", "EOPNOTSUPP"), said
    if said.facts.size > 16 * MIB:
        assert "sparse" in run.refused(), run.describe()
        assert run.verdict == "output_limit", run.describe()
    assert run.record.wall_ms < 1000 * harness.PATIENCE
    assert run.seconds < 3 * harness.PATIENCE


@pytest.mark.parametrize("verb", ["memfd_fill", "sysv_fill"])
def test_c41_memory_files_are_charged_or_denied(runner, verb):
    run = runner.probe(verb, 2048, memory_bytes=96 * MIB)
    if run.verdict != "out_of_memory":
        assert run.said().facts.mib <= 96, run.describe()


def test_c41_extended_attributes_are_no_storage(runner):
    for call, got in runner.probe("xattrs").said()["calls"].items():
        assert got in {"EOPNOTSUPP", "EPERM", "ENOSYS"}, f"{call}: {got}"


def test_c41_pipe_and_socket_buffers_are_charged_or_bounded(runner):
    run = runner.probe("buffers", memory_bytes=128 * MIB)
    if run.verdict == "out_of_memory":
        return
    said = run.said()
    # Pipes past the user's soft limit shrink to a page; what is left is bounded by descriptors.
    assert said.facts.bytes < 1024 * MIB, said.facts
    assert run.record.memory_peak_bytes <= 136 * MIB


def test_c42_descriptors_end_with_emfile(runner):
    run = runner.probe("descriptors")
    said = run.said()
    assert said["calls"]["dup()"] == "EMFILE", said
    assert said["calls"]["setrlimit(NOFILE)"] in ("EPERM", "EINVAL"), said
    assert said.facts.made < 70000


@pytest.mark.parametrize("threads", [1, 4])
def test_c44_a_busy_loop_meets_its_cpu_limit(runner, threads):
    run = runner.probe("burn", threads, cpu_ms=400, cpus_milli=2000 if threads > 1 else 1000)
    assert run.verdict == "cpu_timeout", run.describe()
    assert 400 <= run.record.cpu_ms <= 400 + 250 * harness.PATIENCE, run.record.cpu_ms


@pytest.mark.skipif(SLOW, reason="a sanitized runner is too slow to judge shares of a CPU")
def test_c44_half_a_cpu_is_half_a_cpu(runner):
    facts = runner.probe("burn", 2, 2, cpus_milli=500).said().facts
    share = facts.cpu_ms / facts.wall_ms
    assert 0 < share <= 0.6, f"{share:.2f} of a CPU"  # no lower bound: the machine may be busy


def test_c45_a_sleeper_meets_its_wall_limit_on_time(runner):
    run = runner.probe("sleep", 60, wall_ms=500, grace_ms=5000)
    assert run.verdict == "wall_timeout", run.describe()
    late = run.record.wall_ms - 500
    assert 0 <= late <= 60 * harness.PATIENCE, f"{late} ms late"  # ±10 ms on a quiet machine


def test_c47_locked_memory_is_limited(runner):
    run = runner.probe("mlock_all", 256, memory_bytes=96 * MIB)
    if run.verdict == "out_of_memory":
        return
    said = run.said()
    assert said.facts.rlimit_memlock >= 0, "unlimited locked memory"
    assert said["calls"].get("mlock()", "ENOMEM") != "ok", said
    assert run.record.memory_peak_bytes <= 100 * MIB


def test_c48_deep_folders_and_link_loops_do_not_trouble_the_collector(runner):
    run = runner.probe("deep", 10000, output_files=20000, wall_ms=60000 * harness.PATIENCE)
    said = run.said()
    # The program itself is slow at this depth: Landlock looks at every parent of what is opened.
    assert run.seconds - run.record.wall_ms / 1000 < 3 * harness.PATIENCE, "the collector took too long"
    assert run.refused(), run.describe()
    assert any("link0" in path for path in run.refused()), run.refused()
    assert len(run.record.outputs.refused) <= 20000
    assert said.facts.depth > 0
    assert not any(path.count("/") > 40 for path in run.outputs_on_disk)


def test_c50_watches_are_denied(runner):
    run = runner.probe("watches")
    calls = run.said()["calls"]
    for call in ("inotify_init1()", "inotify_init()", "fanotify_init()"):
        assert calls[call] in {"ENOSYS", "EPERM"}, f"{call}: {calls[call]}"
    assert calls["epoll_create1()"] == "EMFILE", calls


def test_c51_queues_and_keyrings_are_no_storage(runner):
    run = runner.probe("c51")
    assert set(run.said()["calls"].values()) == {"ENOSYS"}, run.said()


def test_c52_no_control_group_is_left_after_many_runs(runner):
    names = []
    for _ in range(5):
        names.append(runner.probe("exit", 0).record.run)
    for name in names:
        harness.no_cgroup_is_left(name)
    assert not [m for m in open("/proc/self/mountinfo") if runner.top in m], "a mount is left"
    assert os.path.isdir(runner.top)
