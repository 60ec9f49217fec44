"""What the system tests drive the programs with: from outside, as a person or a platform would.

Lab      a private lab in a temporary folder: starts and kills enclosd, speaks JSON-RPC, calls `enclos`
Runner   one run folder and `enclos-runner exec`, as root or as a plain user
Both stop only what they started. Nothing here reads what a program would not show, except the run
folder, whose format is a contract (api/common/runfolder.h, runlog.h).
"""

import array
import base64
import hashlib
import json
import os
import re
import select
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("ENCLOS_BUILD") or os.path.join(REPO, "build", os.environ.get("ENCLOS_VARIANT", "release"))
VARIANT = os.path.basename(BUILD.rstrip("/"))
PLAIN_UID = 65533  # a uid that no account has
# Sanitized programs, and an emulated machine, are several times slower: deadlines stretch, bounds on
# speed are not judged.
SLOW = VARIANT in ("asan", "tsan") or "ENCLOS_PATIENCE" in os.environ
PATIENCE = int(os.environ.get("ENCLOS_PATIENCE", 5 if SLOW else 1))
MIB = 1 << 20


class Bag(dict):
    """A JSON object whose members read as attributes."""

    def __getattr__(self, name):
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"no {name} in {sorted(self)}") from None


def bag_loads(text):
    return json.loads(text, object_hook=Bag)


def no_sanitizer_report(text, who):
    """A program that a sanitizer caught has failed, whatever it went on to do."""
    for mark in ("ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:", "WARNING: ThreadSanitizer"):
        assert mark not in text, f"{who}: {text[max(0, text.index(mark) - 500):][:4000]}"


class Deadline:
    def __init__(self, seconds):
        self.end = time.monotonic() + seconds * PATIENCE

    @property
    def left(self):
        return max(0.0, self.end - time.monotonic())

    def until(self, condition, what, pause=0.005):
        """Waits for what the kernel or another process gives no event for."""
        while True:
            value = condition()
            if value:
                return value
            if self.left == 0:
                raise AssertionError(f"waited too long for {what}")
            select.select([], [], [], pause)


# ---- cgroups and processes -------------------------------------------------------------------------


def cgroup_mounts():
    """{hierarchy's mount point: this process's path in it}, version 1 and 2."""
    paths = {}
    with open("/proc/self/cgroup") as f:
        for line in f:
            _, names, path = line.rstrip("\n").split(":", 2)
            paths[names] = path
    mounts = {}
    with open("/proc/self/mountinfo") as f:
        for line in f:
            left, right = line.split(" - ")
            where, kind, options = left.split()[4], right.split()[0], right.split()[2].split(",")
            if kind == "cgroup2":
                mounts[where] = paths.get("", "/")
            elif kind == "cgroup":
                for names, path in paths.items():
                    if names and all(n in options for n in names.split(",")):
                        mounts[where] = path
    return mounts


def delegate_cgroup(name, uid):
    """Makes the group NAME in every hierarchy, gives it to uid; returns the groups' folders."""
    made = []
    for mount in cgroup_mounts():
        group = os.path.join(mount, name)
        for folder in (group, os.path.join(group, "caller")):
            os.makedirs(folder, exist_ok=True)
            for key in ("cpuset.cpus", "cpuset.mems"):  # version 1: both must be set before a task enters
                path = os.path.join(folder, key)
                if os.path.exists(path) and os.path.exists(os.path.join(folder, "tasks")):
                    with open(os.path.join(os.path.dirname(folder), key)) as f:
                        value = f.read().strip()
                    with open(path, "w") as f:
                        f.write(value)
            os.chown(folder, uid, uid)
            for key in ("cgroup.procs", "tasks", "cgroup.subtree_control", "cgroup.threads"):
                if os.path.exists(os.path.join(folder, key)):
                    os.chown(os.path.join(folder, key), uid, uid)
        controllers = os.path.join(group, "cgroup.controllers")
        if os.path.exists(controllers):
            with open(controllers) as f:
                wanted = " ".join("+" + c for c in f.read().split())
            if wanted:
                with open(os.path.join(mount, "cgroup.subtree_control"), "w") as f:
                    f.write(wanted)
        made.append(group)
    return made


