"""The examples of the method table, executed in a lab: each row has one, it works, and what comes back is what the
table says and the example shows. ENCLOS_GOLDEN=rewrite writes the results anew (orchestrator/examples/)."""

import glob
import json
import os
import subprocess

import harness
import pytest
import schema
from example_world import World

FOLDER = os.path.join(harness.REPO, "orchestrator", "examples")
NOUNS = sorted(os.path.basename(p)[: -len(".json")] for p in glob.glob(os.path.join(FOLDER, "*.json")))
REWRITE = os.environ.get("ENCLOS_GOLDEN") == "rewrite"
SHOWN = 600  # bytes of a value without described members that an example shows


def read(noun):
    with open(os.path.join(FOLDER, noun + ".json"), encoding="utf-8") as f:
        return json.load(f)


def write(noun, examples):
    lines = []
    for method, example in examples.items():
        members = ",\n".join(f"    {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in example.items())
        lines.append(f"  {json.dumps(method)}: {{\n{members}\n  }}")
    with open(os.path.join(FOLDER, noun + ".json"), "w", encoding="utf-8") as f:
        f.write("{\n" + ",\n".join(lines) + "\n}\n")


def shortened(value, method):
    """Long lists end after two elements, long texts and wide maps early: an example is to be read."""
    if method == "rpc.discover":
        return {"openrpc": value["openrpc"], "info": value["info"], "methods": []}
    if isinstance(value, list):
        return [shortened(v, None) for v in value[:2]]
    if isinstance(value, dict):
        kept = {k: shortened(v, None) for k, v in value.items()}
        if len(kept) > 60:
            kept = dict(list(kept.items())[:5])
        return kept
    return value[:160] + "…" if isinstance(value, str) and len(value) > 200 else value


def described(value, described_by, all_schemas):
    """Without what only the machine of the day can say: objects whose members the table does not name are emptied."""
    by = schema.merged(described_by, all_schemas)
    if "anyOf" in by:
        for one in by["anyOf"]:
            if schema.wrong(one, value, all_schemas) is None:
                return described(value, one, all_schemas)
    if isinstance(value, list) and "items" in by:
        return [described(v, by["items"], all_schemas) for v in value]
    if isinstance(value, dict) and by.get("type") == "object":
        if "properties" not in by and "additionalProperties" not in by and len(json.dumps(value)) > SHOWN // 2:
            return {}
        known = by.get("properties", {})
        return {k: described(v, known.get(k, by.get("additionalProperties") or {}), all_schemas) for k, v in value.items()}
    return value


def members(value):
    """The names that a reader of the example relies on, to the second level."""
    if not isinstance(value, dict):
        return set()
    return set(value) | {f"{k}.{n}" for k, v in value.items() if isinstance(v, dict) and v for n in v}


@pytest.mark.parametrize("noun", NOUNS)
def test_examples_work_and_show_what_comes_back(new_lab, noun):
    lab = new_lab()
    lab.start_daemon()
    world, examples = World(lab), read(noun)
    document = lab.rpc("rpc.discover")
    all_schemas = document["components"]["schemas"]
    published = {m["name"]: m for m in document["methods"]}
    for method, example in examples.items():
        assert method in published, f"{noun}.json: there is no method {method}"
        result = world.execute(method, example["params"])
        problem = schema.wrong({"$ref": f"#/{method}"}, json.loads(json.dumps(result)), all_schemas, method)
        assert problem is None, f"the table does not say what came back: {problem}"
        shown = described(shortened(world.sampled(result), method), all_schemas[method], all_schemas)
        if REWRITE:
            example["result"] = shown
            continue
        problem = schema.wrong({"$ref": f"#/{method}"}, example["result"], all_schemas, method)
        assert problem is None, f"the example is not what the table says: {problem}"
        open_members = {m.split(".")[0] for m in members(shown) ^ members(example["result"]) if "." in m}
        top = {m for m in members(shown) ^ members(example["result"]) if "." not in m}
        assert not top, f"{method}: the example and what came back differ in {sorted(top)}"
        assert len(open_members) <= 2, f"{method}: below {sorted(open_members)} the example differs from what came back"
    if REWRITE:
        write(noun, examples)


def test_every_method_has_an_example_that_is_published(shared_lab):
    document = shared_lab.rpc("rpc.discover")
    written = {method: example for noun in NOUNS for method, example in read(noun).items()}
    assert sorted(written) == sorted(m["name"] for m in document["methods"]), "a file of orchestrator/examples/ lacks a method"
    for method in document["methods"]:
        (published,) = method["examples"]
        assert {p["name"]: p["value"] for p in published["params"]} == written[method["name"]]["params"]
        assert published["result"]["value"] == written[method["name"]]["result"]


def test_reference_pages_and_client_types_are_those_of_the_method_table(shared_lab, tmp_path):
    command = [os.path.join(harness.REPO, "scripts", "make-api"), "--check", os.path.join(shared_lab.install, "enclosd")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr + "make api writes them anew"
