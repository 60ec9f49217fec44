"""enclos export: run crates that the public validator accepts, tables and lines that their own readers read."""

import csv
import io
import json
import os
import subprocess
import sys
import time

import pytest

import pypi

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# Puts the context where the validator looks for what it once fetched: there is no network here.
FILL = """
import io, sys, requests, requests_cache
from urllib3 import HTTPResponse
class Here(requests.adapters.HTTPAdapter):
    def send(self, request, **kwargs):
        raw = HTTPResponse(body=io.BytesIO(open(sys.argv[2], "rb").read()), status=200, preload_content=False,
                           headers={"Content-Type": "application/ld+json"}, request_url=request.url)
        return self.build_response(request, raw)
session = requests_cache.CachedSession(sys.argv[1], backend="sqlite", expire_after=-1)
session.mount("https://", Here())
session.get(sys.argv[3])
"""


@pytest.fixture(scope="module")
def validate(top):
    """Gives the issues that the public validator has with a crate, by severity."""
    packages = pypi.folder_of("rocrate")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": packages, "HOME": top, "LANG": "C.UTF-8", "COLUMNS": "500"}
    cache = os.path.join(top, "http-cache")
    subprocess.run([sys.executable, "-c", FILL, cache, os.path.join(packages, "rocrate/data/ro-crate.jsonld"), CONTEXT],
                   env=env, check=True)

    def ask(folder, level="required"):
        report = os.path.join(top, "report.json")
        done = subprocess.run([sys.executable, os.path.join(packages, "bin/rocrate-validator"), "-y", "--disable-color",
                               "validate", "-p", "process-run-crate", "-l", level, "--offline", "--cache-path", cache,
                               "-f", "json", "-o", report, folder], env=env, capture_output=True, text=True, timeout=120)
        with open(report) as f:
            document = json.loads(f.read(), strict=False)  # it breaks long lines inside texts
        os.remove(report)
        assert document["statistics"]["total_checks"] > 40, done.stdout
        assert document["passed"] == (not document["issues"])
        return [(i["severity"], i["check"]["identifier"], " ".join(i["message"].split())) for i in document["issues"]]

    return ask


def graph_of(folder):
    with open(os.path.join(folder, "ro-crate-metadata.json")) as f:
        document = json.load(f)
    return {e["@id"]: e for e in document["@graph"]}


def experiment(lab, name, **more):
    ref = lab.add_dataset(name, {"data.csv": "a,b\n1,2\n"})
    if "project" in more:
        lab.rpc("dataset.describe", name=name, set={"personal": False})
        lab.rpc("dataset.grant", name=name, project=more["project"], purpose="experimentation",
                expires_us=int((time.time() + 86400) * 1e6))
    return lab.run(["sh", "-c", 'echo out > "/outputs/résumé 1.csv"; mkdir /outputs/d; echo m > /outputs/d/model; '
                    'echo "{\\"metric\\":\\"auc\\",\\"value\\":0.5}" >&$ENCLOS_METRICS_FD'],
                   datasets=[ref], code={"train.py": "print(1)\n"}, params={"lr": "0.1", "n'om,\"x": "é\n2"}, env={"WHO": "moi"},
                   seed=5, name="essai, « 1 »", git={"commit": "a" * 40, "branch": "main", "dirty": True}, **more)


@pytest.mark.seconds(300)
def test_the_public_validator_accepts_a_run(shared_lab, validate):
    run = experiment(shared_lab, "one")
    folder = os.path.join(shared_lab.top, "one-crate")
    done = shared_lab.cli("export", run.id, "--output", folder, "--publisher", "Un organisme",
                          "--license", "https://creativecommons.org/licenses/by/4.0/")
    assert done.returncode == 0 and "1 run" in done.stderr, done.stderr
    assert os.listdir(folder) == ["ro-crate-metadata.json"], "what it describes stays in the lab"
    assert validate(folder) == []
    # What is only recommended and cannot be: addresses of the web for what stays in a lab, and for an organisation named alone.
    assert {check for _, check, _ in validate(folder, "recommended")} <= {"process-run-crate-0.5_5.1", "ro-crate-1.1_27.1",
                                                                        "ro-crate-1.1_30.2"}
    graph = graph_of(folder)
    action = graph["#" + run.id]
    assert action["@type"] == "CreateAction" and action["name"] == "essai, « 1 »"
    assert action["actionStatus"] == "http://schema.org/CompletedActionStatus" and "error" not in action
    assert graph[action["instrument"]["@id"]]["version"] == run.code
    results = {graph[r["@id"]]["name"]: graph[r["@id"]] for r in action["result"]}
    assert {a.path: a.sha256 for a in run.artifacts} == {n: r["sha256"] for n, r in results.items() if r["@type"] == "File"}
    assert results["auc"]["value"] == 0.5
    objects = {graph[r["@id"]]["name"]: graph[r["@id"]] for r in action["object"]}
    assert objects["one@1"]["identifier"] == run.datasets[0].manifest and objects["lr"]["value"] == "0.1"
    facts = {graph[r["@id"]]["name"]: graph[r["@id"]]["value"] for r in action["additionalProperty"]}
    assert facts["seed"] == 5 and facts["profile_digest"] == run.profile_digest and facts["release"] == os.uname().release
    assert graph[action["environment"][0]["@id"]]["value"] == "moi"


