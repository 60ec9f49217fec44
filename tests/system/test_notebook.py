"""enclos notebook: Jupyter inside a sandbox, reached by a port here, and nothing reached from inside."""

import asyncio
import importlib.util
import json
import os
import select
import signal
import socket
import subprocess
import urllib.error
import urllib.request
import uuid

import pytest
from harness import PATIENCE, Deadline, no_sanitizer_report

pytestmark = pytest.mark.skipif(not importlib.util.find_spec("notebook"),
                                reason="Jupyter is not here: scripts/install-deps --test installs it")

MEMORY = ("--memory", "600M", "--cpus", "1")


@pytest.fixture(params=["root", "rootless"])
def either_lab(request):
    return request.getfixturevalue("lab" if request.param == "root" else "plain_lab")


class Notebook:
    """`enclos notebook --json` or `enclos attach --json` in the background, once it has told its address."""

    def __init__(self, lab, *arguments, cwd="/"):
        self.lab = lab
        line = [os.path.join(lab.install, "enclos"), *arguments, "--json"]
        if lab.uid:
            line = ["setpriv", f"--reuid={lab.uid}", f"--regid={lab.uid}", "--clear-groups", *line]
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        cwd=cwd, env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                                                      "ENCLOS_SOCKET": lab.socket, "HOME": lab.top})
        ready, _, _ = select.select([self.process.stdout], [], [], 60 * PATIENCE)
        text = self.process.stdout.readline() if ready else b""
        if not text:
            self.process.kill()
            raise AssertionError(f"no address: {self.process.stderr.read().decode()}\n{lab.daemon_log()[-2000:]}")
        told = json.loads(text)
        self.run, self.url, self.port = told["run"], told["url"], told["port"]
        self.base, _, self.token = self.url.partition("/?token=")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def ask(self, path, method="GET", body=None, token=True):
        """(status, what the answer holds)"""
        request = urllib.request.Request(self.base + path, method=method,
                                         data=None if body is None else json.dumps(body).encode())
        if token:
            request.add_header("Authorization", f"token {self.token if token is True else token}")
        try:
            with urllib.request.urlopen(request, timeout=30 * PATIENCE) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(errors="replace")

    def save(self, path, text):
        status, _ = self.ask(f"/api/contents/{path}", "PUT", {"type": "file", "format": "text", "content": text})
        assert status in (200, 201), status

    def execute(self, code):
        """What a new kernel prints for that code."""
        status, kernel = self.ask("/api/kernels", "POST", {})
        assert status == 201, kernel
        said = asyncio.run(self._execute(kernel["id"], code))
        assert self.ask(f"/api/kernels/{kernel['id']}", "DELETE")[0] == 204
        return said

    async def _execute(self, kernel, code):
        from tornado.httpclient import HTTPRequest
        from tornado.websocket import websocket_connect

        url = f"{self.base.replace('http', 'ws', 1)}/api/kernels/{kernel}/channels"
        channel = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {self.token}"}))
        number, said = uuid.uuid4().hex, ""
        await channel.write_message(json.dumps({
            "channel": "shell", "parent_header": {}, "metadata": {}, "buffers": [],
            "header": {"msg_id": number, "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3"},
            "content": {"code": code, "silent": False, "store_history": False, "user_expressions": {},
                        "allow_stdin": False, "stop_on_error": True}}))
        while True:
            message = json.loads(await asyncio.wait_for(channel.read_message(), 60 * PATIENCE))
            if message.get("parent_header", {}).get("msg_id") != number:
                continue
            if message["msg_type"] == "stream":
                said += message["content"]["text"]
            if message["msg_type"] == "error":
                said += "\n".join(message["content"]["traceback"])
            if message["msg_type"] == "execute_reply":
                channel.close()
                return said

    def end(self, how=signal.SIGINT):
        """(exit status, what was said on standard error)"""
        if how is not None:
            self.process.send_signal(how)
        self.left, err = self.process.communicate(timeout=60 * PATIENCE)
        no_sanitizer_report(err.decode(), "enclos notebook")
        return self.process.returncode, err.decode()


