"""What the proxy's tests stand on: servers that note what reaches them, a lab whose profiles reach them, and a client
that speaks raw bytes from inside a run."""

import base64
import http.server
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading

import harness

# Inside a run: each case is bytes to send to the proxy, or a list of them with pauses for its answers between; prints all
# that came back. "tls:NAME:" sends the second part within TLS for NAME after the answer to the first.
CLIENT = r'''
import base64, json, os, socket, ssl, sys
def tunnel(s, name, inner):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with context.wrap_socket(s, server_hostname=name or None) as t:
        t.sendall(inner)
        return everything(t)
def everything(s):
    got = b""
    while True:
        try:
            more = s.recv(65536)
        except (ConnectionError, ssl.SSLError) as e:
            return got + ("!" + type(e).__name__).encode()
        if not more:
            return got
        got += more
def head(s):
    got = b""
    while b"\r\n\r\n" not in got:
        more = s.recv(1)
        if not more:
            break
        got += more
    return got
def run(case):
    s = socket.create_connection(("127.0.0.1", 3128))
    s.settimeout(60)
    s.sendall(base64.b64decode(case["send"]))
    if case.get("shut"):
        s.shutdown(socket.SHUT_WR)
    if "then" not in case:
        return everything(s)
    first = head(s)
    if not first.startswith(b"HTTP/1.1 200"):
        return first + everything(s)
    inner = base64.b64decode(case["then"])
    if "tls" in case:
        try:
            return first + tunnel(s, case["tls"], inner)
        except (OSError, ssl.SSLError) as e:
            return first + ("!" + type(e).__name__).encode()
    s.sendall(inner)
    return first + everything(s)
for case in json.load(open("/work/cases.json")):
    print(json.dumps(base64.b64encode(run(case)).decode()), flush=True)
'''


def case(send, then=None, tls=None, shut=False):
    made = {"send": base64.b64encode(send if isinstance(send, bytes) else send.encode()).decode()}
    if then is not None:
        made["then"] = base64.b64encode(then if isinstance(then, bytes) else then.encode()).decode()
    if tls is not None:
        made["tls"] = tls
    if shut:
        made["shut"] = True
    return made


class Server:
    """HTTP, or HTTPS with a certificate of its own; `seen` has the raw heads that reached it, `met` counts connections."""

    def __init__(self, folder, tls=False, address="127.0.0.1", files=None):
        self.seen, self.met = [], 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                outer.seen.append(self.raw_requestline + bytes(self.headers))
                length = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(length)
                if self.headers.get("Transfer-Encoding") == "chunked":
                    body = b""
                    while (size := int(self.rfile.readline(), 16)) > 0:
                        body += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                if self.path.startswith("/redirect?"):
                    self.send_response(302)
                    self.send_header("Location", self.path.split("?", 1)[1])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                if self.path == "/many":
                    content = os.urandom(1 << 16) * 160
                elif files is not None:
                    content = files.get(self.path)
                else:
                    content = b"hello from " + self.path.encode() + b" " + body
                self.send_response(200 if content is not None else 404)
                content = content or b""
                kind = "text/html" if self.path.endswith("/") else "application/octet-stream"
                self.send_header("Content-Type", kind)
                self.send_header("Keep-Alive", "timeout=5")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = answer

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def get_request(self):
                outer.met += 1
                return super().get_request()

            def handle_error(self, request, client_address):
                pass  # a client that goes away is what half of the tests are about

        self.httpd = Quiet((address, 0), Handler)
        if tls:
            key, cert = os.path.join(folder, "key.pem"), os.path.join(folder, "cert.pem")
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", cert,
                            "-days", "2", "-subj", "/CN=secure.test", "-addext", "subjectAltName=DNS:secure.test"],
                           check=True, capture_output=True)
            self.cert = cert
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            self.httpd.socket = context.wrap_socket(self.httpd.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.httpd.server_address[1]
        self.thread = threading.Thread(target=self.httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self):
        self.httpd.shutdown()
        self.httpd.server_close()


SOCKETS = {"allow_if": [{"names": ["socket"], "why": "TCP to the proxy", "args": [
    {"index": 0, "op": "in", "mask": "0xFFFFFFFF", "values": ["AF_INET", "AF_INET6"]},
    {"index": 1, "op": "in", "mask": "0xFFF7F7FF", "values": ["SOCK_STREAM"]},
    {"index": 2, "op": "in", "mask": "0xFFFFFFFF", "values": [0, "IPPROTO_TCP"]}]}]}


def write_profile(folder, name, allow, **more):
    profile = {"version": 1, "title": name, "title_fr": name, "extends": "base", "override": {"network": "its tests"},
               "network": "proxy", "allow_hosts": allow, "syscalls": SOCKETS, **more}
    with open(os.path.join(folder, name + ".jsonc"), "w") as f:
        json.dump({key: value for key, value in profile.items() if value is not None}, f)
    os.chmod(os.path.join(folder, name + ".jsonc"), 0o644)


class World:
    """One lab with its servers. `hosts` is the file that its proxies resolve by."""

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, folder
        os.chmod(folder, 0o755)
        self.profiles = os.path.join(folder, "profiles")
        self.hosts_path = os.path.join(folder, "hosts")
        self.index, self.secure = Server(folder), Server(folder, tls=True)
        shutil.copytree(os.path.join(lab.install, "share/enclos/sandbox-profiles"), self.profiles)
        self.hosts({"index.test": ["127.0.0.1"], "secure.test": ["127.0.0.1"]})
        p, t = self.index.port, self.secure.port
        self.profile("net", [f"index.test:{p}", f"*.wild.test:{p}", f"secure.test:{t}", f"127.0.0.1:{p}", f"127.0.0.1:{t}"])
        self.profile("nothing", [])
        lab.extra += ["--profiles", self.profiles, "--proxy-hosts", self.hosts_path]

    def profile(self, name, allow, **more):
        write_profile(self.profiles, name, allow, **more)

    def hosts(self, names):
        aside = self.hosts_path + ".new"
        with open(aside, "w") as f:
            f.write("# names of the test\n")
            for name, addresses in names.items():
                for address in addresses:
                    f.write(f"{address}\t{name}\n")
        os.chmod(aside, 0o644)
        os.rename(aside, self.hosts_path)

    def ask(self, cases, profile="net", **params):
        """Runs the cases in one run: (what each got back, the run)."""
        run = self.lab.run(["/usr/bin/python3", "/work/client.py"], profile=profile,
                           code={"client.py": CLIENT, "cases.json": json.dumps(cases)}, **params)
        lines = self.lab.log(run.id, "stdout").splitlines()
        assert run.verdict == "succeeded", (run.verdict, run.reason, self.lab.log(run.id))
        return [base64.b64decode(json.loads(line)) for line in lines], run

    def connections(self, run, settled=True):
        """Rows of the run, once all that were dialled are told to have ended."""
        def look():
            found = self.lab.rpc("run.connections", run=run)
            done = all(c.duration_ms is not None for c in found.connections if c.allowed)
            return found if done or not settled else None

        return harness.Deadline(20).until(look, f"the connections of {run} to be told", 0.02)

    def close(self):
        self.index.close()
        self.secure.close()
