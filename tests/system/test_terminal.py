"""The terminal of an interactive run, by its frames: job control, sizes, who has it, what it cannot reach."""

import os
import re
import socket
import subprocess
import sys

import pytest
from harness import Deadline
from terminal import TERMINAL, Terminal, ask, join, request

PROMPT = rb"\(box\) "


def shell(runner, rows=30, cols=100, idle_ms=0, command=("/bin/bash", "--norc", "--noediting"), **more):
    """(process, folder, terminal) of a shell that has shown its prompt."""
    folder = runner.folder(list(command), env={"PS1": "(box) ", "TERM": "xterm"},
                           spec_changes={"interactive": {"idle_ms": idle_ms, "terminal": {"rows": rows, "cols": cols}}},
                           **more)
    process = runner.start(folder, stdout=subprocess.DEVNULL)
    return process, folder, join(folder, rows, cols)


def front(process):
    """The name of the program in front at the terminal of a run, from its processes' lines of /proc."""
    lines = {}
    for pid in os.listdir("/proc"):
        try:
            with open(f"/proc/{pid}/stat") as f:
                name, rest = re.match(r"\d+ \((.*)\) (.*)", f.read()).groups()
            lines[pid] = [name, *rest.split()]
        except (OSError, AttributeError):
            continue
    for pid, (name, state, parent, group, _, tty, front_group, *_) in lines.items():
        while parent in lines and parent != str(process.pid):
            parent = lines[parent][2]
        if parent == str(process.pid) and tty != "0" and group == front_group and state in "SR":
            return name
    return None


def say(terminal, command, pattern=rb"(.*?)(?:\r\n)?" + PROMPT):
    """What a command shows, without its echo."""
    terminal.type(command + "\n")
    terminal.wait(re.escape(command) + "\r\n")
    return terminal.wait(pattern).group(1).decode()


def end(runner, process, folder, terminal):
    terminal.type("exit 7\n")
    terminal.wait_end()
    terminal.close()
    return runner.finish(process, folder, 0).record


def test_a_shell_has_a_terminal_of_its_own(runner):
    process, folder, t = shell(runner)
    t.wait(PROMPT)
    assert say(t, "tty") == "/dev/pts/0"
    assert say(t, "stty size") == "30 100"
    assert say(t, "stat -Lc %t:%T /dev/tty") == "5:0"
    assert say(t, "echo to the terminal >/dev/tty") == "to the terminal"
    assert say(t, "ls /dev/pts | tr '\\n' ' '") == "0 ptmx "
    record = end(runner, process, folder, t)
    assert (record["verdict"], record["exit_code"]) == ("failed", 7)
    assert record["denied"] == []
    assert b"to the terminal" in open(os.path.join(folder, "log"), "rb").read()


def test_job_control_works(runner):
    process, folder, t = shell(runner)
    t.wait(PROMPT)
    t.type("sh -c 'echo it runs; exec sleep 1000'\n")
    t.wait("1000'\r\nit runs\r\n")
    t.type("\x1a")
    t.wait(rb"Stopped.*" + PROMPT)
    assert "Stopped" in say(t, "jobs")
    t.type("fg\n")
    t.wait("fg\r\nsh -c [^\r]*\r\n")
    Deadline(20).until(lambda: front(process) == "sleep", "sleep to be in front again")
    t.type("\x03")
    t.wait(PROMPT)
    assert say(t, "echo $?") == "130"
    t.type("cat\n")
    t.wait("cat\r\n")
    t.type("a line\n\x04")
    t.wait("a line\r\na line\r\n")
    t.wait(PROMPT)
    end(runner, process, folder, t)


def test_a_new_size_reaches_the_program_in_front(runner):
    process, folder, t = shell(runner)
    t.wait(PROMPT)
    t.type("""sh -c 'trap "echo changed; stty size" WINCH; echo set; while :; do sleep 0.05; done'\n""")
    t.wait("done'\r\nset\r\n")
    t.resize(51, 133)
    t.wait("changed\r\n51 133\r\n")
    t.type("\x03")
    end(runner, process, folder, t)