def test_jupyter_answers_to_the_token_only(either_lab):
    lab = either_lab
    ref = lab.add_dataset("d", {"data.csv": "a,b\n1,2\n"})
    with Notebook(lab, "notebook", "--no-code", "--dataset", ref, *MEMORY) as n:
        status, told = n.ask("/api/status")
        assert status == 200 and told["kernels"] == 0
        assert n.ask("/api/status", token=False)[0] == 403
        assert n.ask("/api/status", token="x" * len(n.token))[0] == 403
        run = lab.get(n.run)
        assert (run.state, run.interactive.kind, run.profile) == ("running", "notebook", "jupyter")
        assert "running (notebook)" in lab.cli("ps").stdout
        said = n.execute("print(open('/data/d/data.csv').read()); import os; print(os.environ['ENCLOS_RUN'])")
        assert "1,2" in said and n.run in said
        lab.rpc("run.cancel", run=n.run)
        status, err = n.end(None)
        assert status == 130 and "cancelled" in err
        assert n.left == b"", "--json is one document"
    # The token is nowhere in the lab.
    secret = n.token.encode()
    assert secret not in lab.log(n.run) and b"127.0.0.1" in lab.log(n.run)
    assert n.token not in json.dumps(lab.get(n.run))
    assert n.token not in json.dumps(lab.rpc("audit.list", limit=200))
    for name in ("spec.json", "log", "record.json"):
        with open(os.path.join(lab.state, "runs", n.run, name), "rb") as f:
            assert secret not in f.read(), name
    assert n.token not in lab.daemon_log()


def test_what_is_saved_is_kept_however_it_ends(lab, top):
    folder = os.path.join(top, "notebook-code")
    os.makedirs(os.path.join(folder, "part"))
    with open(os.path.join(folder, "part", "old.txt"), "w") as f:
        f.write("as it was sent")
    with Notebook(lab, "notebook", *MEMORY, cwd=folder) as n:
        assert n.ask("/api/contents/part/old.txt")[1]["content"] == "as it was sent"
        n.save("part/new.txt", "first")
        n.save("part/new.txt", "second")
        n.save("part/old.txt", "changed")
        assert "kept" in n.execute("open('/outputs/by-hand.txt', 'w').write('x'); open('/work/lost.txt', 'w').write('x'); "
                                   "print('kept')")
        lab.rpc("run.cancel", run=n.run)
        n.end(None)
    paths = {a.path: a.size_bytes for a in lab.get(n.run).artifacts}
    assert paths == {"part/new.txt": 6, "part/old.txt": 7, "by-hand.txt": 1}


def test_nothing_inside_reaches_out(either_lab):
    lab = either_lab
    with socket.create_server(("127.0.0.1", 0)) as host, Notebook(lab, "notebook", "--no-code", *MEMORY) as n:
        port = host.getsockname()[1]
        said = n.execute(f"""
import socket
for name, address in (("host", ("127.0.0.1", {port})), ("relay", ("127.0.0.1", {n.port + 1})), ("out", ("192.0.2.1", 80))):
    try:
        socket.create_connection(address, 3).close()
        print(name, "reached")
    except OSError as error:
        print(name, error.errno)
try:
    socket.getaddrinfo("deb.debian.org", 80)
    print("name reached")
except OSError as error:
    print("name", error.errno)
s = socket.create_server(("127.0.0.1", 0)); c = socket.create_connection(s.getsockname()); print("inside", "works")
""")
        assert "host 111" in said and "relay 111" in said and "out 101" in said, said
        assert "reached" not in said and "inside works" in said, said
        host.settimeout(0.2)
        with pytest.raises(TimeoutError):
            host.accept()
        lab.rpc("run.cancel", run=n.run)
        n.end(None)


