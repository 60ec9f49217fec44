"""A power cut at any moment: what was acknowledged is there, and what was not is there whole or not at all.

tests/preload/power_cut.c, loaded before the daemon, remembers what was synced. At the cut all processes die, and the lab
starts on what a disk would have kept: files as they were at their last fsync, folders with the names of theirs.
"""

import hashlib
import os
import random
import select
import shutil
import signal
import sqlite3
import subprocess
import tempfile
import threading

import pytest

import harness
from harness import MIB, RpcError

ROUNDS = int(os.environ.get("ENCLOS_CUTS", "6" if not harness.SLOW else "3"))
SEED = int(os.environ.get("ENCLOS_SEED", "20261124"))

pytestmark = pytest.mark.skipif(harness.SLOW, reason="a sanitizer must be loaded first, before anything else is")


@pytest.fixture(scope="module")
def shim(top):
    path = os.path.join(top, "power_cut.so")
    subprocess.run(["gcc", "-std=gnu17", "-O2", "-D_GNU_SOURCE=", "-shared", "-fPIC", "-o", path,
                    os.path.join(harness.REPO, "tests", "preload", "power_cut.c"), "-ldl"], check=True)
    os.chmod(path, 0o755)
    return path


def key_of(path):
    """As power_cut.c names it; Python does not tell the time of birth, so a small program of coreutils does."""
    inode, birth = subprocess.run(["stat", "-c", "%i %.9W", path], check=True, capture_output=True, text=True).stdout.split()
    return f"d-{inode}-{birth}"


def rebuilt(shadow, key, to, uid):
    """The folder of that key as the disk has it."""
    os.mkdir(to, 0o700)
    os.chown(to, uid, uid)
    listing = os.path.join(shadow, key)
    if not os.path.exists(listing):
        return  # made and never synced: its name is there, and nothing in it
    with open(listing) as f:
        entries = [line.rstrip("\n").split(" ", 1) for line in f]
    os.chmod(to, os.stat(listing).st_mode & 0o7777)
    for child, name in entries:
        path = os.path.join(to, name)
        if child[0] == "d":
            rebuilt(shadow, child, path, uid)
            continue
        kept = os.path.join(shadow, child)
        if os.path.exists(kept):
            shutil.copyfile(kept, path)
            shutil.copystat(kept, path)
        else:
            open(path, "wb").close()  # a name without its bytes
        os.chown(path, uid, uid)


class World:
    def __init__(self, lab, shim, top):
        self.lab, self.shim, self.top, self.count = lab, shim, top, 0
        self.shadow = None

    def start(self):
        self.shadow = os.path.join(self.top, f"shadow-{self.count}")
        self.count += 1
        os.mkdir(self.shadow)
        os.chmod(self.shadow, 0o777)
        if os.path.isdir(self.lab.state):  # the disk has what there is before anything is done
            self.remember()
        self.lab.environment = {"LD_PRELOAD": self.shim, "ENCLOS_CUT_STATE": self.lab.state, "ENCLOS_CUT_SHADOW": self.shadow}
        self.lab.start_daemon()

    def remember(self):
        script = "import os, sys; fd = os.open(sys.argv[1], os.O_RDONLY); import ctypes; ctypes.CDLL(None).syncfs(fd)"
        subprocess.run(["/usr/bin/python3", "-c", script, self.lab.state], check=True,
                       env={"LD_PRELOAD": self.shim, "ENCLOS_CUT_STATE": self.lab.state, "ENCLOS_CUT_SHADOW": self.shadow})
        for name in os.listdir(self.shadow):
            os.chmod(os.path.join(self.shadow, name), os.stat(os.path.join(self.shadow, name)).st_mode)

    def cut(self):
        uid = os.stat(self.lab.state).st_uid
        self.lab.kill_daemon()
        for pid in self.lab.monitors().values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        fresh = self.lab.state + ".cut"
        key = key_of(self.lab.state)
        assert os.path.exists(os.path.join(self.shadow, key)), "the state folder itself was never synced"
        rebuilt(self.shadow, key, fresh, uid)
        boot = os.path.join(fresh, "boot")
        if os.path.exists(boot):
            os.unlink(boot)  # the machine starts anew
        gone = self.lab.state + f".gone-{self.count}"
        os.rename(self.lab.state, gone)
        os.rename(fresh, self.lab.state)
        shutil.rmtree(gone, ignore_errors=True)


