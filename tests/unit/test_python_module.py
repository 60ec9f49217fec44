"""api/python: one JSON line a call, whole under threads and forks, harmless outside a run."""

import importlib
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "api" / "python"
sys.path.insert(0, str(HERE))


@pytest.fixture
def run(monkeypatch):
    """The helper inside a run; read() gives what it wrote so far."""
    read_end, write_end = os.pipe()
    os.set_blocking(read_end, False)
    monkeypatch.setenv("ENCLOS_METRICS_FD", str(write_end))
    import enclos

    module = importlib.reload(enclos)
    got = bytearray()

    def lines():
        while True:
            try:
                part = os.read(read_end, 1 << 16)
            except BlockingIOError:
                break
            got.extend(part)
        return [json.loads(line) for line in bytes(got).splitlines()]

    module.lines = lines
    module.write_end = write_end
    yield module
    os.close(read_end)
    try:
        os.close(write_end)
    except OSError:
        pass


def test_each_call_is_one_json_line(run):
    run.log_metric("auc", 0.97, step=3)
    run.log_metrics({"loss": 1, "f1": 0.5})
    run.log_param("trees", 200)
    run.set_tag("modèle", "forêt")
    assert run.lines() == [
        {"metric": "auc", "value": 0.97, "step": 3},
        {"metric": "loss", "value": 1},
        {"metric": "f1", "value": 0.5},
        {"param": "trees", "value": 200},
        {"tag": "modèle", "value": "forêt"},
    ]


def test_numbers_that_json_lacks_are_strings(run):
    for value in (float("nan"), float("inf"), float("-inf"), 10**400):
        run.log_metric("m", value)
    assert [r["value"] for r in run.lines()] == ["NaN", "Infinity", "-Infinity", "Infinity"]


def test_numbers_of_other_libraries_are_taken(run):
    class Scalar:
        def __float__(self):
            return 2.5

    run.log_metric("m", Scalar())
    run.log_metric("b", True)
    assert [r["value"] for r in run.lines()] == [2.5, 1]


@pytest.mark.parametrize("call", [
    lambda e: e.log_metric("m", "high"),
    lambda e: e.log_metric("m", 1, step=1.5),
    lambda e: e.log_metric(3, 1),
])
def test_a_wrong_type_is_told_to_the_programmer(run, call):
    with pytest.raises(TypeError):
        call(run)
    assert run.lines() == []


@pytest.mark.parametrize("name", ["", "x" * 251, "a\nb"])
def test_a_wrong_name_is_told_to_the_programmer(run, name):
    with pytest.raises(ValueError):
        run.log_metric(name, 1)


def test_too_long_a_line_is_left_out_and_said_once(run, capsys):
    run.log_param("p", "x" * 5000)
    run.log_param("p", "x" * 5000)
    run.log_param("q", 1)
    assert run.lines() == [{"param": "q", "value": 1}]
    assert capsys.readouterr().err.count("4096") == 1


def test_lines_of_threads_and_forks_stay_whole(run):
    def work(who):
        for step in range(100):
            run.log_metric("who%s" % who, step, step=step)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    pid = os.fork()
    if pid == 0:
        work("fork")
        os._exit(0)
    for t in threads:
        t.join()
    assert os.waitpid(pid, 0)[1] == 0
    assert len(run.lines()) == 500


def test_outside_a_run_it_does_nothing_and_says_so_once(monkeypatch, capsys):
    monkeypatch.delenv("ENCLOS_METRICS_FD", raising=False)
    import enclos

    module = importlib.reload(enclos)
    module.log_metric("auc", 1)
    module.log_param("a", 1)
    assert not module.inside_run()
    assert capsys.readouterr().err.count("not inside a run") == 1


def test_a_child_without_the_descriptor_goes_on(run):
    code = "import enclos; enclos.log_metric('a', 1); enclos.log_metric('a', 2); print('done')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          env={**os.environ, "PYTHONPATH": str(HERE)})
    assert done.stdout == "done\n"
    assert done.stderr.count("close_fds") == 1
    assert run.lines() == []


def test_a_lab_that_went_away_does_not_break_the_program(run, capsys, monkeypatch):
    read_end, write_end = os.pipe()
    os.close(read_end)
    monkeypatch.setenv("ENCLOS_METRICS_FD", str(write_end))
    run.log_metric("a", 1)
    run.log_metric("a", 2)
    os.close(write_end)
    assert capsys.readouterr().err.count("cannot record") == 1


def test_a_file_that_took_the_number_of_the_descriptor_is_left_alone(run, monkeypatch, tmp_path):
    with open(tmp_path / "mine.txt", "w") as mine:
        monkeypatch.setenv("ENCLOS_METRICS_FD", str(mine.fileno()))
        run.log_metric("a", 1)
    assert (tmp_path / "mine.txt").read_text() == ""
