"""rpc.discover's document: valid by OpenRPC's own meta-schema, and true of what the lab answers."""

import copy
import json
import os
import shutil
import subprocess

import harness
import pytest

CHECK = os.path.join(harness.REPO, "tests", "openrpc")


@pytest.fixture(scope="module")
def checker():
    """A folder where OpenRPC's own checker is installed, by npm, in the versions of package.json."""
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("needs node and npm, for OpenRPC's own checker")
    folder = os.path.join(harness.REPO, "build", "openrpc")
    os.makedirs(folder, exist_ok=True)
    wanted = open(os.path.join(CHECK, "package.json")).read()
    kept = os.path.join(folder, "package.json")
    if not os.path.exists(kept) or open(kept).read() != wanted or not os.path.isdir(os.path.join(folder, "node_modules")):
        shutil.copy(os.path.join(CHECK, "package.json"), kept)
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"], cwd=folder,
                       check=True, capture_output=True, timeout=100)
    shutil.copy(os.path.join(CHECK, "check.mjs"), folder)
    return folder


def judged(checker, document, tmp_path):
    path = tmp_path / "document.json"
    path.write_text(json.dumps(document))
    return subprocess.run(["node", "check.mjs", str(path)], cwd=checker, capture_output=True, text=True, timeout=60)


def test_the_document_is_valid_by_the_public_meta_schema(shared_lab, checker, tmp_path):
    document = shared_lab.rpc("rpc.discover")
    done = judged(checker, document, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) == len(document["methods"]) > 40


@pytest.mark.parametrize("harm", ["version", "result", "reference", "member"])
def test_the_checker_refuses_a_document_that_is_wrong(shared_lab, checker, tmp_path, harm):
    document = copy.deepcopy(shared_lab.rpc("rpc.discover"))
    if harm == "version":
        document["openrpc"] = "9.9.9"
    elif harm == "result":
        document["methods"][0]["result"] = "text"
    elif harm == "reference":
        document["methods"][0]["result"]["schema"]["$ref"] = "#/components/schemas/nowhere"
    else:
        document["unknown"] = 1
    assert judged(checker, document, tmp_path).returncode != 0


def test_the_daemon_prints_the_same_document_without_a_lab(shared_lab):
    done = subprocess.run([os.path.join(shared_lab.install, "enclosd"), "discover"], capture_output=True, check=True)
    assert json.loads(done.stdout) == shared_lab.rpc("rpc.discover")