def test_the_last_that_joins_has_the_terminal(runner):
    process, folder, first = shell(runner)
    first.wait(PROMPT)
    assert say(first, "echo $((6 * 7)) for both") == "42 for both"
    second = join(folder, 20, 70)
    while first.read(20):
        pass
    assert first.taken and first.ended
    second.wait("42 for both")  # shown again to whoever comes
    second.wait(PROMPT)
    assert say(second, "stty size") == "20 70"
    first.close()
    end(runner, process, folder, second)


def test_what_is_said_while_nobody_is_there_is_kept(runner):
    process, folder, t = shell(runner)
    t.wait(PROMPT)
    t.type("sleep 0.2; for i in 1 2 3; do echo number $i; done; touch /tmp/said\n")
    t.wait("said\r\n")
    t.close()
    Deadline(20).until(lambda: b"number 3" in open(os.path.join(folder, "log"), "rb").read(), "the log")
    t = join(folder)
    t.wait("number 1\r\nnumber 2\r\nnumber 3\r\n")
    end(runner, process, folder, t)


def test_a_client_that_does_not_read_holds_up_its_program_only(root_runner):
    process, folder, t = shell(root_runner)
    t.wait(PROMPT)
    t.type("yes 0123456789abcdef | head -n 500000; echo all of it\n")
    # It is not read: the program waits, the monitor answers all the same.
    assert ask(folder, request(TERMINAL, 0, 5000, 1)) is None
    other = join(folder)
    assert other.wait("all of it\r\n", 60)
    t.close()
    record = end(root_runner, process, folder, other)
    assert record["log"]["kept_bytes"] < 3 << 20 and record["log"]["dropped_bytes"] > 0


def test_much_that_is_pasted_arrives_whole(root_runner):
    process, folder, t = shell(root_runner)
    t.wait(PROMPT)
    t.type("stty -echo; echo read''y; wc -cl\n")
    t.wait("ready\r\n")
    for _ in range(60):
        t.type(("x" * 99 + "\n") * 70)
    t.type("\x04")
    assert t.wait(r"(\d+)\s+(\d+)\r\n", 60).groups() == (b"4200", b"420000")
    end(root_runner, process, folder, t)


def test_frames_that_are_none_end_that_client_only(root_runner):
    process, folder, t = shell(root_runner)
    t.wait(PROMPT)
    for bad in (b"x", b"\0" * 8, b"\1\0\0\0\0\0\5\0abc", b"\3\0\0\0\0\0\1\0a", b"\2\0\0\0\0\0\0\0", b"\1\0" + b"\0" * 20000):
        t.socket.send(bad)
        t.wait_end()
        t.close()
        t = join(folder)
        t.seen = b""
    assert say(t, "echo alive") == "alive"
    end(root_runner, process, folder, t)


def test_nobody_there_for_long_ends_it_with_a_reason(runner):
    process, folder, t = shell(runner, idle_ms=2500)
    t.wait(PROMPT)
    t.type("echo still; sleep 1000\n")
    t.wait_end(60)
    record = runner.finish(process, folder, 0).record
    assert record["verdict"] == "cancelled"
    assert "idle" in record["reason"] and "limit of 3 s" in record["reason"]


def test_a_computation_is_not_idle(root_runner):
    process, folder, t = shell(root_runner, idle_ms=3000)
    t.wait(PROMPT)
    t.type("timeout 7 sh -c 'while :; do :; done'; echo computed\n")
    t.wait("computed\r\n")
    t.wait("computed\r\n", 60)
    end(root_runner, process, folder, t)


def test_a_cancelled_shell_ends_at_once(runner):
    process, folder, t = shell(runner, grace_ms=60000)
    t.wait(PROMPT)
    t.type("sleep 1000\n")
    t.wait("sleep 1000\r\n")
    Deadline(20).until(lambda: front(process) == "sleep", "sleep to be in front")
    with open(os.path.join(folder, "cancel"), "w"):
        pass
    t.wait_end(30)  # hung up: a shell does not end of SIGTERM
    assert runner.finish(process, folder, 0).record["verdict"] == "cancelled"