class Client(threading.Thread):
    """Does this and that until the lab is gone, and notes what was acknowledged."""

    def __init__(self, lab, number, round_, facts):
        super().__init__()
        self.lab, self.name_, self.facts, self.error = lab, f"{round_}-{number}", facts, None
        self.chance = random.Random(f"{SEED} {round_} {number}")

    def put(self, rpc, content):
        with tempfile.TemporaryFile() as f:
            f.write(content)
            f.flush()
            digest = hashlib.sha256(content).hexdigest()
            rpc.call("blob.put", sha256=digest, size_bytes=len(content), fds=[f.fileno()])
        self.facts.append(("object", digest))
        return digest

    def put_files(self, rpc, files):
        digest, _, blobs = harness.manifest_of(files)
        for content in blobs.values():
            self.put(rpc, content)
        return digest

    def step(self, rpc, n):
        what = self.chance.randrange(5)
        name = f"d-{self.name_}-{n}"
        if what == 0:
            self.put(rpc, name.encode() * self.chance.choice([1, 5000]))
        elif what == 1:
            manifest = self.put_files(rpc, {"a.csv": name.encode(), "b.csv": b"1\n"})
            rpc.call("dataset.add", name=name, classification="interne", manifest=manifest)
            self.facts.append(("dataset", name, "draft"))
            rpc.call("dataset.seal", name=name, version=1)
            self.facts.append(("dataset", name, "sealed"))
        elif what == 2:
            run = rpc.call("run.submit", command=["sh", "-c", f"echo {name}; echo {name} > /outputs/o"], code=self.put_files(rpc, {"x": name.encode()}),
                           resources={"memory_bytes": 32 * MIB, "cpus_milli": 250, "processes": 16})["run"]
            self.facts.append(("run", run))
            if self.chance.random() < 0.5 and rpc.call("run.wait", run=run, timeout_ms=20000, rpc_timeout=40).finished:
                self.facts.append(("finished", run, hashlib.sha256(f"{name}\n".encode()).hexdigest()))
        elif what == 3:
            run = rpc.call("run.submit", command=["sleep", "30"], resources={"memory_bytes": 32 * MIB, "cpus_milli": 250, "processes": 16})["run"]
            self.facts.append(("run", run))
            rpc.call("hold.add", subject=run, reason=name)
            self.facts.append(("hold", run))
            rpc.call("run.cancel", run=run)
            self.facts.append(("cancelled", run))
        else:
            self.put(rpc, name.encode())

    def run(self):
        try:
            with self.lab.connect(60) as rpc:
                for n in range(10000):
                    self.step(rpc, n)
        except (OSError, ConnectionError):
            pass
        except RpcError as e:
            self.error = e


def is_stored(lab, digest):
    """What a run left was given by no account: blob.missing has no word on it."""
    with open(os.path.join(lab.state, "objects", digest[:2], digest[2:]), "rb") as f:
        return hashlib.sha256(f.read()).hexdigest() == digest


def check(lab, fact):
    kind, subject, *more = fact
    if kind == "object":
        assert lab.rpc("blob.missing", sha256=[subject]).missing == [], fact
    elif kind == "dataset":
        state = lab.rpc("dataset.get", name=subject, version=1).state
        assert state == more[0] or (more[0], state) == ("draft", "sealed"), (fact, state)
    elif kind == "run":
        assert lab.get(subject), fact
    elif kind == "hold":
        assert lab.rpc("hold.list", limit=1000) and any(h.subject == subject for h in lab.rpc("hold.list", limit=1000).holds), fact
    elif kind == "cancelled":
        assert lab.wait(subject, 60).verdict in ("cancelled", "lost"), fact
    elif kind == "finished":
        run = lab.get(subject)
        assert run.state == "finished" and run.verdict == "succeeded", (fact, run)
        assert [a.sha256 for a in run.artifacts] == more and is_stored(lab, *more), fact


@pytest.mark.seconds(240)
def test_what_was_acknowledged_survives_a_power_cut(new_lab, shim):
    lab = new_lab(extra=["--cpus", "4", "--memory", "4G"])
    os.chmod(lab.top, 0o755)
    world = World(lab, shim, lab.top)
    chance = random.Random(SEED)
    facts = []
    for round_ in range(ROUNDS):
        world.start()
        clients = [Client(lab, n, round_, facts) for n in range(3)]
        for client in clients:
            client.start()
        select.select([], [], [], 0.2 + chance.random() * 1.2)
        world.cut()
        for client in clients:
            client.join(60)
            assert not client.is_alive() and client.error is None, client.error
        assert sqlite3.connect(f"file:{lab.state}/catalog.db?mode=ro", uri=True)
        world.start()
        for fact in list(facts):
            check(lab, fact)
        assert lab.rpc("audit.verify").ok
        deep = {c.name: c for c in lab.rpc("lab.doctor_deep", rpc_timeout=120).checks}
        for name in ("catalog.db", "audit", "all objects", "references"):
            assert deep[name].ok, deep[name]
        lab.stop_daemon()
    assert {kind for kind, *_ in facts} >= {"object", "dataset", "run", "hold", "cancelled"}, "the cuts left time for too little"


def test_the_shim_drops_what_was_not_synced(shim, tmp_path):
    """A test that cannot fail is none: a program that forgets a sync loses what it wrote."""
    state, shadow = tmp_path / "state", tmp_path / "shadow"
    state.mkdir()
    shadow.mkdir()
    script = """
import os, sys
top = os.open(sys.argv[1], os.O_RDONLY)
def write(name, text, sync):
    fd = os.open(name, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=top)
    os.write(fd, text)
    if sync: os.fsync(fd)
    os.close(fd)
write("whole", b"first", True)
write("hollow", b"bytes that were not synced", False)
os.fsync(top)
write("whole", b"FIRST and more", False)       # not synced
write("late", b"x", True)                        # its name was not
write("aside", b"second", True)
os.rename("aside", "whole", src_dir_fd=top, dst_dir_fd=top)   # nor this rename
os.mkdir("folder", dir_fd=top)
"""
    subprocess.run(["/usr/bin/python3", "-c", script, str(state)], check=True,
                   env={"LD_PRELOAD": shim, "ENCLOS_CUT_STATE": str(state), "ENCLOS_CUT_SHADOW": str(shadow)})
    rebuilt(str(shadow), key_of(str(state)), str(tmp_path / "disk"), os.getuid())
    found = {p.name: p.read_bytes() for p in (tmp_path / "disk").iterdir()}
    assert found == {"whole": b"first", "hollow": b""}
