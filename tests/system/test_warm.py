"""Warm starts: the same results as cold ones, the same walls, nothing shared but what is said to be shared."""

import json
import os
import re
import signal
import time

import pytest

import harness
import warm_runner
from harness import MIB, Deadline

MEMORY = 512 * MIB


def _make(top, install, uid, cgroup, name):
    made = warm_runner.make(top, install, uid, cgroup, ["json"], name)
    return made


@pytest.fixture(scope="module")
def warm_root(top, install):
    if os.getuid() != 0:
        pytest.skip("needs root")
    made = _make(top, install, 0, None, "warm-root")
    yield made
    warm_runner.stop(made)


@pytest.fixture(scope="module")
def warm_plain(top, install, user_cgroup):
    made = _make(top, install, harness.PLAIN_UID, user_cgroup, "warm-plain")
    yield made
    warm_runner.stop(made)


@pytest.fixture(params=["root", "rootless"])
def runner(request):
    made = request.getfixturevalue("warm_root" if request.param == "root" else "warm_plain")
    made.only_warm = True
    return made


def warm(runner, command, **spec):
    spec.setdefault("profile", "python")
    spec.setdefault("memory_bytes", MEMORY)
    return runner.run(command, **spec)


def cold(runner, command, **spec):
    runner.only_warm = False
    try:
        run = warm(runner, command, spec_changes={"warm": None}, **spec)
    finally:
        runner.only_warm = True
    assert run.record.sandbox.warm is None
    return run


def wait_cold(runner, command, **spec):
    """A run that asked for a warm start and may not get it."""
    runner.only_warm = False
    try:
        return warm(runner, command, **spec)
    finally:
        runner.only_warm = True


# ---- the same as cold --------------------------------------------------------------------------------

STATE = r"""
import sys, os, io, signal, resource, traceback, threading, locale, json
import __main__
def state():
    return {
        "argv": sys.argv, "orig": sys.orig_argv, "path": sys.path, "flags": str(sys.flags), "executable": sys.executable,
        "file": globals().get("__file__"), "name": __name__, "main": sorted(k for k in vars(__main__)),
        "loader": str(globals().get("__loader__"))[:60].split(" object")[0], "spec": __spec__ is None,
        "cwd": os.getcwd(), "environ": dict(os.environ), "fds": sorted(os.listdir("/proc/self/fd")),
        "signals": {int(s): str(signal.getsignal(s)) for s in signal.valid_signals()},
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        "limits": {r: resource.getrlimit(getattr(resource, r)) for r in dir(resource) if r.startswith("RLIMIT_")},
        "ids": [os.getresuid(), os.getresgid(), os.getgroups(), os.getpid(), os.getppid(), os.getsid(0), os.getpgrp()],
        "umask": os.umask(0o22), "stdin": os.readlink("/proc/self/fd/0"), "nice": os.nice(0),
        "streams": [(s.encoding, s.errors, s.line_buffering, s.write_through, s.name, s.mode, s.isatty())
                    for s in (sys.stdin, sys.stdout, sys.stderr)],
        "locale": locale.setlocale(locale.LC_ALL), "threads": [t.name for t in threading.enumerate()],
        "affinity": sorted(os.sched_getaffinity(0)), "comm": open("/proc/self/comm").read(), "root": os.listdir("/"),
        "exe": os.readlink("/proc/self/exe"), "c_environ": sorted(
            x for x in os.popen("env").read().splitlines() if not x.startswith(("_=", "PWD="))),
        "alarm": signal.getitimer(signal.ITIMER_REAL), "frames": len(traceback.extract_stack()),
        "status": [l for l in open("/proc/self/status") if l.startswith(
            ("Cap", "NoNew", "Seccomp:", "Groups", "Sig", "Umask", "Threads", "Shd", "Uid", "Gid", "NSpid"))],
        "mounts": sorted(l.split(" - ")[0].split()[4] + " " + l.split(" - ")[0].split()[5] for l in open("/proc/self/mountinfo")),
    }
print(json.dumps(state(), indent=0, sort_keys=True))
"""


def comparable(run):
    text = run.stdout.decode()
    text = text.replace(run.record.run, "RUN")
    text = re.sub(r'"SigQ[^"]*",?', "", text)
    return text


