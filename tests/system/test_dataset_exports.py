"""enclos dataset export: DCAT and Croissant, judged by public validators (tests/exports/requirements.txt)."""

import hashlib
import json
import os
import subprocess
import sys

import harness
import pytest

EXPORTS = os.path.join(harness.REPO, "tests", "exports")
FILES = {"data.csv": "a,b\n1,2\n", "no tes/été.txt": "é\n", "empty": ""}


@pytest.fixture(scope="module")
def validators():
    """The python of a virtual environment that has the validators, in the versions that are pinned."""
    wanted = open(os.path.join(EXPORTS, "requirements.txt")).read()
    folder = os.path.join(harness.REPO, "build", "exports")
    kept, python = os.path.join(folder, "requirements.txt"), os.path.join(folder, "bin", "python")
    if not os.path.exists(kept) or open(kept).read() != wanted:
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", folder], capture_output=True, text=True)
        if made.returncode != 0:
            pytest.skip(f"needs python3-venv: {made.stdout[-200:]}")
        got = subprocess.run([python, "-m", "pip", "install", "-q", "-r", os.path.join(EXPORTS, "requirements.txt")],
                             capture_output=True, text=True, timeout=110)
        if got.returncode != 0:
            pytest.skip(f"needs the package index: {got.stderr[-300:]}")
        with open(kept, "w") as f:
            f.write(wanted)
    return python


@pytest.fixture(scope="module")
def described(shared_lab):
    shared_lab.add_dataset("ventes", FILES, classification="confidentiel")
    done = shared_lab.cli(
        "--lang", "fr", "dataset", "describe", "ventes", "--title", "Ventes", "--description", "Toutes les ventes.",
        "--organisation", "MCN", "--licence", "CC-BY-4.0", "--contact", "donnees@exemple.qc.ca", "--source",
        "Système V", "--personal", "true", "--pia", "EFVP-1", "--pia-expires", "2027-01-01", "--set", "languages=fr",
        "--set", "keywords=ventes", "--set", "period_from=2020-01-01", "--set", "period_to=2024-12-31")
    assert done.returncode == 0, done.stderr
    assert shared_lab.cli("dataset", "describe", "ventes", "--title", "Sales").returncode == 0
    return shared_lab


def export(lab, kind, ref="ventes@1"):
    done = lab.cli("dataset", "export", ref, "--format", kind)
    assert done.returncode == 0, done.stderr
    # Neither where the lab keeps it, nor any of it.
    assert lab.state not in done.stdout and "/objects/" not in done.stdout and "a,b" not in done.stdout
    return json.loads(done.stdout)


def test_croissant_is_valid_and_tells_each_file(described, validators, tmp_path):
    document = export(described, "croissant")
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(document))
    done = subprocess.run([os.path.join(os.path.dirname(validators), "mlcroissant"), "validate", "--jsonld", str(path)],
                          capture_output=True, text=True, timeout=100)
    assert done.returncode == 0 and "Done." in done.stderr and "error" not in done.stderr, done.stderr[-2000:]
    files = {f["name"]: f for f in document["distribution"]}
    assert {n: f["sha256"] for n, f in files.items()} == {
        n: hashlib.sha256(c.encode()).hexdigest() for n, c in FILES.items()}
    assert all(f["contentUrl"].startswith("enclos:dataset/ventes@1#") for f in files.values())
    assert files["no tes/été.txt"]["contentUrl"] == "enclos:dataset/ventes@1#no%20tes/%C3%A9t%C3%A9.txt"
    assert (files["data.csv"]["encodingFormat"], files["data.csv"]["contentSize"]) == ("text/csv", "8 B")
    # The validator does judge: a digest that is none is refused.
    del document["distribution"][0]["sha256"], document["license"]
    document["distribution"][0]["@type"] = "cr:Nothing"
    path.write_text(json.dumps(document))
    done = subprocess.run([os.path.join(os.path.dirname(validators), "mlcroissant"), "validate", "--jsonld", str(path)],
                          capture_output=True, text=True, timeout=100)
    assert done.returncode != 0 or "error" in done.stderr


SHACL = """
import sys
import pyshacl, rdflib
data = rdflib.Graph().parse(sys.argv[1], format="json-ld")
ok, _, text = pyshacl.validate(data, shacl_graph=sys.argv[2], advanced=True)
print(len(data), text)
sys.exit(0 if ok else 1)
"""


def shacl(validators, document, tmp_path):
    path = tmp_path / "dcat.json"
    path.write_text(json.dumps(document))
    return subprocess.run([validators, "-c", SHACL, str(path), os.path.join(EXPORTS, "dcat-ap.ttl")],
                          capture_output=True, text=True, timeout=100)


def test_dcat_is_valid_by_the_shapes_of_dcat_ap(described, validators, tmp_path):
    document = export(described, "dcat")
    done = shacl(validators, document, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) > 40
    catalog, dataset = document["@graph"]
    assert dataset["@id"] == "enclos:dataset/ventes@1" and catalog["dcat:dataset"]["@id"] == dataset["@id"]
    assert {t["@language"]: t["@value"] for t in dataset["dct:title"]} == {"fr": "Ventes", "en": "Sales"}
    assert dataset["dct:accessRights"]["@id"].endswith("/NON_PUBLIC")
    # The shapes do judge: without a publisher, without a digest.
    for broken in (lambda d: d["@graph"][0].pop("dct:publisher"),
                   lambda d: d["@graph"][1]["dcat:distribution"][0].pop("spdx:checksum"),
                   lambda d: d["@graph"][1].pop("dct:title")):
        copy = json.loads(json.dumps(document))
        broken(copy)
        assert shacl(validators, copy, tmp_path).returncode == 1


def test_what_a_format_requires_is_asked_for_by_name(shared_lab):
    shared_lab.add_dataset("bare", {"a": "1"})
    for kind in ("dcat", "croissant"):
        done = shared_lab.cli("dataset", "export", "bare", "--format", kind)
        assert done.returncode == 1 and "description, licence, organisation" in done.stderr, done
    done = shared_lab.cli("dataset", "export", "bare", "--format", "rdfa")
    assert done.returncode == 2 and "dcat or croissant" in done.stderr
    french = shared_lab.cli("--lang", "fr", "dataset", "export", "bare", "--format", "dcat")
    assert "il manque à la fiche de bare@1" in french.stderr
    manifest = shared_lab.put_files({"a": "2"})
    shared_lab.rpc("dataset.add", name="bare", classification="public", manifest=manifest)
    assert "draft" in shared_lab.cli("dataset", "export", "bare@2", "--format", "dcat").stderr
