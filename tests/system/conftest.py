"""Fixtures of the system tests; see harness.py for what they give and README.md for how to run them."""

import os
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import harness  # noqa: E402

TEST_SECONDS = int(os.environ.get("ENCLOS_TEST_SECONDS", "120"))


def pytest_configure(config):
    config.addinivalue_line("markers", "seconds(n): how long this test may take")
    if not os.path.exists(os.path.join(harness.BUILD, "enclos-runner")):
        pytest.exit(f"nothing is built in {harness.BUILD}: run make first", returncode=3)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item):
    """A test that hangs fails by name, and the others go on."""
    marker = item.get_closest_marker("seconds")
    seconds = (marker.args[0] if marker else TEST_SECONDS) * harness.PATIENCE

    def on_alarm(*_):
        raise TimeoutError(f"{item.name} took longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, on_alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what the daemon said."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call" and report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, harness.Lab):
                report.sections.append(("enclosd said", value.daemon_log()[-6000:]))


@pytest.fixture(scope="session")
def top():
    """A folder that every user can cross, on the file system of temporary files."""
    path = tempfile.mkdtemp(prefix="enclos-test-")
    os.chmod(path, 0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def install(top):
    path = os.path.join(top, "bin")
    os.mkdir(path, 0o755)
    return harness.installed_copy(path)


@pytest.fixture(scope="session")
def user_cgroup():
    """A control group delegated to the plain user, by its path below each hierarchy's mount."""
    if os.getuid() != 0:
        pytest.skip("delegating a control group to another user needs root")
    name = f"enclos-test-{os.getpid()}"
    groups = harness.delegate_cgroup(name, harness.PLAIN_UID)
    yield name
    harness.remove_cgroup(groups)


def _folder(top):
    path = tempfile.mkdtemp(dir=top)
    os.chmod(path, 0o755)
    return path


def _need_root():
    if os.getuid() != 0:
        pytest.skip("needs root: the lab of this test runs as root")


@pytest.fixture
def root_runner(top, install):
    _need_root()
    made = harness.Runner(_folder(top), install)
    yield made
    made.stop()
    shutil.rmtree(made.top, ignore_errors=True)


@pytest.fixture
def plain_runner(top, install, user_cgroup):
    made = harness.Runner(_folder(top), install, harness.PLAIN_UID, user_cgroup)
    os.chown(made.top, harness.PLAIN_UID, harness.PLAIN_UID)
    yield made
    made.stop()
    shutil.rmtree(made.top, ignore_errors=True)


@pytest.fixture(params=["root", "rootless"])
def runner(request):
    """The same test, the lab as root and as a plain user."""
    return request.getfixturevalue("root_runner" if request.param == "root" else "plain_runner")


def _lab(top, install, uid=0, cgroup=None, extra=()):
    return harness.Lab(_folder(top), install, uid, cgroup, extra)


@pytest.fixture
def new_lab(top, install):
    """A function that makes a lab that is not started yet."""
    _need_root()
    made = []

    def make(**more):
        made.append(_lab(top, install, **more))
        return made[-1]

    yield make
    for lab in made:
        lab.stop()
        shutil.rmtree(lab.top, ignore_errors=True)


@pytest.fixture
def lab(new_lab):
    """A private lab of its own, started as root."""
    made = new_lab()
    made.start_daemon()
    return made


@pytest.fixture(scope="module")
def shared_lab(top, install):
    """One lab for the tests of a module that leave it as they found it."""
    _need_root()
    made = _lab(top, install)
    made.start_daemon()
    yield made
    made.stop()
    shutil.rmtree(made.top, ignore_errors=True)


@pytest.fixture
def plain_lab(top, install, user_cgroup):
    """A private rootless lab of a plain user."""
    made = _lab(top, install, harness.PLAIN_UID, user_cgroup)
    made.start_daemon()
    yield made
    made.stop()
    shutil.rmtree(made.top, ignore_errors=True)


LOOPBACK = """{
    "version": 1, "title": "A loopback network, for tests", "title_fr": "Un réseau local, pour les tests",
    "extends": "python", "network": "loopback", "override": {"network": "a test wants it"},
    "syscalls": {"allow_if": [{"names": ["socket"], "why": "a test wants it",
        "args": [{"index": 0, "op": "in", "mask": "0xFFFFFFFF", "values": ["AF_INET", "AF_INET6"]},
                 {"index": 1, "op": "in", "mask": "0xFFF7F7FF", "values": ["SOCK_STREAM", "SOCK_DGRAM"]},
                 {"index": 2, "op": "in", "mask": "0xFFFFFFFF", "values": [0, "IPPROTO_TCP", "IPPROTO_UDP"]}]}]}
}"""


@pytest.fixture(scope="session")
def loopback_install(top):
    """The programs with one more profile: loopback-test."""
    path = os.path.join(top, "bin-loopback")
    os.mkdir(path, 0o755)
    harness.installed_copy(path)
    with open(os.path.join(path, "share/enclos/sandbox-profiles/loopback-test.jsonc"), "w") as f:
        f.write(LOOPBACK)
    return path