def remove_cgroup(groups):
    for group in groups:
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(folder)
            except OSError:
                pass  # a dying group is busy for a moment: what is left is empty


def cgroup_folders(part):
    """Folders of control groups whose path contains `part`."""
    found = []
    for mount in cgroup_mounts():
        for folder, _, _ in os.walk(mount):
            if part in folder:
                found.append(folder)
    return found


def no_cgroup_is_left(run, seconds=5):
    """Groups go after the result is told: teardown is not on its path."""
    Deadline(seconds).until(lambda: not cgroup_folders(run), f"the control groups of {run} to go", 0.01)


def processes(marker):
    """pids of processes whose command line contains `marker`."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        if int(pid) == os.getpid():
            continue
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                if marker.encode() in f.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


# ---- run folders -----------------------------------------------------------------------------------

STREAMS = {1: "stdout", 2: "stderr", 3: "metric", 4: "event", 5: "gap"}


def read_log(path):
    """Frames of a run's `log`: [(stream, time_us, bytes)]."""
    frames = []
    try:
        with open(path, "rb") as f:
            data = f.read()
    except FileNotFoundError:
        return frames
    at = 0
    while at + 16 <= len(data):
        length, stream, flags, magic, when = struct.unpack_from("<IBBHq", data, at)
        assert magic == 0xE1C5, f"no frame at offset {at} of {path}"
        if at + 16 + length > len(data):
            break
        frames.append((STREAMS[stream], when, data[at + 16 : at + 16 + length]))
        at += 16 + length
    return frames


class Frames:
    def __init__(self, frames):
        self.frames = frames

    def text(self, stream):
        return b"".join(b for s, _, b in self.frames if s == stream)

    def objects(self, stream):
        return [bag_loads(b) for s, _, b in self.frames if s == stream]


class Finished:
    """What one `enclos-runner exec` left."""

    def __init__(self, folder, status, stdout, stderr, seconds):
        self.folder, self.status = folder, status
        self.own_stdout, self.own_stderr, self.seconds = stdout, stderr, seconds
        record = os.path.join(folder, "record.json")
        self.record = bag_loads(open(record).read()) if os.path.exists(record) else None
        self.frames = Frames(read_log(os.path.join(folder, "log")))

    def __getattr__(self, name):
        if self.record is None:
            raise AssertionError(f"no record.json; status {self.status}; it said: {self.own_stderr}")
        return getattr(self.record, name)

    @property
    def stdout(self):
        return self.frames.text("stdout")

    @property
    def stderr(self):
        return self.frames.text("stderr")

    @property
    def metrics(self):
        return self.frames.objects("metric")

    @property
    def events(self):
        return self.frames.objects("event")

    @property
    def outputs_on_disk(self):
        found, top = {}, os.path.join(self.folder, "outputs")
        for folder, _, names in os.walk(top):
            for name in names:
                path = os.path.join(folder, name)
                found[os.path.relpath(path, top)] = path
        return found

    def denied_names(self):
        return {d.name for d in self.record.denied}

    def refused(self):
        return {r.path: r.reason for r in self.record.outputs.refused}

    def said(self):
        """The probe's line, with what was attempted as {call: errno name or "ok"}."""
        try:
            line = bag_loads(self.stdout.split(b"\n")[0])
        except ValueError:
            raise AssertionError(f"the probe said nothing: {self.describe()}") from None
        line["calls"] = {a.call: a.errno or "ok" for a in line.attempts}
        return line

    def describe(self):
        if self.record is None:
            return f"no record.json, status {self.status}; it said: {self.own_stderr[-1500:]}"
        short = {k: v for k, v in self.record.items() if k not in ("sandbox", "usage", "version")}
        return (
            f"{json.dumps(short)[:2500]}\nstatus={self.status} stdout={self.stdout[-1000:]} "
            f"stderr={self.stderr[-1000:]} runner={self.own_stderr[-1000:]}"
        )


