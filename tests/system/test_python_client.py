"""The Python client, from api/python, against the daemon: calls, errors, tokens, watches that outlive a killed lab."""

import asyncio
import os
import subprocess
import sys
import threading
import time

import harness
import pytest
import schema

sys.path.insert(0, os.path.join(harness.REPO, "api", "python"))
from enclos import lab as enclos_lab  # noqa: E402

COUNT = "import time\nfor i in range(400):\n    print(i, flush=True)\n    time.sleep(0.005)\n"


@pytest.fixture
def client(shared_lab):
    with enclos_lab.Lab(shared_lab.socket) as made:
        yield made


def test_a_run_from_a_folder_to_its_outputs(client, tmp_path):
    (tmp_path / "train.py").write_text("import enclos\nenclos.log_metric('auc', 0.9)\nopen('/outputs/x', 'w').write('y')\n")
    code = enclos_lab.put_folder(client, str(tmp_path))
    run = client.run.submit(command=["python3", "train.py"], code=code, profile="python", params={"trees": 3})["run"]
    finished = client.wait(run)
    assert finished["verdict"] == "succeeded" and finished["metrics"][0]["value"] == 0.9
    assert [a["path"] for a in client.run.outputs(run=run)["artifacts"]] == ["x"]
    assert client.run.get(run=run)["params"] == {"trees": "3"}


def test_errors_are_exceptions_by_kind(client):
    with pytest.raises(enclos_lab.NotFound) as found:
        client.run.get(run="rzzzzzzz")
    assert found.value.kind == "not_found" and found.value.field == "run"
    with pytest.raises(enclos_lab.Invalid) as invalid:
        client.call("run.list", {"limit": 0})
    assert invalid.value.field == "limit" and invalid.value.code == -32602
    with pytest.raises(enclos_lab.LabError):
        client.call("run.fly")
    assert client.lab.ping() == {"pong": True}, "the connection goes on after errors"


def test_a_lab_that_is_not_there_is_said(tmp_path):
    with pytest.raises(enclos_lab.Disconnected) as gone:
        enclos_lab.Lab(str(tmp_path / "no.sock"), patience_s=0).lab.ping()
    assert "no.sock" in str(gone.value) and "enclosd" in str(gone.value)


def test_a_submission_has_a_key_by_itself_and_the_same_key_gives_the_same_run(client):
    first = client.run.submit(command=["/bin/true"], idempotency_key="python-client-1")
    again = client.run.submit(command=["/bin/true"], idempotency_key="python-client-1")
    assert first["run"] == again["run"] and again["existed"]
    assert client.run.submit(command=["/bin/true"])["run"] != client.run.submit(command=["/bin/true"])["run"]


def test_pages_are_walked(client):
    made = {client.run.submit(command=["/bin/true"])["run"] for _ in range(7)}
    listed = [r["id"] for r in client.each("run.list", limit=3)]
    assert made <= set(listed) and len(listed) == len(set(listed))


def test_threads_share_a_client(client):
    wrong = []
    runs = [client.run.submit(command=["/bin/echo", str(n)])["run"] for n in range(8)]

    def work(n):
        for i in range(30):
            if (n + i) % 2 and client.lab.ping() != {"pong": True}:
                wrong.append((n, i))
            if not (n + i) % 2 and client.run.get(run=runs[n])["command"] != ["/bin/echo", str(n)]:
                wrong.append((n, i))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


def test_a_token_makes_it_a_service_account(lab):
    lab.rpc("user.grant", service="robot", role="platform")
    secret = lab.rpc("token.create", service="robot").secret
    with enclos_lab.Lab(lab.socket, token=secret) as robot:
        assert robot.user.whoami()["name"] == "service:robot"
        with pytest.raises(enclos_lab.Denied):
            robot.token.list()
    path = os.path.join(lab.top, "token")
    with open(path, "w") as f:
        f.write(secret + "\n")
    with enclos_lab.Lab(lab.socket, token_file=path) as robot:
        assert robot.user.whoami()["kind"] == "service"
    with pytest.raises(enclos_lab.LabError):
        enclos_lab.Lab(lab.socket, token="encl_" + "0" * 64).user.whoami()


def printed(event):
    return enclos_lab.event_bytes(event) if event["type"] in ("stdout", "stderr") else b""