STEAL = """
import array, fcntl, os, termios
for name in ("TIOCSTI", "TIOCLINUX", "TIOCCONS", "TIOCSETD"):
    try:
        fcntl.ioctl(0, {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541C, "TIOCCONS": 0x541D, "TIOCSETD": 0x5423}[name], b"x")
        print(name, "passed")
    except OSError as error:
        print(name, error.errno)
# the number's high half, which the kernel does not read
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_char_p]
print("high", libc.ioctl(0, (1 << 32) | 0x5412, b"x"), ctypes.get_errno())
for path in ("/dev/tty0", "/dev/tty1", "/dev/console", "/dev/pts/1", "/dev/pts/2", "/dev/ttyS0"):
    print(path, os.path.exists(path))
"""


def test_characters_cannot_be_put_into_a_terminal(runner):
    process, folder, t = shell(runner, code={"steal.py": STEAL})
    t.wait(PROMPT)
    said = say(t, "/usr/bin/python3 steal.py")
    for name in ("TIOCSTI", "TIOCLINUX", "TIOCCONS", "TIOCSETD"):
        assert f"{name} 25" in said, said
    assert "high -1 25" in said
    assert "True" not in said
    assert len(re.findall("/dev/.* False", said)) == 6
    denied = end(runner, process, folder, t)["denied"]
    assert [d["name"] for d in denied] == ["ioctl"] and "TIOCSTI" in denied[0]["detail"]


def test_the_hosts_terminal_is_out_of_reach(root_runner):
    """The lab is started from a terminal: a run that opens /dev/tty gets its own, or none."""
    import pexpect

    folder = root_runner.folder(["/bin/sh", "-c", "tty; echo x >/dev/tty; echo status $?"])
    child = pexpect.spawn(root_runner.command_line("exec", folder)[0], ["exec", folder], env={"PATH": "/usr/bin:/bin"},
                          encoding="utf-8", timeout=30, cwd="/")
    child.expect("not a tty")
    child.expect("status [12]")
    child.expect(pexpect.EOF)
    child.close()
    process, folder, t = shell(root_runner)
    t.wait(PROMPT)
    assert say(t, "readlink -f /dev/tty /proc/self/fd/0 | tr '\\n' ' '") == "/opt/enclos/tty/tty /dev/pts/0 "
    end(root_runner, process, folder, t)


def test_a_run_without_a_terminal_may_not_set_one(root_runner):
    done = root_runner.run(["/usr/bin/python3", "-c", "import fcntl,os\nfor c in (0x5402, 0x5410, 0x540e):\n"
                                                      " try: fcntl.ioctl(0, c, b'\\0' * 60)\n"
                                                      " except OSError as e: print(e.errno)\n"
                                                      "print(os.listdir('/dev/pts'), os.path.exists('/dev/tty'))"])
    assert done.stdout.decode().split("\n")[:4] == ["25", "25", "25", "[] False"]


def test_programs_open_terminals_of_their_own(runner):
    process, folder, t = shell(runner, profile="python")
    t.wait(PROMPT)
    said = say(t, "/usr/bin/python3 -c 'import pty; pty.spawn([\"/bin/sh\", \"-c\", \"tty; stty size\"])'")
    assert "/dev/pts/1" in said
    end(runner, process, folder, t)


@pytest.mark.parametrize("wrong", [{"rows": 0, "cols": 80}, {"rows": 24, "cols": 1001}, {"rows": 24},
                                   {"rows": 24, "cols": 80, "more": 1}])
def test_a_wrong_terminal_is_refused_by_name(root_runner, wrong):
    done = root_runner.run(["true"], spec_changes={"interactive": {"idle_ms": 0, "terminal": wrong}})
    assert done.record["verdict"] == "setup_failed" and done.record["failed"]["step"] == "spec"
    assert "interactive.terminal" in done.record["failed"]["message"] or "rows" in done.record["failed"]["message"] \
        or "cols" in done.record["failed"]["message"]