RESOURCES = {
    "cpus_milli": 1000,
    "memory_bytes": 256 * MIB,
    "processes": 64,
    "wall_ms": 20_000 * PATIENCE,
    "cpu_ms": 0,
    "grace_ms": 300,
    "work_bytes": 64 * MIB,
    "tmp_bytes": 64 * MIB,
    "output_bytes": 64 * MIB,
    "output_files": 1000,
    "log_bytes": 1 * MIB,
}


class Runner:
    """Run folders below one temporary folder, run by `enclos-runner exec`."""

    count = 0  # of all of them: a run's name is that of its control groups

    def __init__(self, top, install, uid=0, cgroup=None):
        self.top, self.install, self.uid, self.cgroup = top, install, uid, cgroup
        self.rootless = uid != 0
        self.started = []

    def _own(self, path):
        if self.rootless:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def tree(self, name, files):
        """A folder with files {path: bytes | (bytes, mode)}, as the lab's store would hold it."""
        top = os.path.join(self.top, name)
        os.makedirs(top, mode=0o700)
        self._own(top)
        for path, content in files.items():
            content, mode = content if isinstance(content, tuple) else (content, 0o400)
            where = os.path.join(top, path)
            at = top
            for part in os.path.dirname(path).split("/"):
                at = os.path.join(at, part)
                if not os.path.isdir(at):
                    os.mkdir(at, 0o700)
                    self._own(at)
            with open(where, "wb") as f:
                f.write(content if isinstance(content, bytes) else content.encode())
            os.chmod(where, mode)
            self._own(where)
        return top

    def folder(self, command, code=None, datasets=None, profile="base", env=None, limits="enforced",
               report_paths=False, spec_changes=None, **resources):
        Runner.count += 1
        name = f"r{os.getpid()}x{Runner.count}"
        code_path = None
        if code is not None:
            code_path = self.tree(f"code-{name}", code)
        listed = []
        for dataset, files in (datasets or {}).items():
            path = files if isinstance(files, str) else self.tree(f"data-{name}-{dataset}", files)
            listed.append({"name": dataset, "path": path})
        folder = os.path.join(self.top, name)
        os.mkdir(folder, 0o700)
        self._own(folder)
        unknown = set(resources) - set(RESOURCES)
        assert not unknown, f"no such resource: {unknown}"
        spec = {
            "version": 1, "run": name, "command": command, "env": env or {}, "profile": profile,
            "code": {"path": code_path} if code_path else None, "datasets": listed,
            "resources": {**RESOURCES, **resources}, "limits": limits, "report_paths": report_paths,
        }
        spec.update(spec_changes or {})
        with open(os.path.join(folder, "spec.json"), "w") as f:
            json.dump(spec, f)
        os.chmod(os.path.join(folder, "spec.json"), 0o600)
        self._own(os.path.join(folder, "spec.json"))
        return folder

    def command_line(self, *arguments):
        # A plain user's runner starts inside the group that was delegated to it, as a service would.
        line = [os.path.join(self.install, "enclos-runner"), *arguments]
        if self.rootless:
            line = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", *line]
        return line

    def _enter(self):
        if self.rootless and self.cgroup:
            for mount in cgroup_mounts():
                procs = os.path.join(mount, self.cgroup, "caller", "cgroup.procs")
                with open(procs, "w") as f:
                    f.write("0")

    def exec_arguments(self, folder):
        return ["exec", *(["--cgroup", self.cgroup] if self.rootless and self.cgroup else []), folder]

    def start(self, folder, env=None, **popen):
        process = subprocess.Popen(
            self.command_line(*self.exec_arguments(folder)), stdin=subprocess.DEVNULL,
            stdout=popen.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, preexec_fn=self._enter,
            env={"PATH": "/usr/bin:/bin", **(env or {})}, cwd="/", **popen)
        self.started.append(process)
        return process

    def finish(self, process, folder, began, timeout=60):
        out, err = process.communicate(timeout=timeout * PATIENCE)
        no_sanitizer_report(err.decode(errors="replace"), "enclos-runner exec")
        return Finished(folder, process.returncode, (out or b"").decode(errors="replace"),
                        err.decode(errors="replace"), time.monotonic() - began)

    def run(self, command, timeout=60, environment=None, **spec):
        folder = self.folder(command, **spec)
        began = time.monotonic()
        return self.finish(self.start(folder, environment), folder, began, timeout)

    def probe(self, verb, *arguments, **spec):
        """Runs a verb of the attack probe, from /work."""
        return self.run(["/work/probe", verb, *map(str, arguments)], code=probe_code(spec.pop("code", {})), **spec)

    def call(self, *arguments):
        """A command of enclos-runner other than exec."""
        return subprocess.run(self.command_line(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              preexec_fn=self._enter, timeout=60 * PATIENCE, cwd="/", env={"PATH": "/usr/bin:/bin"})

    def stop(self):
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait()


def probe_path():
    # The probe is the attacker: it is the same binary whatever the variant of the programs.
    for path in (os.path.join(BUILD, "tests/probe/probe"), os.path.join(REPO, "build/release/tests/probe/probe")):
        if os.path.isfile(path):
            return path
    raise AssertionError(f"no attack probe below {BUILD}: run `make probe`")


def probe_code(more=None):
    with open(probe_path(), "rb") as f:
        return {"probe": (f.read(), 0o700), **(more or {})}


def installed_copy(top):
    """The built programs where any user can read them, as `make install` lays them out."""
    for name in ("enclosd", "enclos", "enclos-runner"):
        path = os.path.join(BUILD, name)
        if os.path.exists(path):
            shutil.copy2(path, top)
            os.chmod(os.path.join(top, name), 0o755)
    for part in ("share", "lib"):
        source = os.path.join(BUILD, part)
        if not os.path.isdir(source):
            continue
        shutil.copytree(source, os.path.join(top, part))
        for folder, _, names in os.walk(os.path.join(top, part)):
            os.chmod(folder, 0o755)
            for name in names:
                os.chmod(os.path.join(folder, name), 0o644)
    return top


# ---- the lab ---------------------------------------------------------------------------------------


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(json.dumps(error))
        self.code, self.message = error["code"], error["message"]
        data = error.get("data") or {}
        self.kind, self.field, self.hint = data.get("kind"), data.get("field"), data.get("hint")


class Rpc:
    """One connection. Notifications that come between answers are kept in `notifications`."""

    def __init__(self, path, timeout=10):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout * PATIENCE)
        self.socket.connect(path)
        self.buffer = b""
        self.received = []  # descriptors that came with answers
        self.id = 0
        self.notifications = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()
        for fd in self.received:
            os.close(fd)
        self.received = []

    def take_socket(self, kind=socket.SOCK_STREAM, family=socket.AF_INET):
        """The descriptor that came with the last answer, as a socket."""
        assert len(self.received) == 1, f"{len(self.received)} descriptors came, not one"
        return socket.socket(family, kind, fileno=self.received.pop())

    def send_raw(self, data, fds=()):
        if fds:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
            sent = self.socket.sendmsg([data], rights)
            data = data[sent:]
        self.socket.sendall(data)

    def read_line(self, timeout=None):
        if timeout is not None:
            self.socket.settimeout(timeout * PATIENCE)
        while b"\n" not in self.buffer:
            data, control, _, _ = self.socket.recvmsg(1 << 16, socket.CMSG_SPACE(16 * 4), socket.MSG_CMSG_CLOEXEC)
            for level, kind, rights in control:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds = array.array("i")
                    fds.frombytes(rights[:len(rights) - len(rights) % fds.itemsize])
                    self.received += fds
            if not data:
                raise ConnectionError("the lab closed the connection")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return bag_loads(line)

    def send(self, method, params, fds=()):
        self.id += 1
        message = {"jsonrpc": "2.0", "id": self.id, "method": method, "params": params}
        self.send_raw(json.dumps(message).encode() + b"\n", fds)
        return self.id

    def answer(self, number, timeout=None):
        while True:
            message = self.read_line(timeout)
            if "method" in message:
                self.notifications.append(message)
                continue
            assert message.get("id") == number, f"an answer to {message.get('id')}, expected {number}"
            if "error" in message:
                raise RpcError(message["error"])
            return message["result"]

    def call(self, method, *, fds=(), rpc_timeout=None, **params):
        return self.answer(self.send(method, params, fds), rpc_timeout)

    def notification(self, timeout=10):
        if self.notifications:
            return self.notifications.pop(0)
        message = self.read_line(timeout)
        assert "method" in message, f"an answer that nobody asked for: {message}"
        return message


