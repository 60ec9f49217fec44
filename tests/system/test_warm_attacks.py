"""The attack cases again, from inside runs that were started warm: a probe that is executed by a Python that was
forked from a template. Left out are the cases that never come to a job, and the longest of those that a
warm start cannot change."""

import os

import pytest

import warm_runner
from test_attacks_a import *  # noqa: F401,F403
from test_attacks_b import *  # noqa: F401,F403
from test_attacks_c import *  # noqa: F401,F403
from test_attacks_d import *  # noqa: F401,F403
from test_attacks_e import *  # noqa: F401,F403
from test_attacks_f import *  # noqa: F401,F403


@pytest.fixture(scope="module")
def warm_root(top, install):
    if os.getuid() != 0:
        pytest.skip("needs root")
    made = warm_runner.make(top, install, 0, None, ["json", "numpy"], "warm-attacks-root")
    yield made
    warm_runner.stop(made)


@pytest.fixture(scope="module")
def warm_plain(top, install, user_cgroup):
    made = warm_runner.make(top, install, warm_runner.harness.PLAIN_UID, user_cgroup, ["json", "numpy"],
                            "warm-attacks-plain")
    yield made
    warm_runner.stop(made)


@pytest.fixture
def root_runner(warm_root):
    return warm_root


@pytest.fixture
def plain_runner(warm_plain):
    return warm_plain


@pytest.fixture(params=["root", "rootless"])
def runner(request):
    return request.getfixturevalue("warm_root" if request.param == "root" else "warm_plain")


# A program that cannot be executed is no job at all; ten gigabytes of output are the monitor's matter alone.
for _name in [n for n in globals() if n.startswith(("test_d52", "test_d59"))]:
    del globals()[_name]
