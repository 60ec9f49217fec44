"""The programs of api/examples do what they say, against a real lab, killed on the way."""

import http.server
import json
import os
import sqlite3
import subprocess
import threading

import harness
import pytest

EXAMPLES = os.path.join(harness.REPO, "api", "examples")


def started(lab, name, *arguments):
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": os.path.join(harness.REPO, "api", "python"), "PYTHONDONTWRITEBYTECODE": "1",
                   "ENCLOS_SOCKET": lab.socket, "HOME": lab.top}
    return subprocess.Popen(["/usr/bin/python3", os.path.join(EXAMPLES, name), *map(str, arguments)], env=environment,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def done(lab, name, *arguments, seconds=60):
    process = started(lab, name, *arguments)
    out, err = process.communicate(timeout=seconds * harness.PATIENCE)
    return process.returncode, out, err


def test_nightly_launches_once_a_day_says_nothing_and_tells_a_failure(lab, tmp_path):
    (tmp_path / "train.py").write_text("import sys; sys.exit(int(open('/work/status').read()))")
    (tmp_path / "status").write_text("0")
    for _ in range(2):
        assert done(lab, "nightly.py", "--day", "2027-03-14", tmp_path, "python3", "train.py") == (0, "", "")
    assert len(lab.rpc("run.list").runs) == 1, "the second call of the day waits for the first's run"
    (tmp_path / "status").write_text("3")
    status, out, err = done(lab, "nightly.py", "--day", "2027-03-15", tmp_path, "python3", "train.py")
    assert status == 1 and out == "" and "failed" in err and "enclos show r" in err
    status, _, err = done(lab, "nightly.py", "--day", "2027-03-16", "--profile", "none-such", tmp_path, "python3", "train.py")
    assert status == 2 and "none-such" in err


def test_nightly_goes_on_through_a_killed_lab(lab, tmp_path):
    (tmp_path / "train.py").write_text("import time; print('begun', flush=True); time.sleep(2)")
    process = started(lab, "nightly.py", tmp_path, "python3", "train.py")
    harness.Deadline(20).until(lambda: lab.rpc("run.list", state="running").runs, "the run to go", 0.05)
    lab.kill_daemon()
    lab.start_daemon()
    out, err = process.communicate(timeout=40 * harness.PATIENCE)
    assert (process.returncode, out, err) == (0, "", "")


def mirrored(path):
    with sqlite3.connect(path) as db:
        return {(noun, i): json.loads(said) if said else None for noun, i, said in db.execute("SELECT noun, id, said FROM object")}


def test_the_mirror_is_the_catalog_through_kills_of_both(lab, tmp_path):
    database = tmp_path / "catalog.sqlite"
    lab.add_dataset("cancer", {"x.csv": b"1\n"})
    runs = [lab.run(["/bin/true"]).id for _ in range(3)]
    assert done(lab, "mirror.py", database, "--once")[0] == 0
    follower = started(lab, "mirror.py", database)
    try:
        for number in range(4):
            runs.append(lab.submit("/bin/true"))
            if number == 1:
                lab.kill_daemon()
                lab.start_daemon()
            if number == 2:
                follower.kill()
                follower.wait()
                follower = started(lab, "mirror.py", database)
            lab.wait(runs[-1])
        harness.Deadline(30).until(lambda: mirrored(database).get(("run", runs[-1]), {}).get("state") == "finished",
                                   "the mirror to have the last run", 0.1)
    finally:
        follower.kill()
        follower.wait()
    there = mirrored(database)
    assert {i for noun, i in there if noun == "run"} == set(runs)
    for run in runs:
        told = lab.get(run)
        assert {k: there["run", run][k] for k in ("id", "state", "verdict")} == {k: told[k] for k in ("id", "state", "verdict")}
    assert there["dataset", "cancer@1"]["state"] == "sealed"
    fresh = tmp_path / "fresh.sqlite"
    assert done(lab, "mirror.py", fresh, "--once")[0] == 0
    assert mirrored(fresh) == there, "followed or made at once, it is the same"


@pytest.fixture
def hook():
    """A web hook that refuses every third request."""
    told = []

    class Handler(http.server.BaseHTTPRequestHandler):
        count = 0

        def do_POST(self):
            Handler.count += 1
            body = self.rfile.read(int(self.headers["Content-Length"]))
            good = Handler.count % 3 != 0
            if good:
                told.append(json.loads(body)["text"])
            self.send_response(200 if good else 503)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", told
    server.shutdown()


def test_the_webhook_tells_each_run_that_ended_through_kills(lab, tmp_path, hook):
    url, told = hook
    place = tmp_path / "place"
    before = lab.run(["/bin/true"], name="before").id
    relay = started(lab, "webhook.py", url, "--place", place, "--from-now")
    try:
        harness.Deadline(20).until(place.exists, "the relay to know where it is", 0.05)
        runs = [lab.run(["/bin/sh", "-c", "exit 3"], name="bad").id]
        harness.Deadline(20).until(lambda: any(runs[0] in t for t in told), "the first run to be told", 0.05)
        relay.kill()
        relay.wait()
        runs.append(lab.run(["/bin/true"], name="while away").id)
        relay = started(lab, "webhook.py", url, "--place", place)
        harness.Deadline(20).until(lambda: any(runs[1] in t for t in told), "what ended meanwhile to be told", 0.05)
        lab.kill_daemon()
        lab.start_daemon()
        runs.append(lab.run(["/bin/true"], name="after").id)
        harness.Deadline(20).until(lambda: any(runs[2] in t for t in told), "the run after the restart to be told", 0.05)
    finally:
        relay.kill()
        relay.wait()
    assert any(t.startswith("bad: failed (root, ") for t in told)
    assert not any(before in t for t in told), "what ended before was left out"
