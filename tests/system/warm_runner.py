"""Runs started warm: run folders passed to a launcher of our own that keeps templates, with the face of Runner.

What is no Python is executed by a Python that was started warm, so that a test written for cold runs is
the same test from inside a warm one; finish() refuses a run that was not."""

import array
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import time

import harness

MAGIC, VERSION, START, STARTED, REFUSED = 0x454E4C31, 2, 2, 3, 4
PACKET = "<IHHq16s928s64s"
EXECUTE = ("import os,signal,sys; signal.signal(signal.SIGPIPE, signal.SIG_DFL); "
           "os.execvp(sys.argv[1], sys.argv[1:])")
# How the CLI ends for a verdict that is no status of the program's.
STATUS = {"cancelled": 130, "wall_timeout": 124, "cpu_timeout": 124, "out_of_memory": 137, "setup_failed": 125,
          "exec_failed": 125, "lost": 125}


def profiles_with_preload(top, imports):
    """The installed profiles, `base` with a preload: it is the profile of most tests."""
    source = os.path.join(harness.BUILD, "share", "enclos", "sandbox-profiles")
    folder = os.path.join(top, "profiles")
    os.mkdir(folder, 0o755)
    for name in os.listdir(source):
        with open(os.path.join(source, name)) as f:
            text = f.read()
        if name == "base.jsonc":
            listed = ", ".join(f'"{m}"' for m in imports)
            text = re.sub(r'\n    "version": 1,',
                          '\n    "version": 1,\n    "preload": {"interpreter": "/usr/bin/python3", "imports": [%s]},' % listed,
                          text, count=1)
            assert '"preload"' in text
        with open(os.path.join(folder, name), "w") as f:
            f.write(text)
        os.chmod(os.path.join(folder, name), 0o644)
    return folder


class Process:
    """A monitor that the launcher forked, with what of Popen's face the tests use."""

    def __init__(self, pid, pidfd, folder):
        self.pid, self.pidfd, self.folder = pid, pidfd, folder

    def poll(self):
        return self.returncode if select.select([self.pidfd], [], [], 0)[0] else None

    def wait(self, timeout=60):
        if not select.select([self.pidfd], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired("monitor", timeout)
        return self.returncode

    def communicate(self, timeout=60):
        self.wait(timeout)
        return b"", b""

    def kill(self):
        try:
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)
        except ProcessLookupError:
            pass

    @property
    def returncode(self):
        record = os.path.join(self.folder, "record.json")
        if not os.path.exists(record):
            return -9
        with open(record) as f:
            record = harness.bag_loads(f.read())
        if record.exit_code is not None:
            return record.exit_code
        return STATUS.get(record.verdict, 128)