@pytest.mark.parametrize("how", ["script", "module", "code"])
def test_python_finds_everything_as_if_it_had_just_started(runner, how):
    command = {"script": ["python3", "-u", "sub/state.py", "--x", "é", ""],
               "module": ["python3", "-m", "sub.state", "a b"],
               "code": ["/usr/bin/python3", "-c", STATE, "-x", "y"]}[how]
    spec = dict(code={"sub/state.py": STATE, "sub/__init__.py": ""}, env={"A": "1", "TZ": "America/Toronto", "B": "é"})
    at, want = comparable(warm(runner, command, **spec)), comparable(cold(runner, command, **spec))
    assert json.loads(at) == json.loads(want)


PROGRAMS = {
    "says and ends": "print('out'); import sys; print('err', file=sys.stderr)",
    "without a line's end": "import sys; sys.stdout.write('no end')",
    "exit nothing": "import sys; sys.exit()",
    "exit 3": "import sys; sys.exit(3)",
    "exit 256": "import sys; sys.exit(256)",
    "exit -1": "import sys; sys.exit(-1)",
    "exit true": "raise SystemExit(True)",
    "exit with a text": "import sys; sys.exit('a reason, é')",
    "exit in a function": "def f():\n    raise SystemExit(7)\ntry:\n    f()\nfinally:\n    print('finally')",
    "exit at once": "import os; print('said'); os._exit(9)",
    "exception": "def f(x):\n    return 1 / x\nprint('before')\nf(0)",
    "chained exception": "try:\n    {}['a']\nexcept KeyError as e:\n    raise ValueError('x') from e",
    "own hook": "import sys\nsys.excepthook = lambda t, v, b: print('hook', t.__name__)\nraise KeyError(1)",
    "syntax error": "print('never')\nx = = 1",
    "interrupt": "raise KeyboardInterrupt",
    "killed": "import os; os.kill(os.getpid(), 9)",
    "terminated": "import os; os.kill(os.getpid(), 15)",
    "abort": "import os; os.abort()",
    "segfault": "import ctypes; ctypes.string_at(0)",
    "atexit": "import atexit\natexit.register(print, 'first')\natexit.register(print, 'second')\nprint('main')",
    "atexit that fails": "import atexit\natexit.register(lambda: 1/0)\natexit.register(print, 'still')",
    "exit in atexit": "import atexit, sys\natexit.register(sys.exit, 5)",
    "objects at the end": "class D:\n    def __init__(self, n): self.n = n\n    def __del__(self): print('del', self.n)\n"
                          "a = D('global')\n_p = D('private')\nb = [D('cycle')]; b.append(b)\ndef f(): return a",
    "file left open": "f = open('/outputs/f', 'w'); f.write('kept'); import atexit; "
                      "atexit.register(lambda: print('open'))",
    "thread": "import threading, time\ndef f():\n    time.sleep(0.05); print('thread')\nthreading.Thread(target=f).start()\nprint('main')",
    "thread that fails": "import threading\nt = threading.Thread(target=lambda: 1/0, name='T'); t.start(); t.join(); print('on')",
    "daemon thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start(); print('main')",
    "stdout closed": "import sys; sys.stdout.close()",
    "stdout gone": "import os; os.close(1); print('x')",
    "warning": "import warnings; warnings.warn('careful')",
    "bytes that are no text": "# -*- coding: latin-1 -*-\nprint('\xe9')".encode("latin-1"),
    "future": "from __future__ import annotations\nx: undefined = 1\nprint(x)",
    "imports its neighbour": "import neighbour; print(neighbour.x)",
    "main again": "import sys; print(sys.modules['__main__'].__file__, __name__)",
    "recursion": "def f(n): return f(n + 1)\ntry:\n    f(0)\nexcept RecursionError:\n    print('deep')",
    "signal handler": "import signal, os\nsignal.signal(signal.SIGUSR1, lambda *a: print('handled'))\n"
                      "os.kill(os.getpid(), signal.SIGUSR1)",
    "broken pipe": "import os\nr, w = os.pipe(); os.close(r)\ntry:\n    os.write(w, b'x')\nexcept BrokenPipeError:\n    print('EPIPE')",
    "large file": "open('/tmp/x', 'wb').truncate(1 << 20); print('ok')",
    "fork": "import os\np = os.fork()\nif p == 0:\n    print('child'); os._exit(4)\nprint(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]))",
    "subprocess": "import subprocess\nprint(subprocess.run(['sh', '-c', 'echo $HOME; exit 3'], capture_output=True))",
    "faulthandler": "import faulthandler; print(faulthandler.is_enabled())",
    "metrics": "import enclos; enclos.log_metric('m', 1.5); print('logged')",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_says_and_returns_the_same_warm_or_cold(warm_root, name):
    spec = dict(code={"program.py": PROGRAMS[name], "neighbour.py": "x = 5"})
    a, b = (how(warm_root, ["python3", "program.py"], **spec) for how in (warm, cold))
    # A fatal error lists the extension modules that are loaded: those of the preload too.
    varies = re.compile(rb"0x[0-9a-f]+|\n\nExtension modules:.*")
    for what in ("stdout", "stderr"):
        assert varies.sub(b"", getattr(a, what)) == varies.sub(b"", getattr(b, what)), what
    assert (a.verdict, a.exit_code, a.signal) == (b.verdict, b.exit_code, b.signal)
    assert sorted(f.path for f in a.outputs.files) == sorted(f.path for f in b.outputs.files)
    assert [open(p).read() for p in a.outputs_on_disk.values()] == [open(p).read() for p in b.outputs_on_disk.values()]
    assert len(a.metrics) == len(b.metrics)


@pytest.mark.parametrize("command", [
    ["python3", "missing.py"], ["python3", "folder"], ["python3", "archive.zip"], ["python3", "-m", "missing"],
    ["python3", "-m", "package"], ["python3", "-m", "json.tool", "data.json"], ["python3", "-c", "1/0"], ["python3", "-c", ""],
    ["python3", "/work/folder/__main__.py"], ["python3", "secret.py"],
], ids=["missing", "folder", "archive", "no module", "package", "of the library", "code that fails", "no code", "path",
        "not readable"])
def test_what_python_is_given_to_run_is_found_or_missed_alike(runner, command, tmp_path):
    import zipfile
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as z:
        z.writestr("__main__.py", "import sys; print('zip', sys.argv)")
    spec = dict(code={"folder/__main__.py": "import sys; print('folder', sys.argv, sys.path[0])",
                      "archive.zip": (tmp_path / "a.zip").read_bytes(), "package/__init__.py": "",
                      "package/__main__.py": "import sys; print(__package__, sys.argv)", "data.json": '{"a": 1}',
                      "secret.py": (b"print(1)", 0)})
    a, b = wait_cold(runner, command, **spec), cold(runner, command, **spec)
    assert (a.stdout, a.stderr, a.exit_code, a.verdict) == (b.stdout, b.stderr, b.exit_code, b.verdict)


WORK = r"""
import multiprocessing as mp, concurrent.futures, asyncio, sqlite3, threading, os, sys
import numpy as np, pandas as pd, sklearn.linear_model, sklearn.ensemble, joblib
def square(x): return x * x
if __name__ == "__main__":
    for method in ("fork", "spawn", "forkserver"):
        with mp.get_context(method).Pool(2) as pool:
            assert pool.map(square, range(4)) == [0, 1, 4, 9], method
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(square, range(3))) == [0, 1, 4]
    q = mp.Queue(); p = mp.Process(target=q.put, args=(5,)); p.start(); assert q.get() == 5; p.join()
    assert joblib.Parallel(n_jobs=2)(joblib.delayed(square)(i) for i in range(4)) == [0, 1, 4, 9]
    async def main():
        r = await asyncio.create_subprocess_exec("echo", "hi", stdout=-1)
        return (await r.communicate())[0], await asyncio.to_thread(square, 3)
    assert asyncio.run(main()) == (b"hi\n", 9)
    assert sqlite3.connect("/tmp/x.db").execute("select 1+1").fetchone() == (2,)
    a = np.random.default_rng(0).normal(size=(700, 700))
    assert np.allclose(a @ np.linalg.inv(a), np.eye(700), atol=1e-6)
    x = np.random.default_rng(1).normal(size=(400, 5)); y = x[:, 0] > 0
    assert sklearn.linear_model.LogisticRegression().fit(x, y).score(x, y) > 0.9
    assert sklearn.ensemble.RandomForestClassifier(20, n_jobs=2).fit(x, y).score(x, y) > 0.9
    assert pd.DataFrame({"a": [1, 2], "b": [3, 4]}).groupby("a").b.sum().tolist() == [3, 4]
    print("threads", len(os.listdir("/proc/self/task")), os.environ["OMP_NUM_THREADS"])
    print("all done")
"""


def test_numerical_libraries_and_processes_work_with_the_runs_cpus(runner):
    run = warm(runner, ["python3", "w.py"], code={"w.py": WORK}, cpus_milli=2000, processes=200, wall_ms=90_000)
    assert run.stdout.endswith(b"all done\n"), run.describe()
    threads, omp = re.search(rb"threads (\d+) (\d+)", run.stdout).groups()
    assert int(omp) == 2 and int(threads) >= 2, "BLAS and OpenMP have a thread for each CPU"


# ---- fresh, and apart ----------------------------------------------------------------------------------

DRAW = r"""
import json, os, random, secrets, ssl, sys, tempfile, uuid, multiprocessing.process
import numpy as np
print(json.dumps({"random": random.random(), "numpy": np.random.rand(), "generator": np.random.default_rng().random(),
    "state": np.random.RandomState().rand(), "uuid1": uuid.uuid1().hex, "uuid4": uuid.uuid4().hex, "urandom": os.urandom(8).hex(),
    "secrets": secrets.token_hex(8), "ssl": ssl.RAND_bytes(8).hex(), "name": tempfile.mktemp(),
    "sample": random.sample(range(10**9), 3), "system": random.SystemRandom().random(),
    "authkey": bytes(multiprocessing.process.current_process().authkey).hex(), "shuffle": np.random.permutation(50).tolist()}))
"""


def test_every_generator_has_fresh_seeds(runner):
    first, second, third = (json.loads(warm(runner, ["python3", "-c", DRAW]).stdout) for _ in range(3))
    for name in first:
        assert first[name] != second[name] != third[name] != first[name], name


def test_a_seed_that_the_program_sets_gives_what_it_gives_cold(warm_root):
    code = ["python3", "-c", "import random, numpy as np; random.seed(1); np.random.seed(1); print(random.random(), np.random.rand(3))"]
    assert warm(warm_root, code).stdout == cold(warm_root, code).stdout


LEAVE = r"""
import os, sys, socket, builtins, numpy, ctypes
numpy.secret = builtins.secret = "of another run"
os.environ["SECRET"] = "x"
open("/tmp/left", "w").write("x"); open("/work/left", "w").write("x"); open("/dev/shm/left", "w").write("x")
s = socket.socket(socket.AF_UNIX); s.bind("\0left"); s.listen()
ctypes.CDLL(None).shmget(4242, 4096, 0o1600)
sys.path.append("/left")
print("ready", flush=True)
import time; time.sleep(%s)
"""
LOOK = r"""
import os, sys, socket, builtins, numpy, ctypes, json
def connects():
    try:
        socket.socket(socket.AF_UNIX).connect("\0left"); return True
    except OSError as e:
        return e.errno
print(json.dumps({"numpy": hasattr(numpy, "secret"), "builtins": hasattr(builtins, "secret"), "env": os.environ.get("SECRET"),
    "files": [p for p in ("/tmp/left", "/work/left", "/dev/shm/left", "/left") if os.path.exists(p)], "socket": connects(),
    "shm": ctypes.CDLL(None).shmget(4242, 4096, 0), "path": "/left" in sys.path, "fds": sorted(os.listdir("/proc/self/fd")),
    "pids": sorted(p for p in os.listdir("/proc") if p.isdigit())}))
"""


def test_one_run_leaves_nothing_to_the_next_nor_shows_anything_beside_it(runner):
    folder = runner.folder(["python3", "-c", LEAVE % 30], profile="python", memory_bytes=MEMORY)
    beside = runner.start(folder)
    Deadline(15).until(lambda: b"ready" in harness.Frames(harness.read_log(os.path.join(folder, "log"))).text("stdout"),
                       "the first run")
    assert warm(runner, ["python3", "-c", LEAVE % 0]).verdict == "succeeded"
    seen = json.loads(warm(runner, ["python3", "-c", LOOK]).stdout)
    beside.kill()
    beside.wait()
    harness.remove_cgroup(harness.cgroup_folders(os.path.basename(folder)))
    assert seen == {"numpy": False, "builtins": False, "env": None, "files": [], "socket": 111, "shm": -1, "path": False,
                    "fds": ["0", "1", "2", "3", "4"], "pids": ["2"]}, seen


SLEEP = ["python3", "-c", "import time; print('ready', flush=True); time.sleep(60)"]


def job_of(folder):
    """pid of the job, as the host sees it: the one child of init."""
    log = os.path.join(folder, "log")
    Deadline(15).until(lambda: b"ready" in harness.Frames(harness.read_log(log)).text("stdout"), "the run to speak")
    init = Deadline(15).until(lambda: next((e.pid for e in harness.Frames(harness.read_log(log)).objects("event")
                                            if e.event == "running"), None), "the monitor to see it run")
    with open(f"/proc/{init}/task/{init}/children") as f:
        children = f.read().split()
    assert len(children) == 1
    return init, int(children[0])


def python_templates(runner):
    """Those of the profile python, whatever their owner and number of CPUs."""
    return [t for t in runner.templates() if "pandas" in open(f"/proc/{t}/cmdline").read()]


def spares_of(templates):
    """pids of what the templates have forked and keep waiting: one each, or []."""
    found = [int(c) for t in templates for c in open(f"/proc/{t}/task/{t}/children").read().split()]
    return found if templates and len(found) == len(templates) else []


def status_of(pid):
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def namespaces_of(pid):
    return {n: os.stat(f"/proc/{pid}/ns/{n}").st_ino for n in ("user", "mnt", "pid", "net", "ipc", "uts", "cgroup")}


def groups_of(pid):
    with open(f"/proc/{pid}/cgroup") as f:
        return {line.split(":")[1]: line.rstrip("\n").split(":")[2] for line in f}


def test_what_is_attested_is_what_the_host_sees_and_nothing_is_the_templates(runner):
    folders = [runner.folder(SLEEP, profile="python", memory_bytes=MEMORY, grace_ms=0) for _ in range(2)]
    processes = [runner.start(f) for f in folders]
    seen, groups, uids = [], [], []
    template = python_templates(runner)[0]
    for folder in folders:
        init, job = job_of(folder)
        seen.append(namespaces_of(job))
        of_init = namespaces_of(init)
        assert {n: i for n, i in of_init.items() if n != "user"} == {n: i for n, i in seen[-1].items() if n != "user"}
        status = status_of(job)
        assert {status[c] for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
        assert status["Seccomp"] == "2" and int(status["Seccomp_filters"]) >= 2 and status["NoNewPrivs"] == "1"
        assert status["NSpid"].split()[1:] == ["2"], "PID 2 of the run"
        assert status["PPid"] == str(init), "init reaps it"
        uids.append(status["Uid"].split()[0])
        groups.append(groups_of(job))
        if os.path.exists("/sys/fs/cgroup/memory") and not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
            for controller in ("memory", "pids", "cpu"):
                assert os.path.basename(folder) in groups[-1][controller], groups[-1]
        assert groups[-1] == groups_of(init)
    at_template = namespaces_of(template)
    for name in seen[0]:
        assert len({seen[0][name], seen[1][name], at_template[name]}) == 3, f"{name} is shared"
    assert all(g != groups_of(template) for g in groups)
    if not runner.rootless:
        assert len({*uids, status_of(template)["Uid"].split()[0], "0"}) == 4, uids
    for folder, process, namespaces, uid in zip(folders, processes, seen, uids):
        open(os.path.join(folder, "cancel"), "w").close()
        run = runner.finish(process, folder, 0)
        sandbox = run.record.sandbox
        assert dict(sandbox.namespaces) == namespaces
        assert sandbox.host_uid == int(uid) and sandbox.uid == 1000 and sandbox.userns == "own"
        assert run.verdict == "cancelled", run.describe()
        assert sandbox.warm.address_space == "shared_layout" and sandbox.warm.hash_seed == "shared"
        assert sandbox.warm.owner == runner.owner and sandbox.warm.template_age_ms >= 0


def test_a_template_has_no_right_no_network_no_data_and_no_view_of_the_host(runner):
    runner.prime("python", 1000)
    template = python_templates(runner)[0]
    status = status_of(template)
    assert {status[c] for c in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert status["NoNewPrivs"] == "1" and status["Groups"].strip() in ("", "65534")
    assert status["Seccomp"] == "2" and int(status["Seccomp_filters"]) >= 2
    assert status["Uid"].split()[0] != "0"
    with open(f"/proc/{template}/net/dev") as f:
        assert [line.split(":")[0].strip() for line in f.readlines()[2:]] == ["lo"]
    with open(f"/proc/{template}/mountinfo") as f:
        mounts = {line.split()[4]: line for line in f}
    assert "/proc" not in mounts and "/data" not in mounts and "/work" not in mounts
    assert not any(runner.top in line for line in mounts.values())
    for where, line in mounts.items():
        assert where == "/tmp" or where.startswith("/dev/") or line.split()[5].startswith("ro"), line
    assert sorted(os.listdir(f"/proc/{template}/root")) == ["bin", "data", "dev", "etc", "lib", "lib32", "lib64", "libx32",
                                                            "opt", "outputs", "proc", "sbin", "sys", "tmp", "usr", "work"] or \
        not {"home", "root", "var", "srv", "boot"} & set(os.listdir(f"/proc/{template}/root"))
    assert sorted(map(int, os.listdir(f"/proc/{template}/fd"))) == [0, 1, 2, 3]
    launcher = namespaces_of(int(status["PPid"]))
    own = namespaces_of(template)
    assert all(own[n] != launcher[n] for n in ("mnt", "net", "ipc", "uts", "cgroup"))


def test_limits_hold_for_what_is_done_in_python_itself(runner):
    run = warm(runner, ["python3", "-c", "x = bytearray(400 << 20); x[::4096] = b'x' * len(x[::4096]); print('had it')"],
               memory_bytes=200 * MIB)
    assert run.verdict == "out_of_memory" and b"had it" not in run.stdout, run.describe()
    run = warm(runner, ["python3", "-c", "while True: pass"], cpu_ms=300)
    assert run.verdict == "cpu_timeout", run.describe()
    run = warm(runner, ["python3", "-c", "import time; time.sleep(60)"], wall_ms=400, grace_ms=100)
    assert run.verdict == "wall_timeout" and 350 <= run.record.wall_ms < 2000 * harness.PATIENCE, run.describe()
    assert warm(runner, ["python3", "-c", "print(1)"]).verdict == "succeeded", "the template is unharmed"


def test_refused_calls_of_python_are_named(runner):
    run = warm(runner, ["python3", "-c", "import ctypes; c = ctypes.CDLL(None, use_errno=True)\n"
                        "for n in (101, 155, 165, 272): print(c.syscall(n, 0, 0, 0, 0), ctypes.get_errno())"])
    assert run.stdout == b"-1 1\n" * 4, run.describe()
    assert {"ptrace", "pivot_root", "mount", "unshare"} <= run.denied_names(), run.denied


def test_refused_paths_are_named_where_that_is_asked(runner):
    run = warm(runner, ["python3", "-c", "print(open('/etc/shadow'))"], report_paths=True)
    assert run.verdict == "failed" and b"FileNotFoundError" in run.stderr, run.describe()
    assert any("/etc/shadow" in d.get("path", "") + json.dumps(d) for d in run.denied), run.denied


def test_data_and_code_are_the_runs_own(runner):
    spec = dict(code={"a.py": "import os\nprint(open('/data/d/x').read(), os.stat('/data/d/x').st_uid, os.stat('a.py').st_uid)\n"
                              "for p in ('/data/d/x', '/data/d/new', '/usr/x'):\n"
                              "    try: open(p, 'w'); print('written', p)\n    except OSError as e: print(e.strerror)\n"
                              "open('a.py', 'a').write('#'); open('new', 'w'); os.unlink('a.py'); print(os.listdir('.'))"},
                datasets={"d": {"x": "secret"}})
    a, b = warm(runner, ["python3", "a.py"], **spec), cold(runner, ["python3", "a.py"], **spec)
    assert a.stdout == b.stdout and b"secret 1000 1000" in a.stdout and b"written" not in a.stdout, a.describe()
    assert a.record.sandbox.work == b.record.sandbox.work and a.record.sandbox.ownership == b.record.sandbox.ownership


# ---- who gets one, and who does not ----------------------------------------------------------------------


@pytest.mark.parametrize("command, env, why", [
    (["true"], {}, "not the interpreter"), (["python3", "-O", "-c", ""], {}, "option"), (["python3"], {}, "no program"),
    (["python3", "-"], {}, "no program"), (["python3", "-c", ""], {"PYTHONHASHSEED": "1"}, "variable"),
    (["python3", "-c", ""], {"OMP_NUM_THREADS": "1"}, "variable"), (["python3", "-c", ""], {"SKLEARN_X": "1"}, "variable"),
    (["python3", "-c", ""], {"PATH": "/work"}, "variable"), (["python3", "-c", ""], {"LANG": "C"}, "variable"),
], ids=lambda v: "-".join(v) if isinstance(v, (list, dict)) else None)
def test_what_a_template_cannot_go_on_as_starts_cold_and_says_why(warm_root, command, env, why):
    warm_root.prime("python", 1000)
    folder = super(warm_runner.WarmRunner, warm_root).folder(
        command, profile="python", env=env, memory_bytes=MEMORY, spec_changes={"warm": warm_root.owner})
    run = super(warm_runner.WarmRunner, warm_root).finish(warm_root.send(folder), folder, 0)
    assert run.record.sandbox.warm.warm is False and why in run.record.sandbox.warm.why, run.record.sandbox.warm


def test_a_profile_without_preload_and_one_that_fails_start_cold(top, install):
    if os.getuid() != 0:
        pytest.skip("needs root")
    made = warm_runner.make(top, install, 0, None, ["json", "no_such_module_there_is"], "warm-broken")
    try:
        made.only_warm = False
        python = os.path.join(made.profiles, "python.jsonc")
        assert made.run(["python3", "-c", "print(1)"]).verdict == "succeeded"

        def failed():
            run = made.run(["python3", "-c", "print(1)"])
            assert run.verdict == "succeeded" and run.stdout == b"1\n"
            return "No module named 'no_such_module_there_is'" in run.record.sandbox.warm.why

        Deadline(20).until(failed, "the template to fail", 0.1)
        with open(os.path.join(made.profiles, "base.jsonc")) as f:
            text = f.read()
        with open(os.path.join(made.profiles, "base.jsonc"), "w") as f:
            f.write(re.sub(r'\n    "preload".*', "", text, count=1))
        assert os.path.exists(python)
        run = made.run(["python3", "-c", "print(1)"])
        assert run.verdict == "succeeded" and "names no preload" in run.record.sandbox.warm.why, run.record.sandbox.warm
    finally:
        warm_runner.stop(made)


def test_without_a_launcher_a_run_starts_cold_and_says_so(root_runner):
    run = root_runner.run(["python3", "-c", "print(1)"], profile="python", spec_changes={"warm": "x"})
    assert run.verdict == "succeeded" and run.record.sandbox.warm.warm is False, run.record.sandbox.warm
    assert "no launcher" in run.record.sandbox.warm.why
    assert root_runner.run(["python3", "-c", "print(1)"], profile="python").record.sandbox.warm is None


def test_owners_have_templates_of_their_own(warm_root):
    mine = warm(warm_root, ["python3", "-c", "print(1)"]).record.sandbox.warm
    before = warm_root.owner, warm_root.ready
    warm_root.owner, warm_root.ready = "someone.else", set()
    try:
        theirs = warm(warm_root, ["python3", "-c", "print(1)"]).record.sandbox.warm
    finally:
        warm_root.owner, warm_root.ready = before
    assert mine.template != theirs.template and (mine.owner, theirs.owner) == ("tester", "someone.else")
    # A spec that names another owner than the launcher was told is not started from that owner's template.
    folder = warm_root.folder(["python3", "-c", "print(1)"], profile="python", memory_bytes=MEMORY)
    run = super(warm_runner.WarmRunner, warm_root).finish(warm_root.send(folder, owner="someone.else"), folder, 0)
    assert "another owner's" in run.record.sandbox.warm.why


# ---- what may die ------------------------------------------------------------------------------------------


def until_warm(runner):
    runner.ready.discard(("python", 1))
    return warm(runner, ["python3", "-c", "print(1)"])


def test_a_template_that_is_killed_is_replaced_and_its_runs_go_on(runner):
    folder = runner.folder(["python3", "-c", "import time; print('ready', flush=True); time.sleep(1); print('on')"],
                           profile="python", memory_bytes=MEMORY)
    process = runner.start(folder)
    job_of(folder)
    for template in python_templates(runner):
        os.kill(template, signal.SIGKILL)
    run = wait_cold(runner, ["python3", "-c", "print(1)"])
    assert run.verdict == "succeeded" and run.stdout == b"1\n", run.describe()
    assert until_warm(runner).stdout == b"1\n"
    done = runner.finish(process, folder, 0)
    assert done.verdict == "succeeded" and done.stdout == b"ready\non\n", done.describe()


def test_a_template_that_hangs_costs_some_seconds_and_no_run(runner):
    runner.prime("python", 1000)
    templates = python_templates(runner)
    stopped = templates + Deadline(10).until(lambda: spares_of(templates), "the next spare")
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        run = wait_cold(runner, ["python3", "-c", "print(1)"])
        assert run.verdict == "succeeded" and run.record.sandbox.warm.why == "the template was busy", run.describe()
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    assert until_warm(runner).verdict == "succeeded", "the request that was withdrawn has harmed nothing"


def test_a_killed_launcher_takes_its_templates_and_no_run(runner):
    folder = runner.folder(["python3", "-c", "import time; print('ready', flush=True); time.sleep(1.5); print('on')"],
                           profile="python", memory_bytes=MEMORY)
    process = runner.start(folder)
    job_of(folder)
    templates = runner.templates()
    spares = Deadline(10).until(lambda: spares_of(templates), "the next spare")
    os.kill(runner.launchers()[0], signal.SIGKILL)
    Deadline(5).until(lambda: not any(harness.is_alive(p) for p in templates + spares), "the templates to die")
    runner.receive()  # the next launcher says hello
    runner.ready.clear()
    done = runner.finish(process, folder, 0)
    assert done.verdict == "succeeded" and done.stdout == b"ready\non\n", done.describe()
    assert until_warm(runner).verdict == "succeeded"


def test_a_hundred_warm_runs_leave_nothing(runner):
    runner.prime("python", 1000)
    launcher = runner.launchers()[0]

    def descriptors():
        """Network namespaces are kept for the next runs: how many there are depends on how many went at once."""
        links = [os.readlink(f"/proc/{launcher}/fd/{fd}") for fd in os.listdir(f"/proc/{launcher}/fd")]
        networks = sum(link.startswith("net:") for link in links)
        assert networks <= 20, links
        return len(links) - networks

    def held():
        return (descriptors(), len(runner.templates()),
                len(open(f"/proc/{launcher}/mountinfo").readlines()),
                len(spares_of(runner.templates())))

    warm(runner, ["python3", "-c", "print(1)"])
    Deadline(5).until(lambda: held()[3] == len(runner.templates()), "the spares")
    before = held()
    runs = []
    for _ in range(25):
        folders = [runner.folder(["python3", "-c", "import os; print(os.getpid())"], profile="python", memory_bytes=MEMORY)
                   for _ in range(4)]
        processes = [runner.start(f) for f in folders]
        for folder, process in zip(folders, processes):
            run = runner.finish(process, folder, 0)
            assert run.verdict == "succeeded" and run.stdout == b"2\n", run.describe()
            runs.append(run.record.run)
    for name in runs:
        harness.no_cgroup_is_left(name)
    Deadline(10).until(lambda: held() == before, f"{before}, and now it is {held()}", 0.05)


def test_a_launcher_that_ends_leaves_neither_template_nor_group(top, install):
    if os.getuid() != 0:
        pytest.skip("needs root")
    made = warm_runner.make(top, install, 0, None, ["json"], "warm-ends")
    made.run(["python3", "-c", "print(1)"])
    template = made.templates()[0]
    name = re.search(r"(t0[0-9a-z]+)", next(iter(groups_of(template).values())) + str(groups_of(template)))
    warm_runner.stop(made)
    Deadline(5).until(lambda: not harness.is_alive(template), "the template to end")
    if name:
        assert not harness.cgroup_folders(name[1])


# ---- in a lab ------------------------------------------------------------------------------------------------


def test_a_lab_starts_warm_what_asks_for_it(lab):
    def run():
        return lab.wait(lab.submit(command=["python3", "-c", "import pandas; print(1)"], profile="python", warm=True))

    def is_warm():
        done = run()
        assert done.verdict == "succeeded", done
        return done if done.sandbox.warm.warm else None

    done = Deadline(30).until(is_warm, "a warm run", 0.2)
    assert done.warm is True and done.sandbox.warm.owner == "uid-0"
    shown = lab.cli("show", done.id).stdout
    assert "warm, from the template" in shown, shown
    assert lab.wait(lab.submit(command=["true"])).sandbox.warm is None
