"""The fixtures of the system tests (tests/system/conftest.py), and a guard: these tests are for the guest.

They write sysctls and move processes between control groups, which no test may do to a developer's machine.
"""

import importlib.util
import os
import sys

import pytest

SYSTEM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "system")
sys.path.insert(0, SYSTEM)
_spec = importlib.util.spec_from_file_location("system_conftest", os.path.join(SYSTEM, "conftest.py"))
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("__")})


@pytest.fixture(autouse=True, scope="session")
def guest():
    with open("/proc/cmdline") as f:
        if "enclos.command=" not in f.read():
            pytest.exit("these tests run in a virtual machine: scripts/test-vm", returncode=3)


@pytest.fixture
def sysctl():
    """Sets a sysctl for the length of a test."""
    before = {}

    def write(name, value):
        path = "/proc/sys/" + name.replace(".", "/")
        with open(path) as f:
            before.setdefault(path, f.read())
        with open(path, "w") as f:
            f.write(value)

    yield write
    for path, value in before.items():
        with open(path, "w") as f:
            f.write(value)
