"""enclos shell and enclos attach, on a terminal, as a person uses them."""

import os
import signal
import time

import pexpect
import pytest
from harness import PATIENCE, Deadline

PROMPT = r"\(enclos (r[0-9a-z]+)\) /work\$ "
LEAVE = "\x1dd"


@pytest.fixture(params=["root", "rootless"])
def either_lab(request):
    return request.getfixturevalue("lab" if request.param == "root" else "plain_lab")


class Person:
    """`enclos` on a terminal of its own."""

    def __init__(self, lab, *arguments, rows=30, cols=100, env=None, prompt=True, cwd="/"):
        self.lab = lab
        line = [os.path.join(lab.install, "enclos"), *arguments]
        if lab.uid:
            line = ["setpriv", f"--reuid={lab.uid}", f"--regid={lab.uid}", "--clear-groups", *line]
        self.child = pexpect.spawn(
            line[0], line[1:], dimensions=(rows, cols), encoding="utf-8", timeout=30 * PATIENCE, cwd=cwd,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "ENCLOS_SOCKET": lab.socket, "HOME": lab.top, "TERM": "xterm",
                 **(env or {})})
        self.run = None
        self.said = 0
        if prompt:
            self.prompt()

    def prompt(self):
        self.child.expect(PROMPT)
        self.run = self.child.match.group(1)

    def say(self, command):
        """What a command shows. Between marks that its own echo does not have."""
        self.said += 1
        self.child.sendline(f"echo =$((40+1)).{self.said}=; {command}; echo =$((40+2)).{self.said}=")
        self.child.expect(rf"=41\.{self.said}=\r\n(.*)=42\.{self.said}=\r\n")
        return self.child.match.group(1).rstrip("\r\n")

    def expect(self, *patterns):
        return self.child.expect(list(patterns))

    def end(self):
        """(exit status, all that was shown until the end)"""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus, self.child.before


def test_a_shell_on_a_dataset(either_lab):
    lab = either_lab
    ref = lab.add_dataset("d", {"data.csv": "a,b\n1,2\n"})
    p = Person(lab, "shell", "--no-code", "--dataset", ref, "--profile", "python", "--name", "un essai")
    assert p.say("cat /data/d/data.csv") == "a,b\r\n1,2"
    assert p.say("tty; stty size; echo $TERM $ENCLOS_RUN") == f"/dev/pts/0\r\n30 100\r\nxterm {p.run}"
    assert lab.get(p.run).interactive == {"kind": "shell", "idle_ms": 1800000, "rows": 30, "cols": 100}
    assert "running (terminal)" in lab.cli("ps").stdout
    p.say("echo kept > /outputs/kept.txt")
    p.child.sendline("exit 5")
    status, shown = p.end()
    assert status == 5 and "kept.txt" in shown
    run = lab.get(p.run)
    assert (run.verdict, run.exit_code, run.name) == ("failed", 5, "un essai")
    assert b"cat /data/d/data.csv" in lab.log(p.run)
    actions = [x.action for x in lab.rpc("audit.list", limit=50).entries if x.subject == p.run]
    assert "run.attach" in actions and "run.submitted" in actions
    assert lab.rpc("audit.verify").ok


def test_job_control_and_keys(lab):
    p = Person(lab, "shell", "--no-code")
    p.child.sendline("sh -c 'echo it runs; exec sleep 1000'")
    p.expect("\rit runs\r\n")
    p.child.send("\x1a")
    p.expect("Stopped")
    p.prompt()
    assert "Stopped" in p.say("jobs")
    p.child.sendline("fg")
    p.expect("exec sleep 1000'\r\n")
    Deadline(20).until(lambda: send_and_see(p, "\x03"), "Ctrl-C to end what is in front", 0.1)
    p.child.sendline("echo ended with $?")
    p.expect("ended with 130\r\n")
    p.child.sendline("sh -c 'echo it reads; exec cat'")
    p.expect("\rit reads\r\n")
    p.child.send("caf\u00e9\x7f\u0117\n\x04")  # one character is erased, not one byte
    p.expect("\r\ncaf\u0117\r\n")
    p.prompt()
    p.child.send("\x04")
    assert p.end()[0] == 0