def test_a_watch_misses_nothing_and_repeats_nothing_when_the_daemon_is_killed(lab):
    code = lab.put_files({"count.py": COUNT})
    run = lab.submit(["python3", "count.py"], code=code, profile="python")
    seen, said, events, last = b"", [], [], None
    with enclos_lab.Lab(lab.socket).watch(run) as watch:
        killed = 0
        for event in watch:
            seen += printed(event)
            events.append(event)
            said.append((event["type"], event.get("number")))
            last = event
            if killed < 3 and seen.count(b"\n") > 60 * (killed + 1):
                killed += 1
                lab.kill_daemon()
                lab.start_daemon()
    assert killed == 3 and watch.returns == 3
    assert seen.decode().split() == [str(i) for i in range(400)]
    document = lab.rpc("rpc.discover")
    (notice,) = [m["x-notifications"]["schema"] for m in document["methods"] if m["name"] == "run.watch"]
    assert not [w for w in (schema.wrong(notice, e, document["components"]["schemas"], "event") for e in events) if w]
    logged = [s for s in said if s[0] not in ("state", "finished")]
    assert len(logged) == len(set(logged)) and logged == sorted(logged, key=lambda s: s[1])
    assert last["type"] == "finished" and last["run"]["verdict"] == "succeeded"
    assert [t for t, _ in said].count("finished") == 1


def test_a_call_waits_for_a_lab_that_was_killed_and_one_that_changes_is_not_sent_twice(lab):
    with enclos_lab.Lab(lab.socket) as client:
        run = client.run.submit(command=["sleep", "60"])["run"]
        back = threading.Timer(1.0, lab.start_daemon)
        lab.kill_daemon()
        back.start()
        assert client.run.get(run=run)["id"] == run
        back.join()
        lab.kill_daemon()
        with pytest.raises(enclos_lab.Disconnected):
            client.run.cancel(run=run)
        lab.start_daemon()
        assert client.run.cancel(run=run)["accepted"] and client.wait(run)["verdict"] == "cancelled"


def test_asyncio_many_calls_and_watches_at_once_through_a_kill(lab):
    code = lab.put_files({"count.py": COUNT})

    async def watched(client, run):
        seen = b""
        async with client.watch(run) as watch:
            async for event in watch:
                seen += printed(event)
        return seen

    async def main():
        async with enclos_lab.AsyncLab(lab.socket) as client:
            pings = await asyncio.gather(*[client.lab.ping() for _ in range(50)])
            assert pings == [{"pong": True}] * 50
            with pytest.raises(enclos_lab.NotFound):
                await client.run.get(run="rzzzzzzz")
            submitted = await asyncio.gather(*[
                client.run.submit(command=["python3", "count.py"], code=code, profile="python", resources={"cpus_milli": 500})
                for _ in range(3)])
            watches = [asyncio.ensure_future(watched(client, s["run"])) for s in submitted]
            await asyncio.sleep(1)
            lab.kill_daemon()
            await asyncio.get_running_loop().run_in_executor(None, lab.start_daemon)
            for seen in await asyncio.gather(*watches):
                assert seen.decode().split() == [str(i) for i in range(400)]
            for s in submitted:
                assert (await client.wait(s["run"]))["verdict"] == "succeeded"
            listed = [r["id"] async for r in client.each("run.list", limit=2)]
            assert {s["run"] for s in submitted} == set(listed)

    asyncio.run(main())


def test_changes_are_followed_from_a_cursor(client):
    feed = client.changes(wait_s=0.0)
    for page in feed:
        if not page["more"]:
            break
    run = client.run.submit(command=["/bin/true"])["run"]
    client.wait(run)
    told = []
    deadline = time.monotonic() + 20
    for page in client.changes(page["next_cursor"], wait_s=1.0):
        told += [c for c in page["changes"] if c["id"] == run]
        if told and told[-1]["object"] and told[-1]["object"]["state"] == "finished":
            break
        assert time.monotonic() < deadline
    numbers = [c["number"] for c in told]
    assert numbers == sorted(set(numbers))


def test_it_installs_with_pip_from_the_folder_and_the_helper_of_runs_is_as_it_was(tmp_path):
    folder = tmp_path / "env"
    subprocess.run(["/usr/bin/python3", "-m", "venv", "--system-site-packages", str(folder)], check=True, capture_output=True)
    python = str(folder / "bin" / "python")
    source = tmp_path / "source"
    subprocess.run(["cp", "-r", os.path.join(harness.REPO, "api", "python"), str(source)], check=True)
    done = subprocess.run([python, "-m", "pip", "install", "-q", "--no-index", "--no-build-isolation", str(source)],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = subprocess.run([python, "-c", "import enclos, sys; print(sorted(m for m in sys.modules if m.startswith('enclos')))\n"
                                         "import enclos.lab; print(enclos.lab.__file__)"],
                          capture_output=True, text=True, cwd=str(tmp_path), check=True).stdout.split("\n")
    assert said[0] == "['enclos']", "import enclos alone must not bring the client"
    assert str(folder) in said[1]
