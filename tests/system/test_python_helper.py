"""`import enclos` inside a run, and its plain JSON line from another language."""

import math
import os

PROGRAM = """
import enclos
for step in range(3):
    enclos.log_metric("auc", 0.9 + step / 100, step=step)
enclos.log_metric("count", 12)
enclos.log_metric("nan", float("nan"))
enclos.log_param("trees", 200)
enclos.log_param("model", "forêt")
enclos.set_tag("note", "premier essai")
print("done")
"""


def test_metrics_params_and_tags_reach_the_catalog(shared_lab):
    run = shared_lab.run(["python3", "train.py"], code={"train.py": PROGRAM}, profile="python")
    assert run.verdict == "succeeded", (run, shared_lab.log(run.id))
    metrics = {m.name: m for m in run.metrics}
    assert abs(metrics["auc"].value - 0.92) < 1e-9 and metrics["auc"].step == 2, metrics
    assert metrics["auc"]["count"] == 3 and abs(metrics["auc"].min - 0.90) < 1e-9, metrics
    assert metrics["count"].value == 12
    assert metrics["nan"].value == "NaN" or metrics["nan"].value is None or math.isnan(metrics["nan"].value)
    assert run.params["trees"] == "200" and run.params["model"] == "forêt"
    assert run.tags["note"] == "premier essai"
    points = shared_lab.rpc("run.metrics", run=run.id, name="auc").points
    assert [(p.step, round(p.value, 2)) for p in points] == [(0, 0.9), (1, 0.91), (2, 0.92)]


def test_a_shell_line_is_a_metric(shared_lab):
    run = shared_lab.run(["sh", "-c", 'echo \'{"metric":"loss","value":1.5,"step":7}\' >&$ENCLOS_METRICS_FD'])
    assert [(m.name, m.value, m.step) for m in run.metrics] == [("loss", 1.5, 7)], run


def test_a_bad_name_is_refused_where_it_is_called(shared_lab):
    program = """
import enclos
for wrong in ("", "a" * 300, "new\\nline"):
    try:
        enclos.log_metric(wrong, 1)
        print("accepted", repr(wrong)[:20])
    except ValueError as e:
        print("refused")
"""
    run = shared_lab.run(["python3", "t.py"], code={"t.py": program}, profile="python")
    assert shared_lab.log(run.id) == b"refused\n" * 3, shared_lab.log(run.id)


def test_outside_a_run_it_says_so_and_does_not_fail(install, tmp_path):
    import subprocess

    where = os.path.join(install, "share", "enclos", "python")
    done = subprocess.run(["/usr/bin/python3", "-c", "import enclos; enclos.log_metric('a', 1); print('ok')"],
                          env={"PYTHONPATH": where, "PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
                          cwd=tmp_path)
    assert done.returncode == 0 and "ok" in done.stdout, done.stderr


def test_metrics_of_threads_and_children_come_whole(shared_lab):
    program = """
import enclos, os, threading
def work(name):
    for i in range(200):
        enclos.log_metric(name, i, step=i)
threads = [threading.Thread(target=work, args=(f"t{n}",)) for n in range(4)]
[t.start() for t in threads]
pid = os.fork()
if pid == 0:
    work("child")
    os._exit(0)
[t.join() for t in threads]
os.waitpid(pid, 0)
"""
    run = shared_lab.run(["python3", "t.py"], code={"t.py": program}, profile="python")
    assert run.verdict == "succeeded", shared_lab.log(run.id)
    assert {m.name: m["count"] for m in run.metrics} == {"t0": 200, "t1": 200, "t2": 200, "t3": 200, "child": 200}