def send_and_see(p, keys):
    p.child.send(keys)
    return p.child.expect([PROMPT, pexpect.TIMEOUT], timeout=1) == 0


def test_the_window_changes_its_size(lab):
    p = Person(lab, "shell", "--no-code")
    p.child.setwinsize(41, 77)
    Deadline(20).until(lambda: p.say("stty size") == "41 77", "the new size", 0.05)
    p.child.sendline("exit")
    p.end()


def test_the_terminal_is_given_back_as_it_was(lab):
    p = Person(lab, "shell", "--no-code")
    p.say("printf '\\033[?1049h\\033[?25l'")
    p.child.send(LEAVE)
    status, shown = p.end()
    assert status == 0
    # Another screen and a hidden cursor are undone, and only they.
    assert "\x1b[?1049l" in shown and "\x1b[?25h" in shown and "\x1b[?1000l" not in shown
    assert f"enclos attach {p.run}" in shown
    assert lab.get(p.run).state == "running"
    lab.rpc("run.cancel", run=p.run)
    assert lab.wait(p.run).verdict == "cancelled"


def test_every_way_out_restores_the_modes(lab):
    """A shell of ours looks at its terminal after enclos has ended, however that was."""
    enclos = os.path.join(lab.install, "enclos")
    child = pexpect.spawn("/bin/sh", encoding="utf-8", timeout=30 * PATIENCE, env={
        "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "ENCLOS_SOCKET": lab.socket, "HOME": lab.top, "PS1": "outside> ",
        "TERM": "xterm"}, cwd="/")
    child.expect("outside> ")
    child.sendline("stty -g")
    child.expect("stty -g\r\n(.*)\r\noutside> ")
    usual = child.match.group(1)
    for way in ("exit", "leave", "TERM", "monitor"):
        child.sendline(f"{enclos} shell --no-code --cpus 0.2")
        child.expect(PROMPT)
        run = child.match.group(1)
        if way == "exit":
            child.send("exit\r")
        elif way == "leave":
            child.send(LEAVE)
        elif way == "TERM":
            child.sendline("echo $((6 * 7)) is shown")
            child.expect("42 is shown")
            os.kill(int(one_child_named(child.pid, "enclos")), signal.SIGTERM)
        else:
            os.kill(lab.monitors()[run], signal.SIGKILL)
        child.expect("outside> ")
        child.sendline("stty -g")
        child.expect("stty -g\r\n(.*)\r\noutside> ")
        assert child.match.group(1) == usual, way
    child.sendline("exit")
    child.expect(pexpect.EOF)


def one_child_named(parent, name):
    with open(f"/proc/{parent}/task/{parent}/children") as f:
        for pid in f.read().split():
            with open(f"/proc/{pid}/comm") as comm:
                if comm.read().strip() == name:
                    return pid
    raise AssertionError(f"{parent} has no child {name}")


def test_left_and_joined_again(either_lab):
    lab = either_lab
    p = Person(lab, "shell", "--no-code")
    p.child.sendline("echo $((6 * 7)) before; sleep 0.3; echo $((6 * 7)) meanwhile")
    p.expect("42 before")
    p.child.send(LEAVE)
    assert p.end()[0] == 0
    lab.wait_log(p.run, b"42 meanwhile")
    again = Person(lab, "attach", p.run[:8], rows=20, cols=60, prompt=False)
    again.expect("42 before")
    again.expect("42 meanwhile")
    again.prompt()
    assert again.say("stty size") == "20 60"
    # The escape key twice is one for the program.
    again.child.sendline("sh -c 'echo it reads; exec cat -v'")
    again.expect("\rit reads\r\n")
    again.child.send("\x1d\x1dd\n\x04")
    again.expect(r"\^\]d\r\n\^\]d")
    again.prompt()
    again.child.sendline("exit")
    assert again.end()[0] == 0


def test_who_comes_later_has_the_terminal(lab):
    first = Person(lab, "shell", "--no-code")
    second = Person(lab, "attach", first.run)
    status, shown = first.end()
    assert status == 1 and "joined from somewhere else" in shown
    assert second.say("echo $((6 * 7))") == "42"
    second.child.sendline("exit")
    second.end()


