"""Public checkers from PyPI, for tests alone: each list of pinned packages in pypi/ goes into a folder of its own, once."""

import fcntl
import hashlib
import os
import subprocess
import sys

import pytest

import harness

HERE = os.path.dirname(os.path.abspath(__file__))


def folder_of(name):
    """Where the packages of pypi/NAME.txt are; installs them the first time. Without PyPI the test is skipped, by name."""
    path = os.path.join(HERE, "pypi", f"{name}.txt")
    with open(path, "rb") as f:
        digest = hashlib.sha256(f.read() + sys.version.encode()).hexdigest()[:12]
    folder = os.path.join(harness.REPO, "build", "pypi", f"{name}-{digest}")
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    with open(folder + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(folder, ".whole")):
            done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--no-deps",
                                   "--upgrade", "--target", folder, "-r", path], capture_output=True, text=True)
            if done.returncode != 0:
                pytest.skip(f"pip cannot install {path}: {done.stderr[-400:]}")
            with open(os.path.join(folder, ".whole"), "w"):
                pass
    return folder