def test_left_and_joined_again_by_the_same_token(lab):
    with Notebook(lab, "notebook", "--no-code", *MEMORY) as n:
        status, err = n.end()
        assert status == 0 and f"enclos attach {n.run}" in err
    assert lab.get(n.run).state == "running"
    with Notebook(lab, "attach", n.run, "--port", str(free_port())) as again:
        assert (again.run, again.token) == (n.run, n.token)
        assert again.ask("/api/status")[0] == 200
        assert again.end(signal.SIGTERM)[0] == 128 + 15
    lab.rpc("run.cancel", run=n.run)
    lab.wait(n.run)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def test_ports_that_are_taken(lab):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = lab.cli("notebook", "--no-code", *MEMORY, "--port", str(port))
        assert done.returncode == 125 and str(port) in done.stderr
        assert lab.rpc("run.list", limit=1).runs == []
    with Notebook(lab, "notebook", "--no-code", "--cpus", "0.5", "--memory", "600M") as first:
        with Notebook(lab, "notebook", "--no-code", "--cpus", "0.5", "--memory", "600M") as second:
            assert first.port != second.port and first.token != second.token
            assert second.ask("/api/status")[0] == 200
            assert second.ask("/api/status", token=first.token)[0] == 403
            for n in (first, second):
                lab.rpc("run.cancel", run=n.run)
                n.end(None)


def test_the_daemon_may_be_killed_and_restarted_meanwhile(lab):
    with Notebook(lab, "notebook", "--no-code", *MEMORY) as n:
        with socket.create_connection(("127.0.0.1", n.port)) as kept:
            kept.settimeout(30 * PATIENCE)
            ask = f"GET /api HTTP/1.1\r\nHost: 127.0.0.1:{n.port}\r\n\r\n".encode()
            kept.sendall(ask)
            assert b"200 OK" in kept.recv(4096)
            lab.kill_daemon()
            kept.sendall(ask)
            assert b"200 OK" in kept.recv(4096)
        lab.start_daemon()
        Deadline(20).until(lambda: answers(n), "the relay to find the lab again", 0.1)
        lab.rpc("run.cancel", run=n.run)
        assert n.end(None)[0] == 130


def answers(n):
    try:
        return n.ask("/api/status")[0] == 200
    except OSError:
        return False


def test_a_monitor_that_dies_is_told(lab):
    with Notebook(lab, "notebook", "--no-code", *MEMORY) as n:
        os.kill(lab.monitors()[n.run], signal.SIGKILL)
        status, err = n.end(None)
        assert status == 125 and "lost" in err


def test_an_unused_notebook_ends_by_itself(lab):
    with Notebook(lab, "notebook", "--no-code", "--idle", "3s", *MEMORY) as n:
        status, err = n.end(None)
        assert status == 130 and "idle" in err


def test_a_terminal_of_jupyter_is_the_runs_own(lab):
    with Notebook(lab, "notebook", "--no-code", *MEMORY) as n:
        status, made = n.ask("/api/terminals", "POST")
        assert status == 200 and made["name"]
        assert "/dev/pts/0" in n.execute("import os; print(os.listdir('/dev/pts') and '/dev/pts/0')")
        lab.rpc("run.cancel", run=n.run)
        n.end(None)


def test_what_has_no_jupyter_says_so(lab):
    done = lab.cli("notebook", "--no-code", "--profile", "base")
    assert done.returncode == 125 and "loopback" in done.stderr
    done = lab.cli("notebook", "--no-code", "--profile", "base", "--lang", "fr")
    said = " ".join(done.stderr.split())
    assert done.returncode == 125 and "ne donne aucun réseau" in said and "le réseau n’est pas en service" in said, said
    done = lab.cli("notebook", "--no-code", "--port", "70000")
    assert done.returncode == 2 and "70000" in done.stderr
    done = lab.cli("notebook", "words")
    assert done.returncode == 2
