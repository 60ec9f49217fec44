"""The stacks that people use, unmodified, under the profile that is meant for them.

Each says "ok" when its own assertions hold, and nothing of it may be refused: a refused call is a profile to mend. They
take seconds, so each runs once, as root or as a plain user by turns, and a sanitized build, which changes nothing
about what they ask of the kernel, skips them.
"""

import importlib.util
import json
import os
import shutil

import pytest

import harness

MIB = harness.MIB
pytestmark = pytest.mark.skipif(harness.SLOW, reason="what a stack asks of the kernel does not depend on our build")

NUMPY = """
import numpy as np, os, threading
a = np.random.default_rng(1).random((1200, 1200))
threads = 0
def watch():
    global threads
    while not done.is_set():
        threads = max(threads, len(os.listdir("/proc/self/task")))
        done.wait(0.005)
done = threading.Event()
w = threading.Thread(target=watch); w.start()
for _ in range(3): b = a @ a
u, s, v = np.linalg.svd(a[:300, :300])
done.set(); w.join()
assert np.allclose((u * s) @ v, a[:300, :300])
assert threads >= 3, threads          # ours, the watcher's and OpenBLAS's second
m = np.memmap("/tmp/m", dtype="f8", mode="w+", shape=(1000, 1000)); m[:] = 1; m.flush()
np.savez_compressed("/outputs/a.npz", a=a[:10])
print("ok")
"""

PANDAS = """
import pandas as pd, numpy as np
rng = np.random.default_rng(1)
d = pd.DataFrame({"g": rng.integers(0, 9, 20000).astype(str), "x": rng.random(20000),
                  "t": pd.date_range("2024-01-01", periods=20000, freq="h", tz="America/Toronto")})
d.to_csv("/tmp/d.csv", index=False); e = pd.read_csv("/tmp/d.csv", parse_dates=["t"], dtype={"g": str})
assert len(e) == 20000 and abs(e.x.sum() - d.x.sum()) < 1e-6
s = d.groupby("g").x.agg(["mean", "std"]).merge(e.g.value_counts().rename("n"), left_index=True, right_index=True)
assert s.n.sum() == 20000 and len(s) == 9
d.set_index("t").x.resample("D").mean().to_pickle("/outputs/daily.pkl")
d.eval("y = x * 2").query("y > 1").to_json("/outputs/d.json")
print("ok")
"""

SKLEARN = """
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier, HistGradientBoostingClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LogisticRegression
import joblib, os
x, y = make_classification(2000, 30, random_state=1)
pids = set(joblib.Parallel(n_jobs=2)(joblib.delayed(os.getpid)() for _ in range(8)))
assert os.getpid() not in pids                         # loky's processes, not threads
g = GridSearchCV(make_pipeline(StandardScaler(), LogisticRegression()), {"logisticregression__C": [.1, 1, 10]}, n_jobs=2)
assert g.fit(x, y).best_score_ > .7
assert cross_val_score(RandomForestClassifier(30, n_jobs=2), x, y, cv=3).mean() > .8
assert HistGradientBoostingClassifier(max_iter=20).fit(x, y).score(x, y) > .9      # OpenMP
big = joblib.Parallel(n_jobs=2, max_nbytes=1000)(joblib.delayed(lambda a: a.sum())(x) for _ in range(4))   # memmaps
joblib.dump(g, "/outputs/model.joblib", compress=3)
print("ok")
"""

