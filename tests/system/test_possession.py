"""A digest is known to many: knowing one gives nobody what it stands for."""

import base64
import hashlib
import json
import os

import pytest

import harness
from harness import PLAIN_UID

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="needs root: several accounts in one lab")

SECRET = b"NAM;nom\nTREM12345678;Tremblay\n"


def manifest_of(files):
    entries = [{"mode": "0644", "path": path, "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
               for path, data in sorted(files.items())]
    return json.dumps({"entries": entries, "version": 1}, sort_keys=True, separators=(",", ":")).encode()


def put_as(lab, uid, data):
    sha = hashlib.sha256(data).hexdigest()
    lab.rpc_as(uid, "blob.put_chunk", sha256=sha, total_bytes=len(data), offset=0, data_base64=base64.b64encode(data).decode())
    return sha


def put_file_as(lab, uid, path, sha, size):
    """blob.put with a descriptor, by another account: stored, there, or the kind of its refusal."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        said = "failed"
        try:
            with open(path, "rb") as f:
                os.setgroups([])
                os.setresgid(uid, uid, uid)
                os.setresuid(uid, uid, uid)
                try:
                    said = "stored" if harness.Rpc(lab.socket).call("blob.put", fds=[f.fileno()], sha256=sha, size_bytes=size).stored else "there"
                except harness.RpcError as e:
                    said = e.kind
        finally:
            os.write(into, said.encode())
            os._exit(0)
    os.close(into)
    os.waitpid(child, 0)
    with os.fdopen(out) as f:
        return f.read()


@pytest.fixture
def secret_lab(lab):
    """A confidential dataset of root's, and a scientist and custodian without any grant."""
    lab.add_dataset("secret", {"d.csv": SECRET}, classification="confidentiel")
    for role in ("scientist", "custodian"):
        lab.grant(PLAIN_UID, role)
    return lab


def refused(lab, method, **params):
    with pytest.raises(harness.RpcError) as caught:
        lab.rpc_as(PLAIN_UID, method, **params)
    return caught.value


def kind(error):
    return json.loads(str(error))["data"]["kind"]


def test_the_manifest_of_a_dataset_is_no_code(secret_lab):
    shown = secret_lab.rpc_as(PLAIN_UID, "dataset.get", name="secret")
    error = refused(secret_lab, "run.submit", command=["cat", "d.csv"], code=shown["manifest"])
    assert kind(error) == "not_found" and "has not sent the manifest" in str(error)


@pytest.mark.parametrize("method,params", [
    ("run.submit", {"command": ["cat", "x"], "code": None}),
    ("dataset.add", {"name": "mine", "classification": "public", "manifest": None}),
    ("env.import", {"name": "mine", "source": "folder", "manifest": None}),
])
def test_a_manifest_of_one_s_own_that_names_another_s_object_is_refused(secret_lab, method, params):
    if method == "env.import":
        secret_lab.grant(PLAIN_UID, "platform")
    path = "usr/bin/x" if method == "env.import" else "x"
    manifest = put_as(secret_lab, PLAIN_UID, manifest_of({path: SECRET}))
    before = len(secret_lab.rpc("dataset.list")["datasets"]) + len(secret_lab.rpc("env.list")["environments"])
    error = refused(secret_lab, method, **{key: value or manifest for key, value in params.items()})
    assert kind(error) == "not_found" and hashlib.sha256(SECRET).hexdigest() in str(error)
    assert len(secret_lab.rpc("dataset.list")["datasets"]) + len(secret_lab.rpc("env.list")["environments"]) == before


def test_a_digest_and_a_size_are_no_content(secret_lab, tmp_path):
    """Both are in dataset.files. What the lab has by another must come whole, by either way."""
    sha = hashlib.sha256(SECRET).hexdigest()
    chunk = dict(sha256=sha, total_bytes=len(SECRET), offset=0)
    answer = secret_lab.rpc_as(PLAIN_UID, "blob.put_chunk", data_base64="", **chunk)
    assert not answer["complete"] and answer["received_bytes"] == 0
    other = base64.b64encode(b"x" * len(SECRET)).decode()
    assert kind(refused(secret_lab, "blob.put_chunk", data_base64=other, **chunk)) == "invalid"

    for content, status in ((b"x" * len(SECRET), "invalid"), (b"", "invalid"), (SECRET + b"x", "invalid"), (SECRET, "stored")):
        path = tmp_path / "sent"
        path.write_bytes(content)
        assert put_file_as(secret_lab, PLAIN_UID, path, sha, len(SECRET)) == status
        assert secret_lab.rpc_as(PLAIN_UID, "blob.missing", sha256=[sha])["missing"] == ([] if status == "stored" else [sha])
    assert put_file_as(secret_lab, PLAIN_UID, path, sha, len(SECRET)) == "there"


def test_who_has_the_content_sends_it_and_goes_on(secret_lab):
    sha = hashlib.sha256(SECRET).hexdigest()
    assert secret_lab.rpc_as(PLAIN_UID, "blob.missing", sha256=[sha])["missing"] == [sha]  # as if nobody had it
    assert secret_lab.rpc("blob.missing", sha256=[sha])["missing"] == []
    assert put_as(secret_lab, PLAIN_UID, SECRET) == sha
    assert secret_lab.rpc_as(PLAIN_UID, "blob.missing", sha256=[sha])["missing"] == []
    code = put_as(secret_lab, PLAIN_UID, manifest_of({"x": SECRET}))
    run = secret_lab.rpc_as(PLAIN_UID, "run.submit", command=["cat", "x"], code=code)["run"]
    assert secret_lab.wait(run).verdict == "succeeded"


def test_what_was_given_is_remembered_after_a_kill(secret_lab):
    code = put_as(secret_lab, PLAIN_UID, manifest_of({"x": b"mine\n"}))
    put_as(secret_lab, PLAIN_UID, b"mine\n")
    secret_lab.kill_daemon()
    secret_lab.start_daemon()
    run = secret_lab.rpc_as(PLAIN_UID, "run.submit", command=["cat", "x"], code=code)["run"]
    assert secret_lab.wait(run).verdict == "succeeded"
