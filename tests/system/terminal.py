"""A client of a run's terminal, as `enclos shell` is one: the frames of api/common/attach.h."""

import os
import re
import socket
import struct

from harness import Deadline

INPUT, RESIZE, OUTPUT, TAKEN = 1, 2, 3, 4
HEAD = struct.Struct("=HHHH")


class Terminal:
    def __init__(self, sock):
        self.socket = sock
        self.seen = b""
        self.taken = self.ended = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def type(self, text):
        data = text if isinstance(text, bytes) else text.encode()
        self.socket.settimeout(20)
        self.socket.send(HEAD.pack(INPUT, 0, 0, len(data)) + data)

    def resize(self, rows, cols):
        self.socket.send(HEAD.pack(RESIZE, rows, cols, 0))

    def read(self, seconds):
        """One frame. False: none in time, or the end."""
        self.socket.settimeout(max(seconds, 0.001))
        try:
            packet = self.socket.recv(1 << 16)
        except TimeoutError:
            return False
        except ConnectionResetError:
            packet = b""
        if not packet:
            self.ended = True
            return False
        kind, _, _, length = HEAD.unpack_from(packet)
        assert length == len(packet) - HEAD.size
        if kind == TAKEN:
            self.taken = True
        else:
            assert kind == OUTPUT
            self.seen += packet[HEAD.size:]
        return True

    def wait(self, pattern, seconds=30):
        """Waits until what was shown matches; gives the match and forgets what was shown up to its end."""
        deadline = Deadline(seconds)
        pattern = pattern if isinstance(pattern, bytes) else pattern.encode()
        while True:
            found = re.search(pattern, self.seen, re.S)
            if found:
                self.seen = self.seen[found.end():]
                return found
            assert deadline.left > 0 and not self.ended, f"no {pattern!r} in {self.seen!r} (ended: {self.ended})"
            self.read(min(deadline.left, 1))

    def wait_end(self, seconds=30):
        deadline = Deadline(seconds)
        while not self.ended:
            assert deadline.left > 0, f"it did not end: {self.seen!r}"
            self.read(min(deadline.left, 1))


MAGIC, VERSION, CONNECT, TERMINAL = 0x454E4C41, 1, 1, 2


def request(verb, value=0, rows=0, cols=0, magic=MAGIC, version=VERSION):
    return struct.pack("=IHHIHH", magic, version, verb, value, rows, cols)


def ask(folder, packet, fds=()):
    """What the monitor of a run answers on attach.sock of its folder: (given, errno, text, descriptors), or None when
    it ended the conversation."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        s.connect(f"/proc/self/fd/{fd}/attach.sock")
        s.settimeout(20)
        socket.send_fds(s, [packet], list(fds))
        data, got, _, _ = socket.recv_fds(s, 1000, 4)
    except ConnectionResetError:
        return None
    finally:
        os.close(fd)
        s.close()
    if not data:
        return None
    magic, version, given, errno, text = struct.unpack("=IHHi200s", data)
    assert (magic, version) == (MAGIC, VERSION)
    assert given == len(got)
    return given, errno, text.split(b"\0")[0].decode(), got


def join(folder, rows=24, cols=80):
    """Joins the terminal of a run, as soon as it has one."""

    def try_it():
        try:
            answer = ask(folder, request(TERMINAL, 0, rows, cols))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        return answer if answer and answer[0] else None

    given = Deadline(20).until(try_it, "the terminal of the run", 0.02)
    return Terminal(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, fileno=given[3][0]))
