"""The launcher distrusts the orchestrator: a lab that was taken over speaks to it on its socket, with its own folders."""

import array
import json
import os
import random
import shutil
import socket
import struct
import subprocess

import pytest

from harness import PATIENCE, RESOURCES, Deadline, read_log

LAB = 65534 - 3  # a uid that no account has
MAGIC, VERSION, START, STARTED, REFUSED, FORGET = 0x454E4C31, 2, 2, 3, 4, 5


def packet(kind, run=b"rabc", text=b"", magic=MAGIC, version=VERSION, warm=b"", cpus=0):
    return struct.pack("<IHHq16s928s64s", magic, version, kind, cpus, run, text, warm)


class Launcher:
    def __init__(self, install):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20 * PATIENCE)
        self.process = subprocess.Popen(
            [os.path.join(install, "enclos-runner"), "launcher", "--fd", str(theirs.fileno()), "--lab-uid", str(LAB),
             "--lab-gid", str(LAB)], pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, cwd="/")
        theirs.close()
        self.receive()  # it says hello

    def send(self, data, fds=()):
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self.socket.sendmsg([data], rights)

    def receive(self):
        data, rights, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(16))
        for _, _, passed in rights:
            for fd in array.array("i", passed[: len(passed) // 4 * 4]):
                os.close(fd)
        if not data:
            return None
        _, _, kind, value, run, text, _ = struct.unpack("<IHHq16s928s64s", data)
        return kind, value, run.rstrip(b"\0").decode(), text.rstrip(b"\0").decode()

    def stop(self):
        self.socket.close()
        try:
            self.process.wait(20 * PATIENCE)
        finally:
            self.process.kill()
        return self.process.stderr.read().decode()


@pytest.fixture
def launcher(install):
    if os.getuid() != 0:
        pytest.skip("needs root: the launcher of a root lab")
    made = Launcher(install)
    yield made
    assert "died" not in made.stop()


@pytest.mark.parametrize("data, fds", [
    (b"x", 0), (packet(START), 0), (packet(START), 2), (packet(START), 17), (packet(START) + b"x", 1),
    (packet(START)[:-1], 1), (packet(START, magic=1), 1), (packet(START, version=1), 1), (packet(9), 0), (packet(FORGET), 1),
    (packet(START, run=b"../x"), 1), (packet(START, run=b""), 1), (packet(START, run=b"a" * 16), 1),
    (packet(START, text=b"a" * 928), 1), (packet(START, warm=b"a" * 64, cpus=1), 1), (packet(START, warm=b"../x", cpus=1), 1),
    (packet(START, warm=b"a", cpus=0), 1), (packet(START, warm=b"a", cpus=4097), 1),
], ids=["short", "no folder", "two folders", "many folders", "too long", "cut", "magic", "version", "kind", "forget a folder",
        "path", "no run", "run without end", "text without end", "owner without end", "owner is a path", "no CPU", "CPUs"])
def test_a_packet_that_is_not_exactly_right_ends_the_conversation(launcher, data, fds):
    folder = os.open("/tmp", os.O_RDONLY)
    launcher.send(data, [folder] * fds)
    os.close(folder)
    assert launcher.receive() is None
    assert launcher.process.wait(20 * PATIENCE) == 2


class Folder:
    """A run folder as a lab that was taken over would make it."""

    def __init__(self, top, **changes):
        self.name = "r" + "".join(random.choices("abcdefghjkmnpqrstv", k=12))
        self.path = os.path.join(top, self.name)
        os.mkdir(self.path, 0o700)
        os.chown(self.path, LAB, LAB)
        self.spec = {"version": 1, "run": self.name, "command": ["cat", "/etc/hostname"], "env": {}, "profile": "base",
                     "code": None, "datasets": [], "resources": RESOURCES, "limits": "enforced", "report_paths": False,
                     **changes}

    def write(self):
        path = os.path.join(self.path, "spec.json")
        with open(path, "w") as f:
            json.dump(self.spec, f)
        os.chown(path, LAB, LAB)
        return self

    def start(self, launcher, says=b""):
        fd = os.open(self.path, os.O_RDONLY)
        launcher.send(packet(START, run=self.name.encode(), text=says), [fd])
        os.close(fd)
        kind, _, _, text = launcher.receive()
        if kind == REFUSED:
            return text
        record = os.path.join(self.path, "record.json")
        Deadline(30).until(lambda: os.path.exists(record), "the record")
        with open(record) as f:
            return json.load(f)

    def log(self):
        return b"".join(data for _, _, data in read_log(os.path.join(self.path, "log")))


@pytest.fixture
def secret(top):
    path = os.path.join(top, "secret-of-root")
    with open(path, "w") as f:
        f.write("only root may read this")
    os.chmod(path, 0o600)
    yield path
    os.unlink(path)


def test_a_folder_as_it_should_be_is_run(launcher, top):
    folder = Folder(top).write()
    assert folder.start(launcher)["verdict"] == "succeeded"
    assert b"enclos\n" in folder.log()


def test_folders_that_are_not_the_lab_s_are_refused(launcher, top):
    folder = Folder(top).write()
    os.chown(folder.path, 0, 0)
    assert "not a run folder of the lab's" in folder.start(launcher)


@pytest.mark.parametrize("plant", ["link", "hard link", "fifo"])
def test_a_spec_is_read_as_the_lab_may_read_it(launcher, top, secret, plant):
    folder = Folder(top)
    spec = os.path.join(folder.path, "spec.json")
    {"link": lambda: os.symlink(secret, spec), "hard link": lambda: os.link(secret, spec),
     "fifo": lambda: os.mkfifo(spec)}[plant]()
    record = folder.start(launcher)
    assert record["verdict"] == "setup_failed" and record["failed"]["step"] == "spec", record
    assert "only root" not in json.dumps(record)


@pytest.mark.parametrize("name", ["monitor.lock", "log", "outputs", "record.json"])
def test_nothing_is_written_through_a_link_of_the_lab_s(launcher, top, name):
    folder, target = Folder(top, command=["touch", "/outputs/x"]).write(), os.path.join(top, f"planted-{name}")
    os.symlink(target, os.path.join(folder.path, name))
    said = folder.start(launcher)
    assert "started already" in said if name == "monitor.lock" else said["verdict"] in ("setup_failed", "succeeded"), said
    assert not os.path.lexists(target)


@pytest.mark.parametrize("path, why", [("/root", "belongs to uid 0"), ("/etc", "belongs to uid 0"),
                                       ("/proc/self", "Too many levels"), ("{top}/link", "Too many levels"),
                                       ("{top}/link/below", "Too many levels")])
def test_what_is_mounted_is_the_lab_s_and_without_a_link_on_the_way(launcher, top, path, why):
    real = os.path.join(top, "real")
    os.makedirs(os.path.join(real, "below"), exist_ok=True)
    for folder in (real, os.path.join(real, "below")):
        os.chown(folder, LAB, LAB)
    if not os.path.islink(os.path.join(top, "link")):
        os.symlink(real, os.path.join(top, "link"))
    record = Folder(top, datasets=[{"name": "d", "path": path.format(top=top)}]).write().start(launcher)
    assert record["verdict"] == "setup_failed" and record["failed"]["step"] == "mount_sources", record
    assert why in record["failed"]["message"], record["failed"]


def test_data_and_a_way_out_do_not_meet_whatever_the_lab_asks(launcher, top):
    tree = os.path.join(top, "lent")
    os.makedirs(tree, exist_ok=True)
    os.chown(tree, LAB, LAB)
    record = Folder(top, profile="builder", datasets=[{"name": "d", "path": tree}]).write().start(launcher)
    assert record["verdict"] == "setup_failed" and record["failed"]["step"] == "profile", record
    assert "may have no dataset" in record["failed"]["message"], record["failed"]


def test_a_tree_shows_nothing_that_the_lab_may_not_read_and_gives_no_right(launcher, top, secret):
    tree = os.path.join(top, "tree")
    os.mkdir(tree)
    os.chown(tree, LAB, LAB)
    os.link(secret, os.path.join(tree, "secret"))
    os.symlink(secret, os.path.join(tree, "link"))
    os.mknod(os.path.join(tree, "null"), 0o20666, os.makedev(1, 3))
    shutil.copy("/usr/bin/id", os.path.join(tree, "id"))
    os.chmod(os.path.join(tree, "id"), 0o4755)
    folder = Folder(top, code={"path": tree},
                    command=["sh", "-c", "./id -u; cat secret link; echo x > null && echo written; true"]).write()
    assert folder.start(launcher)["verdict"] == "succeeded"
    said = folder.log()
    assert b"1000\n" in said and b"only root" not in said and b"written" not in said, said


def test_the_profile_that_a_packet_names_decides_nothing(launcher, top):
    """What stands ready for one profile, and the networks that serve again, are not for a run of another."""
    def base():
        return Folder(top).write().start(launcher, says=b"base")

    networks = {base()["sandbox"]["namespaces"]["net"] for _ in range(3)}
    listen = "import socket; socket.create_server(('127.0.0.1', 0)); print('up')"
    liar = Folder(top, profile="jupyter", command=["python3", "-c", listen]).write()
    record = liar.start(launcher, says=b"base")
    assert record["verdict"] == "succeeded" and liar.log().endswith(b"up\n")
    assert record["sandbox"]["profile"] == "jupyter" and record["sandbox"]["made_ahead"] is False
    networks |= {base()["sandbox"]["namespaces"]["net"] for _ in range(8)}
    assert record["sandbox"]["namespaces"]["net"] not in networks
    record = Folder(top).write().start(launcher, says=b"jupyter")
    assert (record["verdict"], record["sandbox"]["profile"]) == ("succeeded", "base")
    record = Folder(top, profile="terminal", interactive={"idle_ms": 0}).write().start(launcher, says=b"terminal")
    assert (record["verdict"], record["sandbox"]["made_ahead"]) == ("succeeded", False)
