"""Case 100: every system call number with edge arguments. The host lives, only listed errnos come back.

ENCLOS_FUZZ_RUNS=50 makes it a million calls; a few runs of it are part of every test run.
"""

import json
import os
import signal

import harness
import pytest

RUNS = int(os.environ.get("ENCLOS_FUZZ_RUNS", "2"))
# uretprobe and uprobe: the kernel lets them past every filter (6.14), and answers only its own trampolines.
PAST_EVERY_FILTER = {335, 336}
CALLS = 20000  # what is refused of it stays below the budget of refused calls


def rules_of(runner, profile):
    """{number: the errno that its refusal gives, or None where it is allowed, whole or by its arguments}"""
    shown = json.loads(runner.call("profile", "show", profile, "--effective", "--json").stdout)
    rules = {s["number"]: s.get("errno") for s in shown["syscalls"]}
    return {**rules, **{s["number"]: None for s in shown["syscalls"] if s["rule"] in ("allow", "allow_if")}}


@pytest.mark.parametrize("seed", range(1, RUNS + 1))
def test_g100_only_listed_errnos_come_back_for_refused_calls(runner, seed):
    rules = rules_of(runner, "base")
    run = runner.probe("fuzz", seed, CALLS, wall_ms=60000 * harness.PATIENCE)
    assert run.verdict in ("succeeded", "output_limit", "process_limit"), run.describe()
    facts = run.said().facts
    assert facts.calls >= CALLS
    assert facts.x32_signal == signal.SIGSYS and facts.i386_signal == signal.SIGSYS, facts
    with open(run.outputs_on_disk["seen.txt"]) as f:
        seen = {int(line.split()[0]): set(line.split()[1:]) for line in f}
    assert len(seen) > 450, "most numbers are reached"
    for number, came in seen.items():
        if number in PAST_EVERY_FILTER:
            assert "ok" not in came, f"system call {number}: {came}"
        elif number not in rules or rules[number] is not None:
            listed = {rules[number].replace("0", "ok")} if number in rules else {"EPERM", "ENOSYS"}
            assert came <= listed, f"system call {number}: {came}, listed: {listed}"
    assert sum(d["count"] for d in run.denied) > 1000, "the record counts what was refused"
    assert runner.run(["true"]).verdict == "succeeded", "the host goes on"
