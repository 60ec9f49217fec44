"""A file system of a user's own (FUSE) with one file, FILE, of 16 bytes: `stuck_fs.py FOLDER [CALL...]`.

It says "ready" once it is mounted. From the first open on it never answers the calls that are named:
getattr, read, flush. It ends, and all who wait for it with it, when it is killed.
"""

import ctypes
import os
import struct
import sys

CONTENT = b"sixteen bytes, 1"
LOOKUP, FORGET, GETATTR, OPEN, READ, FLUSH, INIT, OPENDIR, READDIR, INTERRUPT, BATCH_FORGET = (
    1, 2, 3, 14, 15, 25, 26, 27, 28, 36, 42)
NAMES = {GETATTR: "getattr", READ: "read", FLUSH: "flush"}


def attributes(node):
    mode, size = (0o40755, 0) if node == 1 else (0o100644, len(CONTENT))
    return struct.pack("<6Q10I", node, size, 1, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer_to(code, node, body):
    if code == INIT:
        return struct.pack("<4I2H2I2H8I", 7, 31, 0, 0, 12, 9, 1 << 16, 1, 1, 0, *[0] * 8)
    if code == LOOKUP:
        if body.rstrip(b"\0") != b"FILE":
            return -2
        return struct.pack("<4Q2I", 2, 0, 0, 0, 0, 0) + attributes(2)
    if code == GETATTR:
        return struct.pack("<Q2I", 0, 0, 0) + attributes(node)
    if code in (OPEN, OPENDIR):
        return struct.pack("<Q2I", 1, 0, 0)
    if code == READ:
        offset, size = struct.unpack_from("<QI", body, 8)
        return CONTENT[offset:offset + size]
    if code == READDIR:
        offset = struct.unpack_from("<Q", body, 8)[0]
        return b"" if offset else struct.pack("<2Q2I", 2, 1, 4, 8) + b"FILE\0\0\0\0"
    return -38


def main():
    folder, never = sys.argv[1], set(sys.argv[2:])
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"stuck", folder.encode(), b"fuse", 6, options) != 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    print("ready", flush=True)
    opened = False
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError:
            return
        length, code, unique, node = struct.unpack_from("<IIQQ", request)
        if code in (FORGET, BATCH_FORGET, INTERRUPT) or (opened and NAMES.get(code) in never):
            continue
        opened |= code == OPEN
        answer = answer_to(code, node, request[40:length])
        error, data = (answer, b"") if isinstance(answer, int) else (0, answer)
        os.write(device, struct.pack("<IiQ", 16 + len(data), error, unique) + data)


if __name__ == "__main__":
    main()
