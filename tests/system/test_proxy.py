"""Network `proxy`: what a run may reach is what its profile lists, decided on what is really dialled, all of it told.
Attack cases 75 and 86 are here by their numbers."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import pytest

import harness
from harness import Deadline, Lab, RpcError
from proxy_world import World, case


def make_world(top, install, uid, cgroup):
    folder, lab_folder = tempfile.mkdtemp(dir=top), tempfile.mkdtemp(dir=top)
    os.chmod(lab_folder, 0o755)
    return World(Lab(lab_folder, install, uid, cgroup), folder)


@pytest.fixture(scope="module", params=["root", "rootless"])
def world(request, top, install):
    if os.getuid() != 0:
        pytest.skip("needs root: the lab of this test runs as root, and as a user that it makes a group for")
    plain = request.param == "rootless"
    made = make_world(top, install, harness.PLAIN_UID if plain else 0,
                      request.getfixturevalue("user_cgroup") if plain else None)
    made.lab.start_daemon()
    yield made
    made.lab.stop()
    made.close()
    shutil.rmtree(made.folder, ignore_errors=True)
    shutil.rmtree(made.lab.top, ignore_errors=True)


@pytest.fixture
def own_world(top, install):
    """As root, for tests that break it."""
    if os.getuid() != 0:
        pytest.skip("needs root: the lab of this test runs as root")
    made = make_world(top, install, 0, None)
    yield made
    made.lab.stop()
    made.close()
    shutil.rmtree(made.folder, ignore_errors=True)
    shutil.rmtree(made.lab.top, ignore_errors=True)


def get(url, host=None, more="", method="GET"):
    host = host or re.match(r"http://([^/]*)", url).group(1)
    return f"{method} {url} HTTP/1.1\r\nHost: {host}\r\n{more}\r\n"


def connect(authority, host=None):
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {host or authority}\r\n\r\n"


def refused_with(answer):
    found = re.search(rb"X-Enclos-Refused: (\w+)", answer.split(b"\r\n\r\n")[0])
    return found.group(1).decode() if found else None


def audit(lab, run):
    """Entries about the run's connections, in their order."""
    found, cursor = [], None
    while True:
        page = lab.rpc("audit.list", limit=1000, **({"cursor": cursor} if cursor else {}))
        found += [e for e in page.entries if e.subject == run and e.action in ("run.connected", "run.connection_refused")]
        cursor = page.get("next_cursor")
        if not cursor:
            return sorted(found, key=lambda e: e.number)