def manifest_of(files):
    """Canonical manifest of {path: bytes | (bytes, "0755")}: (sha256, text, {sha256: bytes})."""
    entries, blobs = [], {}
    for path in sorted(files, key=lambda p: p.encode()):
        content, mode = files[path] if isinstance(files[path], tuple) else (files[path], "0644")
        content = content if isinstance(content, bytes) else content.encode()
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        entries.append({"mode": mode, "path": path, "sha256": digest, "size": len(content)})
    text = json.dumps({"entries": entries, "version": 1}, sort_keys=True, separators=(",", ":"),
                      ensure_ascii=False).encode()
    digest = hashlib.sha256(text).hexdigest()
    blobs[digest] = text
    return digest, text, blobs


class Lab:
    """A private lab: one state folder, one socket, one daemon at a time."""

    def __init__(self, top, install, uid=0, cgroup=None, extra=()):
        self.top, self.install, self.uid, self.cgroup, self.extra = top, install, uid, cgroup, list(extra)
        self.state = os.path.join(top, "state")
        self.socket = os.path.join(top, "enclos.sock")
        self.stderr_path = os.path.join(top, "enclosd.stderr")
        self.daemon = None
        self._rpc = None
        self.environment = {}
        self._peopled = False
        if uid:
            os.chown(top, uid, uid)

    # -- the daemon

    def daemon_command(self):
        line = [os.path.join(self.install, "enclosd"), "--state", self.state, "--socket", self.socket, *self.extra]
        if self.uid:
            if self.cgroup:
                line += ["--cgroup", self.cgroup]
            line = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", *line]
        return line

    def _enter(self):
        if self.uid and self.cgroup:
            for mount in cgroup_mounts():
                with open(os.path.join(mount, self.cgroup, "caller", "cgroup.procs"), "w") as f:
                    f.write("0")

    def start_daemon(self, wait=True):
        assert self.daemon is None or self.daemon.poll() is not None, "the daemon runs already"
        stderr = open(self.stderr_path, "ab")
        self.daemon = subprocess.Popen(
            self.daemon_command(), stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr, cwd="/",
            preexec_fn=self._enter, env={"PATH": "/usr/bin:/bin", "HOME": self.top, **self.environment})
        stderr.close()
        if wait:
            self.wait_ready()

    def wait_ready(self, seconds=20):
        def answers():
            if self.daemon.poll() is not None:
                raise AssertionError(f"enclosd ended with {self.daemon.returncode}: {self.daemon_log()[-3000:]}")
            try:
                with Rpc(self.socket, timeout=5) as rpc:
                    return rpc.call("lab.ping")
            except (OSError, ConnectionError):
                return False

        Deadline(seconds).until(answers, "the lab to answer")
        if not self._peopled:
            self._peopled = True
            self.people()

    def people(self):
        """Whoever started the lab is its admin. These tests act as root too, and as an account that has a role."""
        if self.uid:
            self.rpc_as(self.uid, "user.grant", user="0", role="admin")
        elif os.getuid() == 0:
            for role in ("scientist", "auditor"):
                self.grant(PLAIN_UID, role)

    def grant(self, who, role, project=None, kind="user"):
        return self.rpc("user.grant", role=role, **{kind: str(who)}, **({"project": project} if project else {}))

    def revoke(self, who, role, project=None, kind="user"):
        return self.rpc("user.revoke", role=role, **{kind: str(who)}, **({"project": project} if project else {}))

    def rpc_as(self, uid, method, *, groups=(), token=None, **params):
        """One call from a process of another account, with the groups given."""
        return self.calls_as(uid, [(method, params)], groups=groups, token=token)[0]

    def calls_as(self, uid, calls, groups=(), token=None, gid=None):
        """As rpc_as, several on one connection; an error is the call's result when there are more than one."""
        ours, theirs = os.pipe()
        os.chmod(self.top, 0o755)
        pid = os.fork()
        if pid == 0:
            try:
                os.close(ours)
                os.setgroups(list(groups))
                os.setresgid(*[uid if gid is None else gid] * 3)
                os.setresuid(*[uid] * 3)
                answers = []
                with Rpc(self.socket, 20) as rpc:
                    if token:
                        rpc.call("user.authenticate", token=token)
                    for method, params in calls:
                        try:
                            answers.append({"result": rpc.call(method, **params)})
                        except RpcError as error:
                            answers.append({"error": json.loads(str(error))})
            except RpcError as error:
                answers = [{"error": json.loads(str(error))}]
            except BaseException as error:  # the child must not go on as a second pytest
                answers = [{"failed": repr(error)}]
            try:
                with os.fdopen(theirs, "w") as f:
                    json.dump(answers, f)
            finally:
                os._exit(0)
        os.close(theirs)
        with os.fdopen(ours) as f:
            answers = bag_loads(f.read())
        os.waitpid(pid, 0)
        assert "failed" not in answers[0], answers
        if len(calls) == 1 or (token and "error" in answers[0] and len(answers) == 1):
            if "error" in answers[0]:
                raise RpcError(answers[0].error)
            return [answers[0].result]
        return [RpcError(a.error) if "error" in a else a.result for a in answers]

    def kill_daemon(self):
        self._drop_rpc()
        self.daemon.kill()
        self.daemon.wait()

    def stop_daemon(self, seconds=20):
        self._drop_rpc()
        self.daemon.terminate()
        return self.daemon.wait(seconds * PATIENCE)

    def daemon_log(self):
        try:
            with open(self.stderr_path, errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def daemon_events(self):
        events = []
        for line in self.daemon_log().splitlines():
            try:
                events.append(bag_loads(line))
            except ValueError:
                pass
        return events

    # -- the API

    def _drop_rpc(self):
        if self._rpc is not None:
            self._rpc.close()
            self._rpc = None

    def connect(self, timeout=10):
        return Rpc(self.socket, timeout)

    def rpc(self, method, *, fds=(), rpc_timeout=None, **params):
        if self._rpc is None:
            self._rpc = self.connect(30)
        try:
            return self._rpc.call(method, fds=fds, rpc_timeout=rpc_timeout, **params)
        except RpcError:
            raise
        except Exception:
            self._drop_rpc()
            raise

    def put_blob(self, content):
        digest = hashlib.sha256(content).hexdigest()
        with tempfile.TemporaryFile() as f:
            f.write(content)
            f.flush()
            self.rpc("blob.put", sha256=digest, size_bytes=len(content), fds=[f.fileno()])
        return digest

    def put_files(self, files):
        """Stores files and their manifest, returns the manifest's digest."""
        digest, _, blobs = manifest_of(files)
        for missing in self.rpc("blob.missing", sha256=sorted(blobs))["missing"]:
            self.put_blob(blobs[missing])
        return digest

    def add_dataset(self, name, files, classification="interne"):
        manifest = self.put_files(files)
        added = self.rpc("dataset.add", name=name, title=name, classification=classification, manifest=manifest)
        self.rpc("dataset.seal", name=name, version=added.version)
        return added.ref

    def submit(self, command, code=None, **params):
        """Submits, returns the run's id. A text is split as a shell would."""
        if isinstance(command, str):
            command = shlex.split(command)
        if isinstance(code, dict):
            code = self.put_files(code)
        if code is not None:
            params["code"] = code
        resources = params.pop("resources", {})
        params["resources"] = {"memory_bytes": 128 * MIB, "cpus_milli": 500, "grace_ms": 300, **resources}
        return self.rpc("run.submit", command=command, **params)["run"]

    def wait(self, run, seconds=60):
        deadline = Deadline(seconds)
        while True:
            answer = self.rpc("run.wait", run=run, timeout_ms=int(min(deadline.left, 10) * 1000), rpc_timeout=30)
            if answer.finished:
                return answer.run
            assert deadline.left > 0, f"run {run} did not finish: {json.dumps(answer.run)[:1000]}"

    def wait_running(self, run, seconds=30):
        """Follows the run's events until it runs."""
        return Deadline(seconds).until(lambda: self.get(run).state in ("running", "finished"), f"{run} to run", 0.02)

    def run(self, command, seconds=60, **params):
        return self.wait(self.submit(command, **params), seconds)

    def get(self, run):
        return self.rpc("run.get", run=run)

    def log_chunks(self, run):
        chunks, start = [], 0
        while True:
            answer = self.rpc("run.logs", **{"run": run, "from": start})
            chunks += answer.chunks
            if answer.next == start or (answer.eof and not answer.chunks):
                return chunks
            start = answer.next

    def log(self, run, stream=None):
        """All that the run printed, as bytes."""
        return b"".join(
            c["text"].encode() if "text" in c else base64.b64decode(c["base64"])
            for c in self.log_chunks(run) if c.stream != "gap" and (stream is None or c.stream == stream))

    def wait_log(self, run, text, seconds=30):
        Deadline(seconds).until(lambda: text in self.log(run), f"{text!r} in the log of {run}", 0.02)

    # -- the command line

    def cli(self, *arguments, cwd="/", env=None, timeout=120, uid=None, **popen):
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "ENCLOS_SOCKET": self.socket, "HOME": self.top,
                       **(env or {})}
        line = [os.path.join(self.install, "enclos"), *map(str, arguments)]
        if uid:
            line = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *line]
        popen.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run(line, capture_output=True, text=True, errors="replace", cwd=cwd, env=environment,
                              timeout=timeout * PATIENCE, **popen)
        no_sanitizer_report(done.stderr, "enclos")
        return done

    def cli_json(self, *arguments, **more):
        done = self.cli(*arguments, "--json", **more)
        assert done.returncode == 0, f"status {done.returncode}: {done.stderr}"
        return bag_loads(done.stdout)

    # -- the end

    def monitors(self):
        """{run id: pid} of monitors that hold their lock file's pid and live."""
        found, runs = {}, os.path.join(self.state, "runs")
        for run in os.listdir(runs) if os.path.isdir(runs) else []:
            try:
                with open(os.path.join(runs, run, "monitor.lock")) as f:
                    pid = int(re.match(r"\s*(\d+)", f.read()).group(1))
            except (OSError, AttributeError):
                continue
            if is_alive(pid) and not os.path.exists(os.path.join(runs, run, "record.json")):
                found[run] = pid
        return found

    def stop(self):
        """Ends the daemon, the runs that go on, and nothing else."""
        self._drop_rpc()
        if self.daemon is not None and self.daemon.poll() is None:
            self.daemon.terminate()
            try:
                self.daemon.wait(20 * PATIENCE)
            except subprocess.TimeoutExpired:
                self.daemon.kill()
                self.daemon.wait()
        for pid in self.monitors().values():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        no_sanitizer_report(self.daemon_log(), "enclosd or its runner")