class WarmRunner(harness.Runner):
    def __init__(self, top, install, uid=0, cgroup=None, profiles=None, owner="tester"):
        super().__init__(top, install, uid, cgroup)
        self.profiles, self.owner = profiles, owner
        self.ready = set()
        self.only_warm = True
        self.socket = None
        self.start_launcher()

    # ---- the launcher

    def start_launcher(self):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(30 * harness.PATIENCE)
        line = ["launcher", "--fd", str(theirs.fileno())]
        if self.profiles:
            line += ["--profiles", self.profiles]
        if self.rootless:
            line += ["--cgroup", self.cgroup] if self.cgroup else []
        else:
            line += ["--lab-uid", "0", "--lab-gid", "0"]
        log = open(os.path.join(self.top, "launcher.log"), "ab")
        self.keeper = subprocess.Popen(self.command_line(*line), pass_fds=[theirs.fileno()], preexec_fn=self._enter, cwd="/",
                                       stdin=subprocess.DEVNULL, stderr=log,
                                       env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"})
        log.close()
        theirs.close()
        self.receive()  # it says hello

    def receive(self):
        data, rights, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(16))
        fds = []
        for _, _, passed in rights:
            fds += array.array("i", passed[: len(passed) // 4 * 4])
        _, _, kind, value, _, text, _ = struct.unpack(PACKET, data)
        return kind, value, text.rstrip(b"\0").decode(), fds

    def said(self):
        with open(os.path.join(self.top, "launcher.log")) as f:
            return f.read()

    def templates(self):
        """pids of the templates that live, by what only they have on their command line's side: their launcher."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    if b"LD_PRELOAD=/opt/enclos/lower/enclos-warm.so" not in f.read():
                        continue
                with open(f"/proc/{pid}/status") as f:
                    status = f.read()
            except OSError:
                continue
            parent = int(re.search(r"PPid:\t(\d+)", status)[1])
            if parent in self.launchers():
                found.append(int(pid))
        return found

    def launchers(self):
        with open(f"/proc/{self.keeper.pid}/task/{self.keeper.pid}/children") as f:
            return [int(p) for p in f.read().split()]

    # ---- runs

    def folder(self, command, **spec):
        changes = {"warm": self.owner, **(spec.pop("spec_changes", None) or {})}
        if command and os.path.basename(command[0]) != "python3":
            command = ["python3", "-c", EXECUTE, *command]
        return super().folder(command, spec_changes=changes, **spec)

    def send(self, folder, owner=None, threads=None):
        with open(os.path.join(folder, "spec.json")) as f:
            spec = harness.bag_loads(f.read())
        if threads is None:
            threads = -(-spec.resources.cpus_milli // 1000)
        fd = os.open(folder, os.O_RDONLY)
        packet = struct.pack(PACKET, MAGIC, VERSION, START, threads, os.path.basename(folder).encode(),
                             spec.profile.encode(), (owner or spec.get("warm") or "").encode())
        self.socket.sendmsg([packet], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))])
        os.close(fd)
        kind, value, text, fds = self.receive()
        assert kind == STARTED, text
        process = Process(value, fds[0], folder)
        self.started.append(process)
        return process

    def prime(self, profile, cpus_milli):
        """A template for such runs is ready."""
        key = (profile, -(-cpus_milli // 1000))
        if key in self.ready:
            return

        def warm():
            folder = super(WarmRunner, self).folder(["python3", "-c", ""], profile=profile, cpus_milli=cpus_milli,
                                                    spec_changes={"warm": self.owner})
            process = self.send(folder)
            run = super(WarmRunner, self).finish(process, folder, 0)
            why = run.record.sandbox.warm.why or ""
            assert run.record.sandbox.warm.warm or "being made" in why or "templates already" in why, why
            return run.record.sandbox.warm.warm

        harness.Deadline(30).until(warm, "a template", 0.1)
        self.ready.add(key)

    def start(self, folder, env=None, **popen):
        with open(os.path.join(folder, "spec.json")) as f:
            spec = harness.bag_loads(f.read())
        if self.only_warm:
            self.prime(spec.profile, spec.resources.cpus_milli)
        return self.send(folder)

    def finish(self, process, folder, began, timeout=60):
        run = super().finish(process, folder, began, timeout)
        if self.only_warm and run.record is not None and run.verdict != "setup_failed":
            assert run.record.sandbox.warm.warm, run.record.sandbox.warm
        return run

    def stop(self):
        self.socket.close()
        for process in self.started:
            process.kill()
            os.close(process.pidfd)
        self.started = []
        try:
            self.keeper.wait(20 * harness.PATIENCE)
        finally:
            self.keeper.kill()
            self.keeper.wait()
        harness.no_sanitizer_report(self.said(), "enclos-runner launcher")


def make(top, install, uid, cgroup, imports, name):
    folder = os.path.join(top, name)
    os.mkdir(folder, 0o755)
    if uid:
        os.chown(folder, uid, uid)
    runner = WarmRunner(folder, install, uid, cgroup, profiles_with_preload(folder, imports))
    return runner


def stop(runner):
    runner.stop()
    shutil.rmtree(runner.top, ignore_errors=True)