def test_the_daemon_may_be_killed_and_restarted_meanwhile(either_lab):
    lab = either_lab
    p = Person(lab, "shell", "--no-code")
    lab.kill_daemon()
    assert p.say("echo $((6 * 7)) without a lab") == "42 without a lab"
    lab.start_daemon()
    assert p.say("echo $((6 * 7)) with one") == "42 with one"
    second = Person(lab, "attach", p.run)
    p.end()
    lab.kill_daemon()
    second.child.sendline("exit 9")
    second.expect("exit")
    lab.start_daemon()
    assert second.end()[0] == 9
    assert lab.get(p.run).exit_code == 9
    assert b"42 without a lab" in lab.log(p.run)


def test_a_monitor_that_dies_is_told(lab):
    p = Person(lab, "shell", "--no-code")
    os.kill(lab.monitors()[p.run], signal.SIGKILL)
    status, shown = p.end()
    assert status == 125 and "lost" in shown
    assert lab.get(p.run).verdict == "lost"
    gone = lab.cli("attach", p.run)
    assert gone.returncode != 0


def test_an_idle_shell_ends_with_its_reason(lab):
    p = Person(lab, "shell", "--no-code", "--idle", "2s")
    status, shown = p.end()
    assert status == 130 and "idle" in shown
    run = lab.get(p.run)
    assert run.verdict == "cancelled" and run.interactive.idle_ms == 2000
    p = Person(lab, "shell", "--no-code", "--idle", "2s", env={"LANG": "fr_CA.UTF-8"}, prompt=False)
    p.expect("bac à sable")
    p.prompt()
    assert "restée inactive" in p.end()[1]


def test_ctrl_c_before_it_starts_cancels_it(new_lab):
    lab = new_lab(extra=["--cpus", "1"])
    lab.start_daemon()
    busy = lab.submit("sleep 600", resources={"cpus_milli": 1000})
    lab.wait_running(busy)
    p = Person(lab, "shell", "--no-code", prompt=False)
    p.expect("queued: ")
    p.child.send("\x03")
    status, shown = p.end()
    assert status == 130 and "cancelled" in shown


def test_commands_defaults_and_errors(lab, top):
    folder = os.path.join(top, "shell-code")
    os.makedirs(folder)
    with open(os.path.join(folder, "enclos.jsonc"), "w") as f:
        f.write('{"command": ["false"], "profile": "python", "resources": {"memory": "300M", "time": "5s"}, '
                '"env": {"GREETING": "hello"}}')
    p = Person(lab, "shell", "--", "/bin/sh", "-c", "ls; echo $GREETING; stty size", cwd=folder, prompt=False)
    p.expect("enclos.jsonc")
    p.expect("hello")
    p.expect("30 100")
    assert p.end()[0] == 0
    run = lab.rpc("run.list", limit=1).runs[0]
    full = lab.get(run.id)
    assert full.profile == "python" and full.resources.memory_bytes == 300 << 20
    assert full.resources.wall_ms == 8 * 3600 * 1000
    p = Person(lab, "shell", "--no-code", "--outputs-on", "disk", "--outputs", "32M", "--", "grep", " /outputs ", "/proc/self/mountinfo",
               prompt=False)
    p.expect(r" - ext4 ")
    assert p.end()[0] == 0
    done = lab.cli("shell")
    assert done.returncode == 2 and "needs a terminal" in done.stderr
    plain = lab.submit("sleep 600")
    lab.wait_running(plain)
    p = Person(lab, "attach", plain, prompt=False)
    status, shown = p.end()
    assert status == 125 and "not an interactive" in shown
    shown = lab.cli("show", run.id).stdout
    assert "terminal, ends when unused for 30" in shown


def test_much_output_does_not_hold_up_the_person(lab):
    p = Person(lab, "shell", "--no-code")
    began = time.monotonic()
    p.child.sendline("yes 0123456789 | head -n 200000; echo $((6 * 7)) all")
    p.expect("42 all")
    p.prompt()
    assert time.monotonic() - began < 60 * PATIENCE
    p.child.sendline("exit")
    p.end()
