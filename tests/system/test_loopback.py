"""A profile whose network is loopback: the run talks to itself, and to nobody else."""

import json
import socket

TALK = """
import json, os, socket, sys, threading
told = {"interfaces": [line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line]}
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
    server = socket.create_server((address, 0), family=family)
    threading.Thread(target=lambda: server.accept()[0].sendall(b"inside"), daemon=True).start()
    client = socket.create_connection(server.getsockname()[:2], 5)
    told[address] = client.recv(100).decode()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("127.0.0.1", 0))
udp.sendto(b"datagram", udp.getsockname())
told["udp"] = udp.recv(100).decode()
for name, address in (("host", ("127.0.0.1", int(sys.argv[1]))), ("host6", ("::1", int(sys.argv[1]))),
                      ("away", ("192.0.2.1", 80)), ("link_local", ("169.254.169.254", 80))):
    try:
        socket.create_connection(address, 3)
        told[name] = "reached"
    except OSError as error:
        told[name] = error.errno
for name, family, kind, protocol in (("raw", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
                                     ("packet", socket.AF_PACKET, socket.SOCK_RAW, 0),
                                     ("vsock", 40, socket.SOCK_STREAM, 0)):
    try:
        socket.socket(family, kind, protocol)
        told[name] = "made"
    except OSError as error:
        told[name] = error.errno
print(json.dumps(told))
"""


def test_a_run_talks_to_itself_and_to_nobody_else(runner, loopback_install):
    runner.install = loopback_install
    with socket.create_server(("127.0.0.1", 0)) as host:
        done = runner.run(["/usr/bin/python3", "-c", TALK, str(host.getsockname()[1])], profile="loopback-test")
        host.settimeout(0.1)
        try:
            host.accept()
            raise AssertionError("the host's loopback was reached")
        except TimeoutError:
            pass
    assert done.verdict == "succeeded", done.describe()
    told = json.loads(done.stdout)
    assert told["interfaces"] == ["lo"]
    assert (told["127.0.0.1"], told["::1"], told["udp"]) == ("inside", "inside", "datagram")
    assert (told["host"], told["host6"]) == (111, 111)
    assert told["away"] == 101 and told["link_local"] == 101
    assert "made" not in (told["raw"], told["packet"], told["vsock"])


LISTEN = """
import socket, sys
server = socket.create_server(("127.0.0.1", 4567))
print("listening", flush=True)
try:
    socket.create_connection(("127.0.0.1", 4568), 2)
    print("reached", flush=True)
except OSError as error:
    print(error.errno, flush=True)
server.settimeout(1)
try:
    server.accept()
    print("visited", flush=True)
except TimeoutError:
    print("alone", flush=True)
sys.stdin.read()
"""


def test_two_runs_have_each_their_own(runner, loopback_install):
    """Both bind the same port; neither reaches what the other one listens on."""
    runner.install = loopback_install
    started = []
    for mine, other in ((4567, 4568), (4568, 4567)):
        code = LISTEN.replace("4567", "MINE").replace("4568", str(other)).replace("MINE", str(mine))
        again = f"import socket; s2 = socket.create_server(('127.0.0.1', 4569))\n{code}"
        folder = runner.folder(["/usr/bin/python3", "-c", again], profile="loopback-test")
        started.append((runner.start(folder), folder))
    for process, folder in started:
        done = runner.finish(process, folder, 0)
        assert done.verdict == "succeeded", done.describe()
        assert done.stdout.decode().split() == ["listening", "111", "alone"]


def test_the_hosts_processes_do_not_reach_it(root_runner, loopback_install):
    root_runner.install = loopback_install
    code = ("import socket, time; s = socket.create_server(('127.0.0.1', 4571)); print('listening', flush=True); "
            "time.sleep(600)")
    process = root_runner.start(root_runner.folder(["/usr/bin/python3", "-c", code], profile="loopback-test"))
    assert process.stdout.readline() == b"listening\n"
    try:
        socket.create_connection(("127.0.0.1", 4571), 2).close()
        raise AssertionError("a process of the host reached a port of the run")
    except ConnectionRefusedError:
        pass
    process.terminate()
    process.communicate()


def test_without_it_there_is_no_socket_to_talk_by(runner):
    done = runner.run(["/usr/bin/python3", "-c", "import socket\n"
                       "for f in (socket.AF_INET, socket.AF_INET6):\n"
                       "  try: socket.socket(f)\n"
                       "  except OSError as e: print(e.errno)"])
    assert done.stdout.decode().split() == ["97", "97"]


def test_landlock_lets_its_tcp_pass(root_runner, loopback_install):
    """From ABI 4 on Landlock handles TCP: it is left out of the rules here, and in force under a profile without."""
    root_runner.install = loopback_install
    code = "import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname()); print('ok')"
    done = root_runner.run(["/usr/bin/python3", "-c", code], profile="loopback-test")
    assert done.stdout == b"ok\n", done.describe()