@pytest.mark.seconds(300)
def test_the_public_validator_accepts_failed_and_bare_runs(shared_lab, validate):
    for number, command in enumerate((["true"], ["false"], ["/no/such/program"])):
        run = shared_lab.run(command)
        folder = os.path.join(shared_lab.top, f"bare-{number}")
        assert shared_lab.cli("export", run.id, "-o", folder).returncode == 0
        assert validate(folder) == []
        action = graph_of(folder)["#" + run.id]
        assert ("error" in action) == (run.verdict != "succeeded")


def test_the_validator_of_these_tests_refuses_what_is_wrong(shared_lab, validate):
    run = shared_lab.run("true")
    folder = os.path.join(shared_lab.top, "wrong")
    shared_lab.cli("export", run.id, "-o", folder)
    path = os.path.join(folder, "ro-crate-metadata.json")
    with open(path) as f:
        document = json.load(f)
    for entity in document["@graph"]:
        entity.pop("instrument", None)
    with open(path, "w") as f:
        json.dump(document, f)
    assert validate(folder)


@pytest.mark.seconds(300)
def test_a_project_is_exported_whole(shared_lab, validate):
    shared_lab.rpc("project.create", code="essais", answers={
        "title": {"fr": "Essais"}, "organisation": "Centre", "family": "automation"})
    runs = [experiment(shared_lab, f"set{i}", project="essais") for i in range(3)]
    shared_lab.run("true")  # of no project
    folder = os.path.join(shared_lab.top, "project-crate")
    told = json.loads(shared_lab.cli("export", "essais", "--output", folder, "--json").stdout)
    assert told == {"output": folder, "runs": 3}
    assert validate(folder) == []
    graph = graph_of(folder)
    assert [m["@id"] for m in graph["./"]["mentions"]] == ["#" + r.id for r in runs]
    table = list(csv.DictReader(io.StringIO(shared_lab.cli("export", "essais", "--format", "csv").stdout, newline="")))
    assert [row["run"] for row in table] == [r.id for r in runs]
    row = table[0]
    assert row["name"] == "essai, « 1 »" and row["param.n'om,\"x"] == "é\n2" and row["metric.auc"] == "0.5"
    assert row["verdict"] == "succeeded" and row["git_dirty"] == "true" and row["seed"] == "5" and row["datasets"] == "set0@1"
    lines = [json.loads(line) for line in shared_lab.cli("export", "essais", "--format", "jsonl").stdout.splitlines()]
    assert [line["id"] for line in lines] == [r.id for r in runs] and lines[1]["params"] == runs[1].params
    path = os.path.join(shared_lab.top, "runs.csv")
    assert shared_lab.cli("export", "essais", "--format", "csv", "-o", path).returncode == 0
    with open(path, newline="") as f:
        assert len(list(csv.reader(f))) == 4


def test_a_run_with_more_outputs_than_one_answer_is_exported_whole(shared_lab):
    run = shared_lab.run(["sh", "-c", "for i in $(seq 1200); do echo $i > /outputs/$i.txt; done"], resources={"output_files": 2000})
    folder = os.path.join(shared_lab.top, "many-crate")
    assert shared_lab.cli("export", run.id, "-o", folder).returncode == 0
    assert len([e for e in graph_of(folder).values() if e["@type"] == "File"]) == 1200


def test_export_refuses(shared_lab):
    run = shared_lab.run("true")
    there = os.path.join(shared_lab.top, "there")
    os.makedirs(there)
    for arguments, status, word in [(("export", run.id), 2, "--output"), (("export", run.id, "-o", there), 1, "there already"),
                                    (("export", run.id, "--format", "xml"), 2, "ro-crate"),
                                    (("export", "nothing-here", "--format", "csv"), 1, "no project"),
                                    (("export", "rnothere00", "--format", "csv"), 1, "no run"),
                                    (("export", run.id, "--format", "csv", "--json"), 2, "--output")]:
        done = shared_lab.cli(*arguments)
        assert done.returncode == status and word in done.stderr, (arguments, done.returncode, done.stderr)
    assert os.listdir(there) == []
