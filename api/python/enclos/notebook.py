"""Jupyter inside a run: what `enclos notebook` executes there (`python3 -m enclos.notebook`).

The server listens on the run's own loopback, which nothing but the lab reaches. Its token is made here and told to
whoever connects to the control port, which only the person who started the run can do: so it is in no request, no
environment that the lab keeps, and no log.

What is saved through Jupyter is copied to /outputs under its own path each time, so that it outlives the run, however
that ends. What a program writes to /work by itself is not.
"""

import http.client
import importlib.util
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any, List, Optional

CONTROL_PORT = 8887  # of api/cli/cmd_notebook.c
PORT = 8888
WORK = "/work"
OUTPUTS = "/outputs"


def keep(os_path: str, model: Any = None, contents_manager: Any = None, **_: Any) -> None:
    """Jupyter's post_save_hook: a copy of what was saved, whole or not at all."""
    path = os.path.relpath(os.path.realpath(os_path), WORK)
    if path.startswith(".."):
        return  # saved elsewhere: /outputs itself, or /tmp
    target = os.path.join(OUTPUTS, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    aside = f"{target}.part-{os.getpid()}"
    try:
        shutil.copyfile(os_path, aside)
        os.replace(aside, target)
    except OSError:
        if os.path.exists(aside):
            os.unlink(aside)
        raise  # Jupyter shows it: what could not be kept must not look saved


def command() -> Optional[List[str]]:
    """The Jupyter of this environment, the newest interface first. None: there is none."""
    if importlib.util.find_spec("jupyterlab"):
        module, app = "jupyterlab", "ServerApp"
    elif importlib.util.find_spec("notebook"):
        import notebook

        module = "notebook"
        app = "NotebookApp" if int(notebook.__version__.split(".")[0]) < 7 else "ServerApp"
    elif importlib.util.find_spec("jupyter_server"):
        module, app = "jupyter_server", "ServerApp"
    else:
        return None
    options = {
        "ip": "127.0.0.1",
        "port": PORT,
        "port_retries": 0,
        "open_browser": False,
        "notebook_dir" if app == "NotebookApp" else "root_dir": WORK,
        "allow_password_change": False,
        "terminals_enabled": os.path.exists("/dev/ptmx"),
    }
    return [
        sys.executable,
        "-m",
        module,
        *(f"--{app}.{name}={value}" for name, value in options.items()),
        "--FileContentsManager.post_save_hook=enclos.notebook.keep",
    ]


def answers() -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=5)
    try:
        connection.request("GET", "/api")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


class Server:
    def __init__(self, line: List[str]) -> None:
        self.token = secrets.token_urlsafe(32)
        self.stopping = False
        self.ready = threading.Event()
        self.control = socket.create_server(("127.0.0.1", CONTROL_PORT))
        self.process = subprocess.Popen(line, env={**os.environ, "JUPYTER_TOKEN": self.token}, cwd=WORK)

    def stop(self, *_: Any) -> None:
        self.stopping = True
        self.process.terminate()

    def wait_ready(self) -> None:
        while self.process.poll() is None and not answers():
            time.sleep(0.05)
        self.ready.set()

    def talk(self, connection: socket.socket) -> None:
        """Tells where Jupyter is, once it is there. A line "stop" ends it."""
        with connection:
            self.ready.wait()
            if self.process.poll() is not None:
                return
            try:
                connection.sendall(json.dumps({"port": PORT, "token": self.token}).encode() + b"\n")
                if connection.recv(16).strip() == b"stop":
                    self.stop()
            except OSError:
                pass  # whoever asked went away

    def serve(self) -> None:
        while True:
            connection, _ = self.control.accept()
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, self.stop)
        threading.Thread(target=self.wait_ready, daemon=True).start()
        threading.Thread(target=self.serve, daemon=True).start()
        status = self.process.wait()
        return 0 if self.stopping else status if status >= 0 else 128 - status


def main() -> int:
    line = command()
    if line is None:
        print("this environment has no Jupyter: install python3-notebook (Debian) where the lab takes /usr from, or "
              "choose an environment that has notebook or jupyterlab", file=sys.stderr)
        return 1
    return Server(line).run()


if __name__ == "__main__":
    sys.exit(main())