TORCH = """
import torch
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(1)
x = torch.randn(1024, 20); y = (x.sum(1, keepdim=True) > 0).float()
net = torch.nn.Sequential(torch.nn.Linear(20, 64), torch.nn.ReLU(), torch.nn.Linear(64, 1))
opt = torch.optim.Adam(net.parameters(), .01)
loader = DataLoader(TensorDataset(x, y), batch_size=64, shuffle=True, num_workers=2, persistent_workers=True)
for epoch in range(4):
    for a, b in loader:
        opt.zero_grad(); loss = torch.nn.functional.binary_cross_entropy_with_logits(net(a), b)
        loss.backward(); opt.step()
assert loss.item() < .4, loss.item()
torch.nn.functional.conv2d(torch.randn(4, 3, 32, 32), torch.randn(8, 3, 3, 3))
traced = torch.jit.trace(net, x[:1]); traced.save("/outputs/net.pt"); torch.jit.load("/outputs/net.pt")
torch.save(net.state_dict(), "/outputs/weights.pt")
q = torch.multiprocessing.get_context("spawn").SimpleQueue(); q.put(x); assert torch.equal(q.get(), x)
print("ok")
"""

XGBOOST = """
import xgboost as xgb, numpy as np
rng = np.random.default_rng(1)
x = rng.random((3000, 10)); y = (x[:, 0] + x[:, 1] > 1).astype(int)
b = xgb.train({"tree_method": "hist", "nthread": 2, "objective": "binary:logistic"}, xgb.DMatrix(x, y), 20)
assert ((b.predict(xgb.DMatrix(x)) > .5) == y).mean() > .95
b.save_model("/outputs/model.json")
print("ok")
"""

STANDARD = """
import asyncio, multiprocessing as mp, os, sqlite3, subprocess, tempfile, concurrent.futures as cf
from multiprocessing import shared_memory
def square(n): return n * n
async def serve():
    async def echo(r, w):
        w.write(await r.readline()); await w.drain(); w.close()
    server = await asyncio.start_unix_server(echo, "/tmp/echo.sock")
    r, w = await asyncio.open_unix_connection("/tmp/echo.sock")
    w.write(b"hello\\n"); assert await r.readline() == b"hello\\n"; w.close(); server.close()
    p = await asyncio.create_subprocess_exec("sort", "-r", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE)
    assert (await p.communicate(b"a\\nb\\n"))[0] == b"b\\na\\n"
    return await asyncio.gather(asyncio.to_thread(square, 3), asyncio.sleep(0.01, 4))
if __name__ == "__main__":
    assert asyncio.run(serve()) == [9, 4]
    for how in ("fork", "spawn", "forkserver"):
        with mp.get_context(how).Pool(2) as pool: assert pool.map(square, range(4)) == [0, 1, 4, 9]
    with cf.ProcessPoolExecutor(2) as pool: assert sum(pool.map(square, range(5))) == 30
    with mp.Manager() as m:
        d = m.dict(); p = mp.Process(target=d.update, args=({"a": 1},)); p.start(); p.join(); assert d["a"] == 1
    s = shared_memory.SharedMemory(create=True, size=1000); s.buf[0] = 7; s.close(); s.unlink()
    lock, q = mp.Lock(), mp.Queue()
    p = mp.Process(target=q.put, args=("x",)); p.start(); assert q.get(timeout=20) == "x"; p.join()
    db = sqlite3.connect("/tmp/a.db"); db.execute("pragma journal_mode=wal"); db.execute("create table t(a)")
    db.executemany("insert into t values(?)", [(i,) for i in range(1000)]); db.commit()
    assert db.execute("select sum(a) from t").fetchone() == (499500,)
    db.execute("vacuum into '/outputs/copy.db'")
    assert subprocess.run("echo a | tr a b; exit 3", shell=True, capture_output=True).stdout == b"b\\n"
    with tempfile.NamedTemporaryFile() as f: f.write(b"x"); f.flush(); os.fsync(f.fileno())
    print("ok")
"""

JUPYTER = """
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name="python3")
said = []
client.execute_interactive("import os; print(6 * 7, os.getpid() > 0)", timeout=30,
                           output_hook=lambda m: said.append(m["content"].get("text", "")))
client.stop_channels(); manager.shutdown_kernel(now=True)
assert "".join(said).strip() == "42 True", said
import socket
assert socket.getaddrinfo("localhost", 80)
print("ok")
"""

