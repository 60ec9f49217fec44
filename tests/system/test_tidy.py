"""What nobody uses any more goes while the lab runs, and nothing that somebody uses."""

import os
import sqlite3

import harness


def test_trees_that_no_run_uses_go_while_the_lab_runs(new_lab):
    lab = new_lab(extra=["--tidy-every", "1s"])
    lab.start_daemon()

    def tree(name):
        return os.path.join(lab.state, "trees", name)

    def use_long_ago(*names):
        for name in names:
            os.utime(tree(name), (0, 0))

    def wait_gone(*names):
        harness.Deadline(20).until(lambda: not any(os.path.exists(tree(n)) for n in names), f"{names} to go")

    lab.add_dataset("d", {"a.csv": b"a\n"})
    data = lab.rpc("dataset.get", name="d").manifest
    old, used = (lab.put_files({"main.sh": f"echo {n}; sleep {n}\n".encode()}) for n in (0, 4))
    assert lab.run(["sh", "main.sh"], code=old).verdict == "succeeded"
    going = lab.submit(["sh", "main.sh"], code=used, datasets=["d@1"])
    lab.wait_log(going, b"4")
    use_long_ago("code-" + old, "code-" + used, data)
    wait_gone("code-" + old)
    # A restart forgets nobody who is going.
    lab.kill_daemon()
    lab.start_daemon()
    assert lab.run(["sh", "main.sh"], code=old).verdict == "succeeded"
    use_long_ago("code-" + old)
    wait_gone("code-" + old)  # so a round has passed
    assert os.path.exists(tree("code-" + used)) and os.path.exists(tree(data))
    assert lab.wait(going).verdict == "succeeded"
    assert os.path.exists(tree(data)), "a tree that was used just now went"
    use_long_ago("code-" + used, data)
    wait_gone("code-" + used, data)
    run = lab.run(["cat", "main.sh", "/data/d/a.csv"], code=old, datasets=["d@1"])
    assert run.verdict == "succeeded" and lab.log(run.id).endswith(b"a\n"), run


def test_idempotency_keys_are_forgotten_after_a_day(new_lab):
    lab = new_lab(extra=["--tidy-every", "1s"])
    lab.start_daemon()
    old, fresh = (lab.submit("true", idempotency_key=key) for key in ("old", "fresh"))
    assert lab.submit("true", idempotency_key="old") == old
    lab.wait(old), lab.wait(fresh)
    lab.stop_daemon()
    with sqlite3.connect(os.path.join(lab.state, "catalog.db")) as db:
        db.execute("UPDATE idempotency SET created_us = created_us - 86400 * 1000000 WHERE key = 'old'")
    db.close()
    lab.start_daemon()
    tidied = harness.Deadline(20).until(
        lambda: [e for e in lab.daemon_events() if e.get("event") == "lab.tidy"], "a round of tidying")
    assert tidied[0].keys_forgotten == 1
    assert lab.submit("true", idempotency_key="fresh") == fresh
    assert lab.submit("true", idempotency_key="old") != old