def test_a_listed_host_is_reached_and_each_connection_is_told(world):
    p, t = world.index.port, world.secure.port
    world.index.seen.clear()
    answers, run = world.ask([
        case(get(f"http://index.test:{p}/one", more="Proxy-Authorization: Basic eDp5\r\nConnection: X-Hop\r\nX-Hop: 1\r\n")),
        case(get(f"http://INDEX.test:{p}/two?q=%20", method="POST", more="Content-Length: 4\r\n") + "body"),
        case(get(f"http://index.test:{p}/three", method="POST", more="Transfer-Encoding: chunked\r\n")
             + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n"),
        case(get(f"http://a.wild.test:{p}/")),
        case(get(f"http://127.0.0.1:{p}/four")),
        case(connect(f"secure.test:{t}"), get("http://secure.test/five", more="Connection: close\r\n").replace("http://secure.test", ""),
             tls="secure.test"),
    ])
    assert b"hello from /one" in answers[0]
    assert b"hello from /two?q=%20 body" in answers[1]
    assert b"hello from /three abcde" in answers[2]
    assert refused_with(answers[3]) == "no_address"  # listed, but no name server and no file has it
    assert b"hello from /four" in answers[4]
    assert answers[5].startswith(b"HTTP/1.1 200 ") and b"hello from /five" in answers[5]
    heads = b"".join(world.index.seen).lower()
    assert b"proxy-authorization" not in heads and b"x-hop" not in heads
    assert len(world.index.seen) == 4, "a request came that was behind another"
    told = world.connections(run.id)
    assert [(c.host, c.port, c.method, c.allowed, c.why) for c in told.connections] == [
        ("index.test", p, "GET", True, "ok"), ("index.test", p, "POST", True, "ok"), ("index.test", p, "POST", True, "ok"),
        ("a.wild.test", p, "GET", False, "no_address"), ("127.0.0.1", p, "GET", True, "ok"),
        ("secure.test", t, "CONNECT", True, "ok")]
    assert (told.allowed, told.refused, told.unlisted) == (5, 1, 0)
    for c in told.connections:
        if c.allowed:
            assert c.address == "127.0.0.1" and c.up_bytes > 0 and c.down_bytes > 0 and c.duration_ms >= 0, c
    entries = audit(world.lab, run.id)
    assert [e.action for e in entries] == ["run.connected"] * 3 + ["run.connection_refused"] + ["run.connected"] * 2
    assert [e.detail.host for e in entries] == [c.host for c in told.connections]
    assert world.lab.cli("audit", "verify").returncode == 0


def test_an_empty_list_denies_all(world):
    p = world.index.port
    before = world.index.met
    answers, run = world.ask([case(get(f"http://index.test:{p}/")), case(connect(f"secure.test:{world.secure.port}"), "x"),
                              case(get(f"http://127.0.0.1:{p}/"))], profile="nothing")
    assert [refused_with(a) for a in answers] == ["not_listed"] * 3
    assert world.index.met == before
    assert world.connections(run.id).refused == 3


def test_f86_connect_is_no_relay_for_what_is_not_tls(world):
    p, t = world.index.port, world.secure.port
    world.index.seen.clear()
    world.secure.seen.clear()
    nested = connect("other.test:443") + get("http://other.test/")
    answers, run = world.ask([
        case(connect(f"index.test:{p}"), "GET / HTTP/1.1\r\nHost: other.test\r\n\r\n"),
        case(connect(f"index.test:{p}"), nested),
        case(connect(f"index.test:{p}"), "EHLO other.test\r\n"),
        case(connect(f"index.test:{p}") + nested, ""),
        case(connect(f"secure.test:{t}"), "GET / HTTP/1.1\r\n\r\n", tls="other.test"),
        case(connect(f"secure.test:{t}"), "GET / HTTP/1.1\r\n\r\n", tls="sub.secure.test"),
        case(connect(f"127.0.0.1:{t}"), "GET / HTTP/1.1\r\n\r\n", tls="secure.test"),
        case(connect("other.test:443"), "x"),
        case(connect(f"index.test:{p + 1}"), "x"),
    ])
    assert world.index.seen == [] and world.secure.seen == []
    assert [c.why for c in world.connections(run.id).connections] == [
        "not_tls", "not_tls", "not_tls", "not_tls", "server_name", "server_name", "server_name", "not_listed", "not_listed"]
    assert [refused_with(a) for a in answers[7:]] == ["not_listed", "not_listed"]


def test_f86_host_that_is_not_the_authority(world):
    p, t = world.index.port, world.secure.port
    world.index.seen.clear()
    answers, run = world.ask([
        case(get(f"http://index.test:{p}/", host="other.test")),
        case(get(f"http://index.test:{p}/", host="index.test")),
        case(get(f"http://index.test:{p}/", host=f"index.test:{p}\r\nHost: other.test")),
        case(get("http://other.test/", host=f"index.test:{p}")),
        case(connect(f"secure.test:{t}", host=f"other.test:{t}"), "x"),
        case(f"GET http://index.test:{p}/ HTTP/1.1\r\n\r\n"),
    ])
    assert [refused_with(a) for a in answers] == ["host_mismatch", "host_mismatch", "bad_request", "host_mismatch",
                                                  "host_mismatch", "bad_request"]
    assert world.index.seen == []
    assert [c.host for c in world.connections(run.id).connections] == [
        "index.test", "index.test", "index.test", "other.test", "secure.test", "index.test"]


def test_f86_ip_literals_in_every_notation(world):
    p = world.index.port
    bad = ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.0.0.1.", "[::ffff:127.0.0.1%25lo]", "[127.0.0.1]", "::1"]
    plain = ["127.0.0.2", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "169.254.169.254", "10.0.0.1", "8.8.8.8", "[fe80::1]",
             "[64:ff9b::7f00:1]"]
    before = world.index.met
    answers, run = world.ask([case(get(f"http://{a}:{p}/")) for a in bad] + [case(get(f"http://{a}:{p}/")) for a in plain])
    assert [refused_with(a) for a in answers] == ["bad_request"] * len(bad) + ["not_listed"] * len(plain)
    assert world.index.met == before
    assert world.connections(run.id).refused == len(bad) + len(plain)


FORBIDDEN = {
    "loop.test": ("127.0.0.9", "loopback"), "loop6.test": ("::1", "loopback"), "zero.test": ("0.0.0.0", "unspecified"),
    "zero6.test": ("::", "unspecified"), "ten.test": ("10.1.2.3", "private"), "wall.test": ("172.16.0.1", "private"),
    "home.test": ("192.168.0.1", "private"), "ula.test": ("fd12::1", "private"), "cgn.test": ("100.64.0.1", "private"),
    "link.test": ("169.254.3.4", "link_local"), "link6.test": ("fe80::5", "link_local"),
    "meta.test": ("169.254.169.254", "metadata"), "azure.test": ("168.63.129.16", "metadata"),
    "many.test": ("224.0.0.1", "multicast"), "many6.test": ("ff02::1", "multicast"),
    "mapped.test": ("::ffff:127.0.0.1", "translated"), "nat.test": ("64:ff9b::a01:203", "translated"),
    "six.test": ("2002:7f00:1::", "translated"), "doc.test": ("192.0.2.1", "reserved"), "far.test": ("255.255.255.255", "reserved"),
}


def test_f86_a_name_leads_to_public_addresses_only(world):
    p = world.index.port
    world.hosts({"index.test": ["127.0.0.1"], "secure.test": ["127.0.0.1"], **{n: [a] for n, (a, _) in FORBIDDEN.items()}})
    world.profile("names", [f"{name}:{p}" for name in FORBIDDEN] + [f"index.test:{p}"])
    before = world.index.met
    answers, run = world.ask([case(get(f"http://{name}:{p}/")) for name in FORBIDDEN] + [case(get(f"http://index.test:{p}/"))],
                             profile="names")
    told = world.connections(run.id).connections
    found = {c.host: (c.address, c.why) for c in told}
    for name, expected in FORBIDDEN.items():
        assert found[name] == expected
    assert found["index.test"] == ("127.0.0.1", "loopback")  # listed by name: its address is the lab's own all the same
    assert all(refused_with(a) == c.why for a, c in zip(answers, told))
    assert world.index.met == before


def test_f86_a_name_that_changes_its_mind_gains_nothing(world):
    """DNS rebinding: each connection is judged by the addresses of that moment, and dials what it judged."""
    p = world.index.port
    world.profile("rebind", [f"rebind.test:{p}", f"both.test:{p}", f"127.0.0.1:{p}"])
    world.hosts({"rebind.test": ["127.0.0.1"], "both.test": ["169.254.169.254", "127.0.0.1", "10.0.0.1"]})
    waits = ("import socket, time, os\n"
             "def ask(name):\n"
             "    s = socket.create_connection(('127.0.0.1', 3128))\n"
             f"    s.sendall(f'GET http://{{name}}:{p}/ HTTP/1.1\\r\\nHost: {{name}}:{p}\\r\\n\\r\\n'.encode())\n"
             "    return s.makefile('rb').read().split(b'\\r\\n')[0].decode()\n"
             "print('first', ask('rebind.test'), flush=True)\n"
             "while '403' not in (said := ask('rebind.test')): time.sleep(0.02)\n"
             "print('then', said, flush=True)\n"
             "print('both', ask('both.test'), flush=True)\n")
    run = world.lab.submit(["/usr/bin/python3", "/work/w.py"], profile="rebind", code={"w.py": waits})
    world.lab.wait_log(run, b"first HTTP/1.1 200")
    world.hosts({"rebind.test": ["169.254.169.254"], "both.test": ["169.254.169.254", "127.0.0.1", "10.0.0.1"]})
    assert world.lab.wait(run).verdict == "succeeded"
    assert b"then HTTP/1.1 403" in world.lab.log(run) and b"both HTTP/1.1 200" in world.lab.log(run)
    told = world.connections(run).connections
    assert [(c.host, c.address, c.why) for c in told][-2:] == [("rebind.test", "169.254.169.254", "metadata"),
                                                               ("both.test", "127.0.0.1", "ok")]
    assert {c.address for c in told if c.allowed} == {"127.0.0.1"}


def test_f86_a_redirect_is_a_new_request(world):
    p = world.index.port
    world.hosts({"index.test": ["127.0.0.1"], "secure.test": ["127.0.0.1"]})
    code = ("import urllib.request, urllib.error, sys\n"
            "for url in sys.argv[1:]:\n"
            "    try:\n"
            "        print(urllib.request.urlopen(url, timeout=30).read().decode())\n"
            "    except urllib.error.HTTPError as e:\n"
            "        print(e.code, e.headers['X-Enclos-Refused'])\n")
    first = f"http://index.test:{p}/redirect?"
    run = world.lab.run(["/usr/bin/python3", "/work/r.py", first + "http://other.test/", first + "http://169.254.169.254/latest/",
                         first + f"http://index.test:{p}/here"], profile="net", code={"r.py": code})
    assert world.lab.log(run.id, "stdout").decode().splitlines() == ["403 not_listed", "403 not_listed", "hello from /here "]
    assert [(c.host, c.why) for c in world.connections(run.id).connections] == [
        ("index.test", "ok"), ("other.test", "not_listed"), ("index.test", "ok"), ("169.254.169.254", "not_listed"),
        ("index.test", "ok"), ("index.test", "ok")]


def test_what_two_readers_could_read_in_two_ways_never_reaches_a_server(world):
    p = world.index.port
    at = f"http://index.test:{p}/"
    head = f"POST {at} HTTP/1.1\r\nHost: index.test:{p}\r\n"
    before = world.index.met
    sent = [
        head + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        head + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        head + "X: a\r\n folded: b\r\n\r\n", head + "X : b\r\n\r\n", head + "X: a\rb\r\n\r\n", head.replace("\r\n", "\n") + "\n",
        head + "Connection: content-length\r\nContent-Length: 2\r\n\r\nab", head + "X: \0\r\n\r\n",
        f"GET http://user:pw@index.test:{p}/ HTTP/1.1\r\nHost: index.test:{p}\r\n\r\n",
        f"GET http://index%2etest:{p}/ HTTP/1.1\r\nHost: index.test:{p}\r\n\r\n",
        f"GET http://index.test.:{p}/ HTTP/1.1\r\nHost: index.test.:{p}\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: index.test\r\n\r\n", "GET https://index.test/ HTTP/1.1\r\nHost: index.test\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x05\x01\x00", "A" * 20000, "GET " + at + " HTTP/1.1\r\n" + "X: y\r\n" * 200 + "\r\n",
    ]
    answers, run = world.ask([case(s, shut=True) for s in sent])
    assert [refused_with(a) for a in answers] == ["bad_request"] * len(sent)
    assert all(a.startswith(b"HTTP/1.1 400 ") for a in answers)
    assert world.index.met == before
    assert world.connections(run.id).refused == len(sent)


def test_chunks_that_are_malformed_stop_there(world):
    p = world.index.port
    head = get(f"http://index.test:{p}/", method="POST", more="Transfer-Encoding: chunked\r\n")
    _, run = world.ask([case(head + "5;x=y\r\nhello\r\n0\r\n\r\n"), case(head + "5\r\nhelloGET / HTTP/1.1\r\n\r\n"),
                        case(head + "5\r\nhel", shut=True)])
    assert [c.why for c in world.connections(run.id).connections] == ["bad_request"] * 3


def test_a_run_narrows_its_list_and_never_widens_it(world):
    p, lab = world.index.port, world.lab
    answers, _ = world.ask([case(get(f"http://index.test:{p}/")), case(get(f"http://127.0.0.1:{p}/"))],
                           allow_hosts=[f"127.0.0.1:{p}"])
    assert refused_with(answers[0]) == "not_listed" and b"hello" in answers[1]
    answers, _ = world.ask([case(get(f"http://127.0.0.1:{p}/"))], allow_hosts=[])
    assert refused_with(answers[0]) == "not_listed"
    for wanted, kind in ((f"other.test:{p}", "denied"), ("index.test:1", "denied"), (f"127.0.0.0/8:{p}", "denied"),
                         (f"*.index.test:{p}", "denied"), ("index.test", "invalid"), ("http://index.test/", "invalid")):
        with pytest.raises(RpcError) as refusal:
            lab.submit(["true"], profile="net", allow_hosts=[wanted])
        assert refusal.value.kind == kind and refusal.value.field == "allow_hosts", (wanted, str(refusal.value))
    with pytest.raises(RpcError) as refusal:
        lab.submit(["true"], profile="base", allow_hosts=[])
    assert refusal.value.kind == "invalid" and refusal.value.field == "allow_hosts"


def test_a_dataset_and_a_way_out_do_not_meet(world):
    ref = world.lab.add_dataset("secret", {"a.csv": b"1\n"})
    for profile in ("net", "nothing"):
        with pytest.raises(RpcError) as refusal:
            world.lab.submit(["true"], profile=profile, datasets=[ref])
        assert refusal.value.kind == "denied" and refusal.value.field == "datasets"
        assert "could leave the lab" in refusal.value.message


def test_the_list_of_a_run_is_the_file_of_its_submission(world):
    p = world.index.port
    world.profile("moving", [f"127.0.0.1:{p}"])
    assert b"hello" in world.ask([case(get(f"http://127.0.0.1:{p}/"))], profile="moving")[0][0]
    world.profile("moving", [])
    answers, run = world.ask([case(get(f"http://127.0.0.1:{p}/"))], profile="moving")
    assert refused_with(answers[0]) == "not_listed"
    assert world.lab.get(run.id).network.allow_hosts == []


@pytest.mark.parametrize("key, value, says", [
    ("allow_hosts", ["127.0.0.1:80", "pypi.org"], "allow_hosts[1]"), ("allow_hosts", ["127.0.0.1:80", "127.0.0.1:80"], "allow_hosts[1]"),
    ("allow_hosts", ["0.0.0.0/0:443"], "allow_hosts[0]"), ("allow_hosts", "pypi.org:443", "allow_hosts"),
    ("network", "loopback", "allow_hosts"),
])
def test_a_list_that_is_wrong_is_told_by_file_line_and_key(world, key, value, says):
    world.profile("wrong", ["127.0.0.1:80"], **{key: value})
    path = os.path.join(world.profiles, "wrong.jsonc")
    done = subprocess.run([os.path.join(world.lab.install, "enclos-runner"), "profile", "check", path], capture_output=True, text=True)
    os.unlink(path)
    assert done.returncode != 0
    assert re.search(r"wrong\.jsonc:\d+", done.stderr) and says in done.stderr, done.stderr


def test_f75_nothing_is_reached_around_the_proxy(world):
    code = ("import socket, errno, json\n"
            "def attempt(family, address):\n"
            "    s = None\n"
            "    try:\n"
            "        s = socket.socket(family, socket.SOCK_STREAM)\n"
            "        s.settimeout(5)\n"
            "        s.connect(address)\n"
            "        return 'connected'\n"
            "    except OSError as e:\n"
            "        return errno.errorcode.get(e.errno, type(e).__name__)\n"
            "four = ['127.0.0.1', '169.254.169.254', '8.8.8.8', '10.0.0.1', %r]\n"
            "print(json.dumps([attempt(socket.AF_INET, (a, %d)) for a in four] +\n"
            "                 [attempt(socket.AF_INET6, (a, %d)) for a in ('::1', '2001:db8::1')]))\n"
            "try:\n"
            "    socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            "    print('udp')\n"
            "except OSError as e:\n"
            "    print(errno.errorcode[e.errno])\n"
            "try:\n"
            "    socket.getaddrinfo('index.test', 80)\n"
            "    print('resolved')\n"
            "except OSError:\n"
            "    print('no name')\n")
    own = socket.gethostbyname(socket.gethostname())
    p = world.index.port
    before = world.index.met
    run = world.lab.run(["/usr/bin/python3", "/work/a.py"], profile="net", code={"a.py": code % (own, p, p)})
    attempts, udp, name = world.lab.log(run.id, "stdout").decode().splitlines()
    attempts = json.loads(attempts)
    assert attempts[0] == attempts[5] == "ECONNREFUSED"  # its own, empty network
    assert attempts[1:4] + attempts[6:] == ["ENETUNREACH"] * 4
    assert attempts[4] == ("ECONNREFUSED" if own.startswith("127.") else "ENETUNREACH")
    assert udp in ("EPERM", "EAFNOSUPPORT", "EACCES") and name == "no name"
    assert world.index.met == before and world.connections(run.id).connections == []


def test_slow_and_silent_clients_hold_nobody_up_for_long(world):
    """Fifty with half a head: whoever asks properly is served meanwhile, and they are sent away after 15 s."""
    p, waits = world.index.port, not world.lab.uid  # once is enough for what takes its time
    code = ("import socket, time\n"
            "silent = [socket.create_connection(('127.0.0.1', 3128)) for _ in range(50)]\n"
            "for s in silent: s.sendall(b'GET http://index.test')\n"
            "s = socket.create_connection(('127.0.0.1', 3128))\n"
            f"s.sendall(b'GET http://index.test:{p}/quick HTTP/1.1\\r\\nHost: index.test:{p}\\r\\n\\r\\n')\n"
            "print(s.makefile('rb').read()[:12], flush=True)\n"
            f"if {waits}: print(silent[0].makefile('rb').read()[:12], flush=True)\n")
    run = world.lab.run(["/usr/bin/python3", "/work/s.py"], profile="net", code={"s.py": code}, seconds=90)
    said = [b"b'HTTP/1.1 200'", b"b'HTTP/1.1 408'"]
    assert world.lab.log(run.id, "stdout").splitlines() == (said if waits else said[:1])
    whys = [c.why for c in world.connections(run.id).connections]
    assert whys.count("ok") == 1 and (not waits or whys.count("timeout") >= 1)


def test_a_flood_of_connections_is_bounded_and_counted(world):
    """Refusals past the bound are counted; the lab goes on, and so does the run."""
    code = ("import socket, threading\n"
            "def flood(n):\n"
            "    for i in range(n):\n"
            "        s = socket.create_connection(('127.0.0.1', 3128))\n"
            "        s.sendall(b'GET http://other.test/ HTTP/1.1\\r\\nHost: other.test\\r\\n\\r\\n')\n"
            "        assert b'403' in s.makefile('rb').read()[:20]\n"
            "all = [threading.Thread(target=flood, args=(150,)) for _ in range(8)]\n"
            "for t in all: t.start()\n"
            "for t in all: t.join()\n"
            "print('done')\n")
    run = world.lab.run(["/usr/bin/python3", "/work/f.py"], profile="net", code={"f.py": code}, seconds=100)
    assert world.lab.log(run.id, "stdout") == b"done\n", world.lab.log(run.id)
    told = Deadline(20).until(
        lambda: (r := world.lab.rpc("run.connections", run=run.id, limit=5000)).refused == 1200 and r, "all to be counted")
    assert len(told.connections) == 1000 and told.unlisted == 200
    world.lab.rpc("lab.ping")


def test_much_passes_unchanged_both_ways(world):
    p = world.index.port
    code = ("import hashlib, http.client, os, threading\n"
            "def one(i):\n"
            "    c = http.client.HTTPConnection('127.0.0.1', 3128)\n"
            f"    c.request('GET', 'http://index.test:{p}/many', headers={{'Host': 'index.test:{p}'}})\n"
            "    body = c.getresponse().read()\n"
            "    assert len(body) == 160 << 16 and body == body[:1 << 16] * 160\n"
            "    big = os.urandom(3000000)\n"
            "    c = http.client.HTTPConnection('127.0.0.1', 3128)\n"
            f"    c.request('POST', 'http://index.test:{p}/up', body=big, headers={{'Host': 'index.test:{p}'}})\n"
            "    assert c.getresponse().read() == b'hello from /up ' + big\n"
            "    print('good', flush=True)\n"
            "all = [threading.Thread(target=one, args=(i,)) for i in range(6)]\n"
            "for t in all: t.start()\n"
            "for t in all: t.join()\n")
    run = world.lab.run(["/usr/bin/python3", "/work/m.py"], profile="net", code={"m.py": code},
                        resources={"memory_bytes": 512 * harness.MIB})
    assert world.lab.log(run.id, "stdout").count(b"good") == 6, world.lab.log(run.id)
    assert all(c.why == "ok" for c in world.connections(run.id).connections)

def test_the_command_line_shows_what_was_reached_and_refused(world):
    p = world.index.port
    done = world.lab.cli("run", "--no-code", "--profile", "net", "--allow-host", f"127.0.0.1:{p}", "--", "curl", "-sS",
                         f"http://127.0.0.1:{p}/", "--next", "--noproxy", "", "-x", "http://127.0.0.1:3128",
                         f"http://127.0.0.1:{p}/curl", "http://other.test/")
    assert "hello from /curl" in done.stdout and "not_listed" in done.stdout, done
    assert "1 connection, 1 refused" in done.stderr and "other.test:80" in done.stderr, done.stderr
    run = world.lab.cli_json("ps", "--all").runs[0].id
    shown = world.lab.cli("show", run).stdout
    assert f"allowed: 127.0.0.1:{p}" in shown and "not in the run’s list" in shown
    french = world.lab.cli("show", run, env={"LANG": "fr_CA.UTF-8", "ENCLOS_LANG": "fr"}).stdout
    assert "1 connexion, 1 refusée" in french and "absent de la liste de l’exécution" in french, french
    assert world.lab.cli_json("show", run).network.refused == 1
    refused = world.lab.cli("run", "--no-code", "--profile", "net", "--allow-host", "x.test:1", "--", "true")
    assert refused.returncode == 125 and "--allow-host" in refused.stderr and "does not allow x.test:1" in refused.stderr, refused


def proxies_of(lab):
    """Processes of proxies of this lab's program."""
    return [pid for pid in harness.processes(os.path.join(lab.install, "enclosd") + "\0proxy") if harness.is_alive(pid)]


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as f:
        return [int(c) for c in f.read().split()]


def test_no_process_is_left_when_the_run_is_over(own_world):
    lab = own_world.lab
    lab.start_daemon()
    run = lab.submit(["sleep", "1000"], profile="net")
    found = Deadline(20).until(lambda: len(p := proxies_of(lab)) == 3 and p, "judge, relay and resolver")
    lab.rpc("run.cancel", run=run)
    lab.wait(run)
    Deadline(10).until(lambda: not any(map(harness.is_alive, found)), "them to end")


def test_each_process_may_do_only_what_is_its_own(own_world):
    if harness.VARIANT != "release":
        pytest.skip("sanitized and debug builds confine nothing: their runtime makes calls of its own")
    lab = own_world.lab
    lab.start_daemon()
    run = lab.submit(["sleep", "1000"], profile="net")
    found = Deadline(20).until(lambda: len(p := proxies_of(lab)) == 3 and p, "judge, relay and resolver")
    names = {}
    for pid in found:
        def confined(pid=pid):
            status = dict(line.split(":\t", 1) for line in open(f"/proc/{pid}/status").read().splitlines() if ":\t" in line)
            return status if status["Seccomp"] == "2" else None

        status = Deadline(10).until(confined, f"the filter of {pid}")
        assert status["NoNewPrivs"] == "1" and int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
        assert status["Uid"].split()[0] != "0"
        fds = {fd: os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        names[status["Name"]] = {fd: kind for fd, kind in fds.items() if int(fd) > 2}
        assert all(kind.startswith("socket:") for kind in names[status["Name"]].values()), fds
    assert {n: len(f) for n, f in names.items()} == {"enclos-relay": 2, "enclos-resolver": 1, "enclos-judge": 4}
    lab.rpc("run.cancel", run=run)
    lab.wait(run)


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_daemon_that_starts_again_serves_the_run_that_goes_on(own_world, how):
    lab, p = own_world.lab, own_world.index.port
    lab.start_daemon()
    code = ("import socket, sys, time, os\n"
            "def ask(path):\n"
            "    s = socket.create_connection(('127.0.0.1', 3128))\n"
            f"    s.sendall(f'GET http://index.test:{p}{{path}} HTTP/1.1\\r\\nHost: index.test:{p}\\r\\n\\r\\n'.encode())\n"
            "    return s.makefile('rb').read().split(b'\\r\\n\\r\\n')[-1].decode()\n"
            "while True:\n"
            "    try:\n"
            "        said = ask('/first' if not os.path.exists('/tmp/once') else '/again')\n"
            "    except ConnectionError:\n"
            "        continue\n"
            "    if said: print(said, flush=True)\n"
            "    open('/tmp/once', 'w')\n"
            "    time.sleep(0.05)\n")
    run = lab.submit(["/usr/bin/python3", "/work/d.py"], profile="net", code={"d.py": code})
    lab.wait_log(run, b"/first")
    before = proxies_of(lab)
    (lab.kill_daemon if how == "killed" else lab.stop_daemon)()
    Deadline(10).until(lambda: not any(map(harness.is_alive, before)), "the proxy to end with its daemon")
    count = len(own_world.index.seen)
    lab.start_daemon()
    Deadline(30).until(lambda: len(own_world.index.seen) > count + 2, "new connections after the restart")
    lab.rpc("run.cancel", run=run)
    assert lab.wait(run).verdict == "cancelled"
    told = lab.rpc("run.connections", run=run, limit=5000)
    assert told.allowed == len(told.connections) and [c.number for c in told.connections] == list(range(1, told.allowed + 1))
    assert lab.cli("audit", "verify").returncode == 0


@pytest.mark.parametrize("name", ["enclos-relay", "enclos-judge", "enclos-resolver"])
def test_a_part_of_the_proxy_that_dies_is_started_again(own_world, name):
    lab, p = own_world.lab, own_world.index.port
    lab.start_daemon()
    code = ("import socket, time\n"
            "while True:\n"
            "    try:\n"
            "        s = socket.create_connection(('127.0.0.1', 3128))\n"
            f"        s.sendall(b'GET http://index.test:{p}/ HTTP/1.1\\r\\nHost: index.test:{p}\\r\\n\\r\\n')\n"
            "        print(s.makefile('rb').read()[9:12].decode(), flush=True)\n"
            "    except ConnectionError:\n"
            "        pass\n"
            "    time.sleep(0.05)\n")
    run = lab.submit(["/usr/bin/python3", "/work/d.py"], profile="net", code={"d.py": code})
    lab.wait_log(run, b"200")

    def named():
        return [pid for pid in proxies_of(lab) if open(f"/proc/{pid}/comm").read().strip() == name]

    victim = Deadline(10).until(named, name)[0]
    os.kill(victim, signal.SIGKILL)
    count = len(own_world.index.seen)
    Deadline(30).until(lambda: len(own_world.index.seen) > count + 2, "connections after its death")
    lab.rpc("run.cancel", run=run)
    assert lab.wait(run).verdict == "cancelled"


def test_a_connection_is_in_the_audit_log_before_it_is_made(own_world):
    """The daemon is held: nothing is dialled meanwhile."""
    lab, p = own_world.lab, own_world.index.port
    lab.start_daemon()
    code = ("import socket, os, time\n"
            "print('ready', flush=True)\n"
            "time.sleep(1)\n"
            "s = socket.create_connection(('127.0.0.1', 3128))\n"
            f"s.sendall(b'GET http://index.test:{p}/held HTTP/1.1\\r\\nHost: index.test:{p}\\r\\n\\r\\n')\n"
            "print(s.makefile('rb').read()[9:12].decode(), flush=True)\n")
    run = lab.submit(["/usr/bin/python3", "/work/h.py"], profile="net", code={"h.py": code})
    Deadline(20).until(lambda: len(proxies_of(lab)) == 3, "the proxy")
    lab.wait_log(run, b"ready")
    met = own_world.index.met
    os.kill(lab.daemon.pid, signal.SIGSTOP)
    try:
        threading.Event().wait(3)  # what must not happen has no event
        assert own_world.index.met == met
    finally:
        os.kill(lab.daemon.pid, signal.SIGCONT)
    assert lab.wait(run).verdict == "succeeded"
    assert lab.log(run) == b"ready\n200\n"


def test_pip_builds_from_the_index_that_is_listed_and_from_nothing_else(world, top):
    wheel = make_wheel(top)
    files = {"/simple/tiny/": f'<a href="/files/{os.path.basename(wheel)}">x</a>'.encode(),
             f"/files/{os.path.basename(wheel)}": open(wheel, "rb").read()}
    from proxy_world import Server
    index = Server(world.folder, files=files)
    try:
        # As a lab's keeper writes one.
        world.profile("pip", [f"index.test:{index.port}", f"127.0.0.1:{index.port}"], extends="builder", override=None,
                      network=None, syscalls=None)
        script = (f"set -e; python3 -m pip install -q --no-cache-dir --target /tmp/built --index-url http://index.test:{index.port}/simple/"
                  " --trusted-host index.test --disable-pip-version-check tiny\n"
                  "PYTHONPATH=/tmp/built python3 -c 'import tiny; print(tiny.SAYS)'\n"
                  "python3 -m pip download --retries 0 --timeout 5 --no-cache-dir -d /tmp/x --index-url http://other.test/simple/"
                  " --trusted-host other.test tiny >/dev/null 2>&1 && echo reached || echo refused\n")
        run = world.lab.run(["sh", "-c", script], profile="pip", resources={"memory_bytes": 512 * harness.MIB}, seconds=100)
        assert world.lab.log(run.id, "stdout") == b"tiny indeed\nrefused\n", world.lab.log(run.id).decode()
        told = world.connections(run.id)
        assert {(c.host, c.why) for c in told.connections} == {("index.test", "ok"), ("other.test", "not_listed")}
    finally:
        index.close()


def test_tls_clients_find_whom_to_trust_and_no_private_key(world):
    count = "import ssl; print(len(ssl.create_default_context().get_ca_certs()))"
    outside = subprocess.run(["/usr/bin/python3", "-c", count], capture_output=True, text=True).stdout
    run = world.lab.run(["sh", "-c", f"python3 -c '{count}'; ls /etc/ssl"], profile="net")
    assert world.lab.log(run.id, "stdout").decode() == outside + "certs\n"


def make_wheel(top):
    import zipfile
    folder = tempfile.mkdtemp(dir=top)
    path = os.path.join(folder, "tiny-1.0-py3-none-any.whl")
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("tiny.py", "SAYS = 'tiny indeed'\n")
        z.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        z.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        z.writestr("tiny-1.0.dist-info/RECORD", "tiny.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\n"
                   "tiny-1.0.dist-info/RECORD,,\n")
    return path


# ---- a world with a name server and public addresses: namespaces of the test's own ------------------

DNS = r'''
import socket, struct, sys, time
# Answers A questions for what the table says; "flip.test" says another thing each time. Ends with its parent.
table = {"pypi.test": ["93.184.216.35"], "own.test": ["93.184.216.34"], "mine.test": ["10.99.0.1"], "gone.test": ["198.41.0.4"],
         "meta.test": ["169.254.169.254"], "several.test": ["127.0.0.1", "93.184.216.34", "93.184.216.35"],
         "unknown.test.corp.test": ["93.184.216.35"]}
flips = [["93.184.216.35"], ["127.0.0.1"]]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.53", 53))
print("ready", flush=True)
count = 0
while True:
    q, peer = s.recvfrom(2048)
    at, labels = 12, []
    while q[at]:
        labels.append(q[at + 1 : at + 1 + q[at]].decode())
        at += 1 + q[at]
    kind = struct.unpack(">H", q[at + 1 : at + 3])[0]
    name = ".".join(labels).lower()
    addresses = table.get(name)
    if name == "flip.test":
        addresses = flips[count % 2]
        count += kind == 1
    if name == "silent.test":
        continue
    found = addresses if addresses and kind == 1 else []
    head = q[:2] + struct.pack(">HHHHH", 0x8180 if addresses else 0x8183, 1, len(found), 0, 0)
    body = q[12 : at + 5] + b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 0, 4) + socket.inet_aton(a) for a in found)
    s.sendto(head + body, peer)
'''

SERVER = r'''
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"public " + self.headers["Host"].encode())
    def log_message(self, *_): pass
s = http.server.ThreadingHTTPServer(("93.184.216.35", 80), H)
print("ready", flush=True)
s.serve_forever()
'''


@pytest.fixture
def internet(top, install):
    """The lab's machine has 93.184.216.34 and 10.99.0.1, and a cable to a host that has 93.184.216.35."""
    if os.getuid() != 0:
        pytest.skip("needs root: it makes network namespaces")
    if not shutil.which("ip"):
        pytest.skip("needs ip (iproute2)")
    names = [f"enclos-{os.getpid()}-{n}" for n in ("lab", "far")]
    started = []

    def sh(line):
        subprocess.run(line, shell=True, check=True, capture_output=True)

    def spawn(name, code):
        process = subprocess.Popen(["ip", "netns", "exec", name, "/usr/bin/python3", "-c", code], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"ready\n"

    try:
        try:
            sh(f"ip netns add {names[0]} && ip netns add {names[1]}")
            sh(f"ip -n {names[0]} link add cable type veth peer name cable netns {names[1]}")
        except subprocess.CalledProcessError as e:
            pytest.skip(f"this host lets no network namespace be named: {e.stderr.decode()[:200]}")
        lab_ns, far_ns = names
        for ns, address in ((lab_ns, "93.184.216.34/24"), (far_ns, "93.184.216.35/24")):
            sh(f"ip -n {ns} link set lo up && ip -n {ns} link set cable up && ip -n {ns} address add {address} dev cable")
        sh(f"ip -n {lab_ns} address add 10.99.0.1/24 dev cable")
        spawn(lab_ns, DNS)
        spawn(far_ns, SERVER)
        folder = tempfile.mkdtemp(dir=top)
        os.chmod(folder, 0o755)
        resolv = os.path.join(folder, "resolv.conf")
        with open(resolv, "w") as f:
            f.write("nameserver 127.0.0.53\nsearch corp.test\noptions timeout:1 attempts:1\n")
        os.chmod(resolv, 0o644)
        made = make_world(top, install, 0, None)
        made.lab.extra = made.lab.extra[:2]  # its profiles, and no file of names: the name server is asked
        plain = made.lab.daemon_command
        etc = os.path.realpath("/etc/resolv.conf")
        made.lab.daemon_command = lambda: [
            "nsenter", f"--net=/run/netns/{lab_ns}", "unshare", "-m", "sh", "-c", f'mount --bind {resolv} {etc} && exec "$@"', "sh", *plain()]
        made.lab.start_daemon()
        yield made
        made.lab.stop()
        made.close()
    finally:
        for process in started:
            process.kill()
            process.wait()
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def test_f86_public_addresses_by_a_name_server_and_no_other(internet):
    names = ["pypi.test", "own.test", "mine.test", "meta.test", "several.test", "unknown.test", "silent.test"]
    internet.profile("public", [f"{n}:80" for n in names + ["flip.test"]])
    answers, run = internet.ask([case(get(f"http://{n}/")) for n in names], profile="public", seconds=90)
    told = {c.host: (c.address, c.why) for c in internet.connections(run.id).connections}
    assert told == {
        "pypi.test": ("93.184.216.35", "ok"), "own.test": ("93.184.216.34", "own_address"), "mine.test": ("10.99.0.1", "private"),
        "meta.test": ("169.254.169.254", "metadata"), "several.test": ("93.184.216.35", "ok"),
        "unknown.test": (None, "no_address"), "silent.test": (None, "no_address")}
    assert answers[0].endswith(b"public pypi.test") and answers[4].endswith(b"public several.test")


def test_f86_a_name_server_that_flips_never_leads_inside(internet):
    internet.profile("flip", ["flip.test:80", "pypi.test:80"])
    answers, run = internet.ask([case(get("http://flip.test/"))] * 40, profile="flip")
    assert {refused_with(a) for a in answers} <= {None, "loopback"}
    for c in internet.connections(run.id).connections:
        assert (c.address, c.why) in (("93.184.216.35", "ok"), ("127.0.0.1", "loopback")), c
        assert c.allowed == (c.address == "93.184.216.35")