# A callback of ctypes: code made in memory.
CALLBACKS = """
import ctypes
assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda n: n + 1)(2) == 3
print("ok")
"""

R = """
d <- data.frame(x = 1:100, g = rep(c("a", "b"), 50)); d$y <- 2 * d$x + sin(d$x)
m <- lm(y ~ x + g, d); stopifnot(abs(coef(m)["x"] - 2) < .01)
stopifnot(nrow(aggregate(y ~ g, d, mean)) == 2)
library(parallel)
stopifnot(identical(unlist(mclapply(1:4, function(i) i^2, mc.cores = 2)), c(1, 4, 9, 16)))
cl <- makeCluster(2); stopifnot(sum(parSapply(cl, 1:10, function(i) i)) == 55); stopCluster(cl)
pdf("/outputs/plot.pdf"); plot(d$x, d$y); invisible(dev.off())
write.csv(d, "/outputs/d.csv"); stopifnot(nrow(read.csv("/outputs/d.csv")) == 100)
saveRDS(m, "/tmp/m.rds"); stopifnot(inherits(readRDS("/tmp/m.rds"), "lm"))
stopifnot(system("exit 3") == 3, length(system("seq 3", intern = TRUE)) == 3)
s <- svd(matrix(runif(250000), 500)); f <- optim(c(-1, 1), function(p) sum((p - 3)^2)); stopifnot(abs(f$par - 3) < .01)
cat("ok\\n")
"""


def _stack(runner, name, command, code, profile, modules=(), **resources):
    for module in modules:
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: scripts/install-deps --test")
    spec = {"memory_bytes": 1500 * MIB, "cpus_milli": 2000, "processes": 200, "tmp_bytes": 256 * MIB, **resources}
    done = runner.run(command, code={name: code}, profile=profile, **spec)
    assert done.stdout.endswith(b"ok\n") and done.verdict == "succeeded", done.describe()
    # Each refused call that a stack ever makes must be understood by who runs it.
    for refused in done.record.denied:
        assert refused.hint and refused.hint_fr, f"{refused.name} has no hint"
    assert done.record.denied == [], done.describe()
    return done


@pytest.mark.parametrize("profile", ["python", "numa"])
def test_numpy_with_threads_of_openblas(root_runner, profile):
    _stack(root_runner, "s.py", ["/usr/bin/python3", "s.py"], NUMPY, profile, ["numpy"])


def test_pandas(plain_runner):
    done = _stack(plain_runner, "s.py", ["/usr/bin/python3", "s.py"], PANDAS, "python", ["pandas"])
    assert {"daily.pkl", "d.json"} <= set(done.outputs_on_disk)


def test_scikit_learn_with_processes_of_joblib(plain_runner):
    _stack(plain_runner, "s.py", ["/usr/bin/python3", "s.py"], SKLEARN, "python", ["sklearn", "joblib"])


def test_pytorch_with_its_data_loaders(root_runner):
    done = _stack(root_runner, "s.py", ["/usr/bin/python3", "s.py"], TORCH, "python", ["torch"], memory_bytes=3000 * MIB)
    assert {"net.pt", "weights.pt"} <= set(done.outputs_on_disk)


def test_xgboost(plain_runner):
    _stack(plain_runner, "s.py", ["/usr/bin/python3", "s.py"], XGBOOST, "python", ["xgboost"])


def test_the_standard_library_with_processes_and_a_database(runner):
    _stack(runner, "s.py", ["/usr/bin/python3", "s.py"], STANDARD, "python")


def test_a_kernel_of_jupyter(plain_runner):
    _stack(plain_runner, "s.py", ["/usr/bin/python3", "s.py"], JUPYTER, "jupyter", ["jupyter_client", "ipykernel"])


