"""The audit log as auditors and their programs read it: filters, pages, export, a verifier that needs no lab."""

import json
import os
import sqlite3
import subprocess
import sys

import harness

VERIFIER = os.path.join(harness.REPO, "tests", "tools", "verify-audit.py")


def verified(path, *more):
    done = subprocess.run([sys.executable, VERIFIER, str(path), *more], capture_output=True, text=True)
    return done.returncode, done.stdout


def test_what_is_asked_for_is_listed_and_nothing_else(lab):
    lab.add_dataset("cancer", {"a.csv": b"1\n"})
    run = lab.run(["true"])
    entries = lab.cli_json("audit", "list", "--subject", "cancer@1").entries
    assert {e.action for e in entries} == {"dataset.added", "dataset.sealed"}, entries
    assert all(e.subject == run.id for e in lab.cli_json("audit", "list", "--subject", run.id).entries)
    assert len(lab.cli_json("audit", "list", "--action", "run.submitted").entries) == 1
    assert not lab.cli_json("audit", "list", "--from", "2001-01-01", "--to", "2001-02-01").entries
    assert len(lab.cli_json("audit", "list", "--from", "1h", "--actor", entries[0].actor.name).entries) > 2


def test_a_date_that_is_none_is_refused(shared_lab):
    for text in ("2026-02-30", "2026-13-01", "yesterday", "2026-01-01T25:00", ""):
        done = shared_lab.cli("audit", "list", "--from", text)
        assert done.returncode == 2 and "--from" in done.stderr, text
    assert "n’est pas une date" in shared_lab.cli("audit", "list", "--to", "hier", "--lang", "fr").stderr


def test_the_export_is_whole_and_a_change_of_one_byte_is_named(lab, tmp_path):
    for _ in range(3):
        lab.run(["true"])
    run = lab.submit("sleep 60")
    lab.rpc("run.cancel", run=run, reason="à l’arrêt « é »")
    lab.wait(run)
    done = lab.cli("audit", "export")
    assert done.returncode == 0, done.stderr
    path = tmp_path / "audit.jsonl"
    path.write_text(done.stdout)
    lines = done.stdout.splitlines()
    head = lab.rpc("audit.verify")
    assert len(lines) == head.entries and verified(path) == (0, f"{head.entries} entries are whole, the last has hash {head.head}\n")
    # Resumed from a number, checked against the hash that was noted.
    rest = lab.cli("audit", "export", "--from", "4").stdout
    assert rest.splitlines() == lines[3:]
    path.write_text(rest)
    assert verified(path, json.loads(lines[2])["hash"])[0] == 0
    assert verified(path, "f" * 64)[0] == 1
    for number, damage in ((5, lambda t: t.replace('"name":"', '"name":"x', 1)), (3, lambda t: ""), (2, lambda t: t.replace('"time_us":1', '"time_us":2', 1))):
        changed = [*lines]
        changed[number - 1] = damage(changed[number - 1])
        path.write_text("".join(line + "\n" for line in changed if line))
        status, said = verified(path)
        assert status == 1 and f"entry {number}" in said, said
    path.write_text(lines[0] + "\n{no entry\n")
    assert verified(path)[1].endswith("then: the line after 1 entries is no entry\n")


def test_a_follower_gets_each_entry_once(lab, tmp_path):
    path = tmp_path / "followed"
    with open(path, "wb") as out:
        follower = subprocess.Popen([os.path.join(lab.install, "enclos"), "audit", "export", "--follow"], stdout=out,
                                    env={"ENCLOS_SOCKET": lab.socket}, stdin=subprocess.DEVNULL)
    try:
        run = lab.run(["true"]).id

        def entries():
            return [json.loads(line) for line in path.read_text().splitlines(True) if line.endswith("\n")]

        harness.Deadline(20).until(lambda: any(e["action"] == "run.finished" and e["subject"] == run for e in entries()), "the run's end")
        assert [e["number"] for e in entries()] == list(range(1, len(entries()) + 1))
    finally:
        follower.kill()
        follower.wait()


def test_verify_names_the_first_broken_link(lab):
    lab.run(["true"])
    assert lab.cli("audit", "verify").returncode == 0
    lab.stop_daemon()
    with sqlite3.connect(os.path.join(lab.state, "catalog.db")) as db:
        db.execute("DROP TRIGGER audit_no_update")
        db.execute("UPDATE audit SET actor_name = 'x' WHERE number = 2")
    db.close()
    for name in os.listdir(lab.state):
        if name.startswith("catalog.db"):
            os.chown(os.path.join(lab.state, name), os.stat(lab.state).st_uid, os.stat(lab.state).st_gid)
    lab.start_daemon()
    done = lab.cli("audit", "verify")
    assert done.returncode == 1 and "entry 2" in done.stdout, done.stdout