def test_r_with_clusters(runner):
    if not shutil.which("Rscript", path="/usr/bin"):
        pytest.skip("r-base-core is not installed: scripts/install-deps --test")
    done = _stack(runner, "s.R", ["Rscript", "s.R"], R, "r")
    assert {"plot.pdf", "d.csv"} <= set(done.outputs_on_disk)


# ---- is what is risky needed? ----

# Removed from python, and let through again while learning: so each stack tells which of them it uses.
WITHOUT_RISKS = """{"version": 1, "title": "t", "title_fr": "t", "extends": "python",
    "override": {"network": "as r has it"}, "network": "loopback",
    "syscalls": {"remove": [{"names": [%s], "why": "asked about"}]}}"""

# What hardly any run could begin without.
ALWAYS = {"mmap", "mprotect", "execve", "clone", "socket"}
# Risky, allowed in base, and not used by the stacks of this file. Each is there for a reason that was looked into; one that
# is neither here nor used must go from the profile, or a stack that needs it must come into this file.
UNUSED = {
    "execveat": "the C library's fexecve, behind some launchers of Python and Go programs",
    "pkey_mprotect": "V8 (Node.js) guards the code that it makes with protection keys",
    "personality": "setarch and R's build scripts ask for the present one",
    "semget": "MPI and PostgreSQL's tools; System V semaphores",
    "shmget": "MPI, MKL and X11 clients; System V memory",
    "flock": "HDF5 and filelock (Hugging Face's caches) lock what several processes of a run write",
    "memfd_create": "libffi and just-in-time compilers, where memory may not be written and run at once",
    "mincore": "jemalloc and Java's heap look at what is resident",
}


def test_what_is_risky_is_used_or_has_a_reason(root_runner):
    show = json.loads(root_runner.call("profile", "show", "python", "--effective", "--json").stdout)
    allowed = {r["name"] for r in show["syscalls"] if r["rule"] in ("allow", "allow_if")}
    risky = {n for n in allowed if show["risks"].get(n)} - ALWAYS
    assert risky, "the table of risks knows none of what python allows"
    profiles = os.path.join(root_runner.top, "asked")
    shutil.copytree(os.path.join(root_runner.install, "share/enclos/sandbox-profiles"), profiles)
    with open(os.path.join(profiles, "asked.jsonc"), "w") as f:
        f.write(WITHOUT_RISKS % ", ".join(f'"{n}"' for n in sorted(risky)))
    used = set()
    for name, command, code, modules in (
            ("s.py", "/usr/bin/python3", STANDARD, []), ("s.py", "/usr/bin/python3", NUMPY, ["numpy"]),
            ("s.py", "/usr/bin/python3", TORCH, ["torch"]), ("s.py", "/usr/bin/python3", XGBOOST, ["xgboost"]),
            ("s.py", "/usr/bin/python3", CALLBACKS, []), ("s.R", "/usr/bin/Rscript", R, [])):
        if not os.path.exists(command) or any(importlib.util.find_spec(m) is None for m in modules):
            pytest.skip("the stacks are not all installed: scripts/install-deps --test")
        folder = root_runner.folder([command, name], code={name: code}, profile="asked", spec_changes={"learn": {}},
                                    memory_bytes=3000 * MIB, cpus_milli=2000, processes=200, tmp_bytes=256 * MIB)
        before = root_runner.exec_arguments
        root_runner.exec_arguments = lambda f: ["exec", "--profiles", profiles, f]
        try:
            done = root_runner.finish(root_runner.start(folder), folder, 0)
        finally:
            root_runner.exec_arguments = before
        assert done.verdict == "succeeded", done.describe()
        used |= {c.name for c in done.learned if c.let}
    assert risky - used - set(UNUSED) == set(), "allowed, risky, and used by no stack"
    assert set(UNUSED) & used == set(), "a stack uses these: no reason is needed here any more"
    assert set(UNUSED) <= risky, "these are allowed no more, or not risky: no reason is needed here any more"
