"""Environments: root file systems imported from folders, archives and images, and what runs in them see."""

import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile

import pytest

import harness

BUSYBOX = "/bin/busybox"
pytestmark = pytest.mark.skipif(not os.path.exists(BUSYBOX), reason="needs Debian's busybox-static")
TOOLS = ("sh", "true", "sleep", "cat", "ls", "echo", "readlink", "stat", "test", "touch", "find", "sort", "flock", "ln", "mkdir")


def busybox():
    with open(BUSYBOX, "rb") as f:
        return f.read()


def mini(more=None):
    """{path: (kind, content or target, mode)} of a small system: busybox and what stands around it."""
    tree = {
        "usr/bin/busybox": ("file", busybox(), 0o755),
        "bin": ("link", "usr/bin", 0o777),
        "lib": ("link", "/usr/lib", 0o777),
        "usr/lib/os-release": ("file", b'NAME="Mini"\n', 0o644),
        "etc/os-release": ("link", "../usr/lib/os-release", 0o777),
        "usr/share/empty": ("folder", None, 0o755),
        "etc/ssl/certs/ca.pem": ("file", b"certificate\n", 0o644),
        "etc/ssl/private/key.pem": ("file", b"secret\n", 0o600),
        # what runs must never see
        "etc/passwd": ("file", b"secret:x:0:0::/root:/bin/sh\n", 0o644),
        "etc/shadow": ("file", b"secret\n", 0o600),
        "root/.ssh/id": ("file", b"secret\n", 0o600),
        "var/lib/x": ("file", b"x", 0o644),
        **{f"usr/bin/{tool}": ("link", "busybox", 0o777) for tool in TOOLS},
    }
    tree.update(more or {})
    return tree


def as_folder(top, tree):
    for path, (kind, content, mode) in tree.items():
        where = os.path.join(top, path)
        os.makedirs(os.path.dirname(where), exist_ok=True)
        if kind == "folder":
            os.makedirs(where, exist_ok=True)
        elif kind == "link":
            os.symlink(content, where)
        else:
            with open(where, "wb") as f:
                f.write(content)
            os.chmod(where, mode)
    return top


def as_tar(tree, mode="w", prefix="./"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode, format=tarfile.PAX_FORMAT) as tar:
        for path, (kind, content, perm) in tree.items():
            info = tarfile.TarInfo(prefix + path)
            info.mode = perm
            if kind == "file":
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
                continue
            info.type = {"folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE,
                         "device": tarfile.CHRTYPE, "fifo": tarfile.FIFOTYPE}[kind]
            info.linkname = content or ""
            tar.addfile(info)
    return out.getvalue()


class Layout:
    """An OCI image layout, as `skopeo copy` would leave it."""

    def __init__(self, top):
        self.top = top
        os.makedirs(os.path.join(top, "blobs", "sha256"))
        self.manifests = []
        self.write("oci-layout", json.dumps({"imageLayoutVersion": "1.0.0"}).encode())

    def write(self, name, content):
        with open(os.path.join(self.top, name), "wb") as f:
            f.write(content)

    def blob(self, content, media):
        digest = hashlib.sha256(content).hexdigest()
        self.write(f"blobs/sha256/{digest}", content)
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(content)}

    def image(self, layers, tag=None, architecture="amd64", platform=True):
        """layers: [(bytes, "tar" | "tar+gzip" | "tar+zstd")]"""
        config = self.blob(json.dumps({"os": "linux", "architecture": architecture}).encode(),
                           "application/vnd.oci.image.config.v1+json")
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": config,
                    "layers": [self.blob(b, f"application/vnd.oci.image.layer.v1.{kind}") for b, kind in layers]}
        found = self.blob(json.dumps(manifest).encode(), manifest["mediaType"])
        if platform:
            found["platform"] = {"os": "linux", "architecture": architecture}
        if tag:
            found["annotations"] = {"org.opencontainers.image.ref.name": tag}
        self.manifests.append(found)
        self.finish()
        return found["digest"].split(":")[1]

    def finish(self):
        index = {"schemaVersion": 2, "manifests": self.manifests}
        self.write("index.json", json.dumps(index).encode())


def compressed(tool, content):
    if not shutil.which(tool):
        pytest.skip(f"{tool} is not installed")
    return subprocess.run([tool, "-q", "-c"], input=content, capture_output=True, check=True).stdout


def imported(lab, name, source, *options):
    """The answer, and what the person was told."""
    done = lab.cli("env", "import", name, source, *options, "--json")
    assert done.returncode == 0, done.stderr
    return harness.bag_loads(done.stdout)


def refused(lab, name, source, *options):
    done = lab.cli("env", "import", name, source, *options)
    assert done.returncode == 1, f"{done.returncode}: {done.stdout}{done.stderr}"
    assert name not in [v.name for v in lab.rpc("env.list").environments]
    return done.stderr


def ran(lab, run):
    assert run.verdict == "succeeded", (run.verdict, run.reason, run.failed, lab.log(run.id))
    return lab.log(run.id).decode()


@pytest.fixture(params=["root", "rootless"])
def any_lab(request):
    if request.param == "rootless":
        return request.getfixturevalue("plain_lab")
    return request.getfixturevalue("lab")


def source_folder(lab, tree, name="rootfs"):
    top = as_folder(os.path.join(lab.top, name), tree)
    os.chmod(top, 0o755)
    return top


LOOK = """
cat /etc/os-release /etc/passwd /etc/ssl/certs/ca.pem
for p in /usr/bin/python3 /usr/bin/perl /etc/debian_version /etc/shadow /etc/ssl/private /root /home /var /run /boot; do
    test -e $p && echo "SEEN $p"
done
ls /usr/share
test -d /usr/share/empty && echo empty-folder
readlink /bin
readlink /lib
touch /usr/x 2>/dev/null && echo WRITTEN
touch /opt/x 2>/dev/null && echo WRITTEN
touch /work/x /tmp/x /outputs/x && echo own-places
ls /dev | sort
exit 0
"""


def test_a_run_sees_the_environment_and_nothing_of_the_host(any_lab):
    lab = any_lab
    row = imported(lab, "mini", source_folder(lab, mini()), "--title", "Mini")
    assert row.ref == "mini@1" and row.source == "folder" and row.state == "sealed" and not row.existed
    run = lab.run(["sh", "-c", LOOK], environment="mini@1")
    said = ran(lab, run)
    assert 'NAME="Mini"' in said and "secret" not in said and "run:x:1000" in said
    assert "SEEN" not in said and "WRITTEN" not in said
    for line in ("empty-folder", "usr/bin", "usr/lib", "own-places", "certificate"):
        assert line in said.splitlines(), said
    devices = said.split("own-places\n")[1].split()
    assert {"null", "zero", "urandom", "shm"} <= set(devices)
    # The run, its record and the audit log say which it was.
    assert run.environment == {"name": "mini", "version": 1, "ref": "mini@1", "manifest": row.manifest}
    assert run.sandbox.environment == "mini@1" and run.sandbox.environment_digest == row.manifest
    assert run.sandbox.environment_mount in ("overlay", "mount")
    shown = lab.cli("show", run.id)
    assert "mini@1" in shown.stdout and row.manifest[:12] in shown.stdout, shown.stdout
    actions = [(a.action, a.subject) for a in lab.rpc("audit.list").entries]
    assert ("env.imported", "mini@1") in actions
    # The machine's own is the default, and says so.
    own = lab.run(["true"])
    assert own.environment.ref == "host" and own.sandbox.environment == "host"


def test_data_code_outputs_and_metrics_work_in_an_environment(any_lab):
    lab = any_lab
    imported(lab, "mini", source_folder(lab, mini()))
    dataset = lab.add_dataset("d", {"x.csv": b"1,2\n"})
    script = ("cat /data/d/x.csv /work/a.txt; echo kept > /outputs/o.txt; ls /opt/enclos/python/enclos;"
              "echo '{\"metric\":\"m\",\"value\":1}' >&$ENCLOS_METRICS_FD")
    run = lab.run(["sh", "-c", script], environment="mini", code={"a.txt": b"code\n"}, datasets=[dataset])
    said = ran(lab, run)
    assert "1,2" in said and "code" in said and "__init__.py" in said
    assert [a.path for a in run.artifacts] == ["o.txt"] and run.metrics[0].name == "m"


def test_the_mount_table_does_not_tell_where_the_lab_keeps_it(any_lab):
    lab = any_lab
    imported(lab, "mini", source_folder(lab, mini({"opt/tool/x": ("file", b"x", 0o644), "etc/fonts/f": ("file", b"f", 0o644)})))
    run = lab.run(["sh", "-c", "cat /proc/self/mountinfo; cat /opt/tool/x /etc/fonts/f"], environment="mini")
    said = ran(lab, run)
    if run.sandbox.environment_mount == "overlay":
        assert "trees" not in said and "env-" not in said, said
    for line in said.splitlines():
        if " /usr " in line or " /opt/tool " in line or " /etc/fonts " in line:
            flags = line.split()[5].split(",")
            assert {"ro", "nosuid", "nodev"} <= set(flags), line


def test_a_tar_is_the_same_environment_in_every_compression(lab):
    tree = mini({"usr/bin/head": ("hard", "./usr/bin/busybox", 0o755)})
    first = None
    plain = as_tar(tree)
    made = {"x.tar": plain, "x.tar.gz": as_tar(tree, "w:gz"), "x.tar.bz2": as_tar(tree, "w:bz2"),
            "x.tar.xz": as_tar(tree, "w:xz"), "absolute.tar": as_tar(tree, prefix="/")}
    for tool, name in (("zstd", "x.tar.zst"), ("lz4", "x.tar.lz4")):
        if shutil.which(tool):
            made[name] = compressed(tool, plain)
    for name, content in made.items():
        path = os.path.join(lab.top, name)
        with open(path, "wb") as f:
            f.write(content)
        row = imported(lab, "mini", path)
        first = first or row
        assert row.ref == "mini@1" and row.manifest == first.manifest and row.existed == (row is not first), name
    run = lab.run(["head", "-n", "1", "/etc/os-release"], environment="mini@1")
    assert 'NAME="Mini"' in ran(lab, run)
    # From a folder it is the same, too.
    del tree["usr/bin/head"]
    folder = source_folder(lab, tree)
    os.link(os.path.join(folder, "usr/bin/busybox"), os.path.join(folder, "usr/bin/head"))
    assert imported(lab, "mini", folder).existed


def test_without_descriptors_the_bytes_are_sent(lab):
    path = os.path.join(lab.top, "x.tar.gz")
    with open(path, "wb") as f:
        f.write(as_tar(mini(), "w:gz"))
    row = imported(lab, "mini", path, "--no-fd")
    assert 'NAME="Mini"' in ran(lab, lab.run(["cat", "/etc/os-release"], environment=row.ref))


def test_what_is_no_file_or_has_rights_is_told(lab):
    path = os.path.join(lab.top, "x.tar")
    with open(path, "wb") as f:
        f.write(as_tar(mini({
            "usr/bin/su": ("file", b"#!/bin/sh\n", 0o4755), "usr/null": ("device", None, 0o666),
            "usr/pipe": ("fifo", None, 0o666)})))
    done = lab.cli("env", "import", "mini", path)
    assert done.returncode == 0
    for word in ("usr/null", "usr/bin/su", "/root", "/var", "3 names", "etc/passwd"):
        assert word in done.stderr, done.stderr
    french = lab.cli("env", "import", "mini", path, "--lang", "fr")
    assert "laissés de côté" in french.stderr and "retirés" in french.stderr, french.stderr
    run = lab.run(["sh", "-c", "ls -la /usr/bin/su; find /usr -type p -o -type c -o -type b"], environment="mini")
    said = ran(lab, run)
    assert "s" not in said.split()[0] and "pipe" not in said and "null" not in said, said


# ---- images ----


def test_an_image_is_its_layers_with_their_whiteouts(any_lab):
    lab = any_lab
    layout = Layout(os.path.join(lab.top, "image"))
    base = as_tar(mini({"usr/share/gone/a": ("file", b"a", 0o644), "usr/share/cleared/old": ("file", b"old", 0o644),
                        "usr/share/kept": ("file", b"kept", 0o644)}))
    second = as_tar({
        "usr/share/.wh.gone": ("file", b"", 0o644),
        "usr/share/cleared/.wh..wh..opq": ("file", b"", 0o644),
        "usr/share/cleared/new": ("file", b"new", 0o644),
        "usr/lib/os-release": ("file", b'NAME="Mini 2"\n', 0o644),
        "lib/through-the-link": ("file", b"in-usr-lib", 0o644),
        "usr/bin/ash": ("hard", "./usr/bin/busybox", 0o755),
    })
    layers = [(base, "tar"), (gzip.compress(second), "tar+gzip")]
    if shutil.which("zstd"):
        layers.append((compressed("zstd", as_tar({"usr/share/third": ("file", b"3", 0o644)})), "tar+zstd"))
    digest = layout.image(layers)
    row = imported(lab, "mini", layout.top)
    assert row.source == "oci" and row.source_digest == digest
    run = lab.run(["ash", "-c", "cat /etc/os-release; find /usr/share /usr/lib | sort"], environment="mini")
    said = ran(lab, run)
    assert 'NAME="Mini 2"' in said and "/usr/share/cleared/new" in said and "/usr/lib/through-the-link" in said
    assert "/usr/share/kept" in said and "gone" not in said and "cleared/old" not in said and ".wh" not in said
    assert ("/usr/share/third" in said) == (len(layers) == 3)


def test_the_image_is_chosen_by_platform_and_tag(lab):
    layout = Layout(os.path.join(lab.top, "image"))
    layout.image([(as_tar(mini()), "tar")], tag="one")
    layout.image([(as_tar(mini({"usr/two": ("file", b"2", 0o644)})), "tar")], tag="two")
    layout.image([(as_tar(mini()), "tar")], tag="arm", architecture="arm64")
    said = refused(lab, "mini", layout.top)
    assert "one" in said and "two" in said and "--tag" in said
    assert "three" in refused(lab, "mini", layout.top, "--tag", "three")
    assert "linux/amd64" in refused(lab, "mini", layout.top, "--tag", "arm")
    row = imported(lab, "mini", layout.top, "--tag", "two")
    assert "2" in ran(lab, lab.run(["cat", "/usr/two"], environment=row.ref))


def test_an_image_that_lies_is_refused(lab):
    def spoil(change, tag):
        layout = Layout(os.path.join(lab.top, f"image-{tag}"))
        layout.image([(gzip.compress(as_tar(mini())), "tar+gzip")])
        change(layout)
        return refused(lab, "mini", layout.top)

    def layer_of(layout):
        manifest = layout.manifests[0]["digest"].split(":")[1]
        with open(os.path.join(layout.top, "blobs/sha256", manifest)) as f:
            return os.path.join(layout.top, "blobs/sha256", json.load(f)["layers"][0]["digest"].split(":")[1])

    def flip(path, at):
        with open(path, "r+b") as f:
            f.seek(at)
            byte = f.read(1)
            f.seek(at)
            f.write(bytes([byte[0] ^ 1]))

    def other_manifest(layout):
        flip(os.path.join(layout.top, "blobs/sha256", layout.manifests[0]["digest"].split(":")[1]), 5)

    def escape(layout):
        layout.manifests[0]["digest"] = "sha256:../../../etc/passwd"
        layout.finish()

    def link(layout):
        path = layer_of(layout)
        os.rename(path, path + ".real")
        os.symlink(path + ".real", path)

    assert "digest" in spoil(lambda l: flip(layer_of(l), os.path.getsize(layer_of(l)) - 1), "tail")
    assert spoil(lambda l: flip(layer_of(l), os.path.getsize(layer_of(l)) // 2), "middle")
    assert "digest" in spoil(lambda l: open(layer_of(l), "ab").write(b"more"), "longer")
    assert "No such file" in spoil(lambda l: os.unlink(layer_of(l)), "missing")
    assert "digest" in spoil(other_manifest, "manifest")
    assert "sha256" in spoil(escape, "escape")
    assert spoil(link, "link")
    assert spoil(lambda l: l.write("index.json", b"{"), "index")
    assert spoil(lambda l: l.write("oci-layout", b'{"imageLayoutVersion":"9"}'), "version")
    assert lab.rpc("env.list").environments == []


# ---- hostile archives ----

HOSTILE = {
    "upwards": {"../../../../tmp/out": ("file", b"x", 0o644)},
    "upwards inside": {"usr/../../out": ("file", b"x", 0o644)},
    "hard link to the host": {"usr/x": ("hard", "/etc/passwd-of-the-host", 0o644)},
    "hard link upwards": {"usr/x": ("hard", "../../../etc/passwd", 0o644)},
    "link loop": {"usr/a": ("link", "b", 0o777), "usr/b": ("link", "a", 0o777), "usr/a/x": ("file", b"x", 0o644)},
    "usr is a link": {"usr": ("link", "/", 0o777)},
    "bin leads to outputs": {"bin": ("link", "/outputs", 0o777), "usr/x": ("file", b"x", 0o644)},
    "bin is a file": {"bin": ("file", b"x", 0o755), "usr/x": ("file", b"x", 0o644)},
    "nothing to see": {"home/x": ("file", b"x", 0o644)},
    "an image in a tar": {"manifest.json": ("file", b"[]", 0o644), "blobs/x": ("file", b"", 0o644)},
    "a control character": {"usr/a\x1b[2J": ("file", b"x", 0o644)},
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_hostile_archive_is_refused_and_writes_nothing(shared_lab, case):
    lab = shared_lab
    top = os.path.join(lab.top, "hostile")
    os.makedirs(top, exist_ok=True)
    path = os.path.join(top, "x.tar")
    with open(path, "wb") as f:
        f.write(as_tar(HOSTILE[case], prefix=""))
    before = sorted(os.listdir(top))
    said = refused(lab, "hostile", path)
    assert said.startswith("enclos: ") and "\x1b" not in said
    assert sorted(os.listdir(top)) == before and not os.path.exists("/tmp/out")


def test_a_link_in_an_archive_leads_nowhere_but_into_the_tree(lab):
    victim = os.path.join(lab.top, "victim")
    os.makedirs(victim)
    path = os.path.join(lab.top, "x.tar")
    tree = mini({"usr/way": ("link", victim, 0o777), "usr/way/planted": ("file", b"x", 0o644),
                 "usr/etc": ("link", "/etc", 0o777), "usr/etc/fonts/f": ("file", b"mine", 0o644),
                 "usr/out": ("link", "/proc/1/root/etc/shadow", 0o777)})
    with open(path, "wb") as f:
        f.write(as_tar(tree))
    imported(lab, "mini", path)
    assert os.listdir(victim) == []
    run = lab.run(["sh", "-c", "cat /etc/fonts/f; cat /usr/out || echo nothing; ls -la /usr"], environment="mini")
    said = ran(lab, run)
    assert "mine" in said and "nothing" in said


def test_a_bomb_ends_by_its_size_and_in_no_file(lab):
    """A gigabyte of headers' worth of promises is refused at the first one that is too large."""
    path = os.path.join(lab.top, "bomb.tar.gz")
    info = tarfile.TarInfo("usr/bomb")
    info.size = 65 << 30
    with gzip.open(path, "wb") as f:
        f.write(info.tobuf(format=tarfile.GNU_FORMAT))
        f.write(b"\0" * (1 << 20))
    said = refused(lab, "bomb", path)
    assert "64" in said and "GiB" in said, said


def test_links_do_not_decide_where_the_sandbox_mounts(runner):
    """What the lab would refuse to import, given to the runner by a lab that was taken over."""
    for number, (name, target) in enumerate([("usr", "/"), ("bin", "/outputs"), ("lib64", "../../outputs"), ("etc", "/proc"),
                                             ("opt", "/dev")]):
        tree = runner.tree(f"env{number}", {} if name == "usr" else {"usr/bin/busybox": (busybox(), 0o500)})
        os.symlink(target, os.path.join(tree, name))
        run = runner.run(["/usr/bin/busybox", "true"], spec_changes={
            "environment": {"name": "bad@1", "digest": "a" * 64, "path": tree}})
        # A /usr that is no folder of the environment's is an empty one; nothing else is followed.
        assert run.verdict in ("setup_failed", "exec_failed"), (name, run.describe())
        assert run.verdict == "exec_failed" or run.failed.step == "mount_system", run.failed


def test_the_places_of_the_sandbox_are_its_own(runner):
    tree = runner.tree("env", {
        "usr/bin/busybox": (busybox(), 0o500), "dev/null": b"mine", "proc/1/x": b"mine", "tmp/x": b"mine",
        "data/d/x.csv": b"mine", "work/x": b"mine", "outputs/x": b"mine", "etc/passwd": b"mine", "opt/a/x": b"1"})
    for name in ("dev2", "sys"):
        os.symlink("/", os.path.join(tree, name))
    run = runner.run(["/usr/bin/busybox", "sh", "-c", "busybox find /dev /tmp /data /work /outputs -type f; "
                      "busybox ls / /opt; busybox cat /etc/passwd /data/d/x.csv; busybox stat -c %F /dev/null"],
                     datasets={"d": {"x.csv": b"theirs"}}, env={"PATH": "/usr/bin"},
                     spec_changes={"environment": {"name": "odd@1", "digest": "a" * 64, "path": tree}})
    assert run.verdict == "succeeded", run.describe()
    said = run.stdout.decode()
    assert "mine" not in said and "theirs" in said and "character special file" in said and "dev2" not in said, said


def test_the_tree_must_be_the_labs(root_runner):
    tree = root_runner.tree("env", {"usr/bin/busybox": (busybox(), 0o500)})
    os.chown(tree, harness.PLAIN_UID, harness.PLAIN_UID)
    run = root_runner.run(["/usr/bin/busybox", "true"], spec_changes={
        "environment": {"name": "x@1", "digest": "a" * 64, "path": tree}})
    assert run.verdict == "setup_failed" and run.failed.step == "mount_sources", run.describe()


# ---- versions ----


def test_versions_stand_side_by_side_and_are_retired_when_unused(lab):
    imported(lab, "mini", source_folder(lab, mini(), "one"))
    second = imported(lab, "mini", source_folder(lab, mini({"usr/lib/os-release": ("file", b"NAME=Second\n", 0o644)}), "two"))
    assert second.ref == "mini@2"
    old = lab.submit(["sh", "-c", "echo ready; until test -e /outputs/never; do cat /etc/os-release; done"],
                     environment="mini@1", resources={"log_bytes": 65536})
    lab.wait_log(old, b'NAME="Mini"')
    assert "NAME=Second" in ran(lab, lab.run(["cat", "/etc/os-release"], environment="mini"))
    assert "NAME=" in ran(lab, lab.run(["cat", "/etc/os-release"], environment="mini@1"))
    done = lab.cli("env", "retire", "mini@1")
    assert done.returncode == 1 and old in done.stderr, done.stderr
    french = lab.cli("env", "retire", "mini@1", "--lang", "fr")
    assert "utilisé" in french.stderr, french.stderr
    lab.rpc("run.cancel", run=old)
    lab.wait(old)
    assert lab.cli("env", "retire", "mini@1", "--reason", "old").returncode == 0
    with pytest.raises(harness.RpcError) as wrong:
        lab.submit(["true"], environment="mini@1")
    assert wrong.value.kind == "conflict" and "retired" in wrong.value.message
    assert lab.get(old).environment.ref == "mini@1"
    assert lab.rpc("env.get", name="mini", version=1).state == "retired"
    listed = lab.cli("env", "list").stdout
    assert "mini@2" in listed and "retired" in listed


def test_wrong_references_are_refused(lab):
    for ref, kind in (("none@1", "not_found"), ("none", "not_found"), ("../x", "invalid"), ("host@1", "invalid"),
                      ("a@b", "invalid"), ("", "invalid")):
        with pytest.raises(harness.RpcError) as wrong:
            lab.submit(["true"], environment=ref)
        assert wrong.value.kind == kind and wrong.value.field == "environment", (ref, wrong.value)
    assert lab.cli("env", "import", "host", "/").returncode == 2
    with pytest.raises(harness.RpcError) as wrong:
        lab.rpc("env.import", name="host", source="tar", manifest="a" * 64)
    assert wrong.value.field == "name"


def test_the_lab_takes_no_manifest_that_runs_would_mount_elsewhere(lab):
    """By the API, past what the command line would make."""
    def entries(*list_):
        text = json.dumps({"entries": list(list_), "version": 1}, sort_keys=True, separators=(",", ":")).encode()
        return lab.put_blob(text)

    blob = lab.put_blob(b"x")
    file = {"mode": "0755", "sha256": blob, "size": 1}
    for bad in ([{**file, "path": "dev/null"}], [{**file, "path": "etc/passwd"}], [{"link": "/outputs", "path": "bin"}],
                [{"link": "x", "path": "usr"}], [{**file, "path": "opt/enclos/x"}], [{"folder": True, "path": "proc"}],
                [{**file, "path": "bin"}], [{"folder": True, "path": "opt/x"}],
                [{"folder": True, "path": f"opt/{n:03}"} for n in range(99)] + [{**file, "path": "usr/x"}]):
        with pytest.raises(harness.RpcError) as wrong:
            lab.rpc("env.import", name="bad", source="tar", manifest=entries(*bad))
        assert wrong.value.kind in ("invalid", "limit"), wrong.value
    missing = entries({"mode": "0755", "path": "usr/x", "sha256": "b" * 64, "size": 1})
    with pytest.raises(harness.RpcError) as wrong:
        lab.rpc("env.import", name="bad", source="tar", manifest=missing)
    assert wrong.value.kind == "conflict" and "usr/x" in wrong.value.message
    linked = entries({"link": "x", "path": "a"}, {**file, "path": "usr/x"})
    with pytest.raises(harness.RpcError) as wrong:
        lab.rpc("dataset.add", name="d", classification="public", manifest=linked)
    assert wrong.value.kind == "invalid"
    with pytest.raises(harness.RpcError) as wrong:
        lab.submit(["true"], code=linked)
    assert wrong.value.kind == "invalid"
    assert lab.rpc("env.list").environments == []


def test_options_and_the_file_name_it(lab):
    imported(lab, "mini", source_folder(lab, mini()))
    code = os.path.join(lab.top, "code")
    os.makedirs(code)
    with open(os.path.join(code, "enclos.jsonc"), "w") as f:
        f.write('{"command": ["cat", "/etc/os-release"], "environment": "mini@1", "resources": {"memory": "64M"}}')
    done = lab.cli("run", cwd=code)
    assert done.returncode == 0 and 'NAME="Mini"' in done.stdout and "mini@1" in done.stderr, done.stderr
    done = lab.cli("run", "--environment", "host", cwd=code)
    assert 'NAME="Mini"' not in done.stdout
    done = lab.cli("run", "--env", "mini", "--env", "A=from-env", "--no-code", "--", "sh", "-c", "echo $A; cat /etc/os-release")
    assert "from-env" in done.stdout and 'NAME="Mini"' in done.stdout, done.stderr


def test_what_is_missing_is_said(lab):
    tree = mini({"usr/bin/script": ("file", b"#!/usr/bin/python3\n", 0o755)})
    with open("/bin/true", "rb") as f: # a program whose loader is not there
        tree["usr/bin/dynamic"] = ("file", f.read(), 0o755)
    imported(lab, "mini", source_folder(lab, tree))
    for command, words in ((["python3", "x.py"], ("python3 is not in the environment mini@1",)),
                           (["/usr/bin/none"], ("/usr/bin/none is not in the environment mini@1",)),
                           (["dynamic"], ("dynamic is there", "loader", "mini@1"))):
        run = lab.run(command, environment="mini@1")
        assert run.verdict == "exec_failed", run
        for word in words:
            assert word in run.failed.hint, run.failed
    run = lab.run(["script"], environment="mini@1")
    assert run.verdict == "exec_failed" and "/usr/bin/python3" in run.failed.message, run.failed
    done = lab.cli("run", "--env", "mini", "--no-code", "--lang", "fr", "--", "python3", "x")
    assert "n’est pas dans l’environnement mini@1" in done.stderr, done.stderr


# ---- integrity ----


def tree_of(lab, row):
    return os.path.join(lab.state, "trees", f"env-{row.manifest}")


def test_an_environment_that_was_changed_is_not_used(lab):
    row = imported(lab, "mini", source_folder(lab, mini()))
    ran(lab, lab.run(["true"], environment="mini"))
    changed = os.path.join(tree_of(lab, row), "usr/bin/busybox")
    os.chmod(changed, 0o700)
    with open(changed, "ab") as f:
        f.write(b"more")
    os.chmod(changed, 0o500)
    run = lab.run(["sh", "-c", "echo started"], environment="mini@1")
    assert run.verdict == "setup_failed" and run.failed.step == "environment_verify", run.failed
    assert "usr/bin/busybox" in run.failed.message
    doctor = lab.cli("doctor")
    assert doctor.returncode == 1 and "the environment mini@1 is in quarantine" in doctor.stdout, doctor.stdout
    row = lab.rpc("env.get", name="mini", version=1)
    assert row.quarantined and "busybox" in row.quarantine_reason
    with pytest.raises(harness.RpcError) as wrong:
        lab.submit(["true"], environment="mini@1")
    assert wrong.value.kind == "conflict" and "quarantine" in wrong.value.message
    # Imported again, it is a new version whose tree was built anew, and works.
    again = imported(lab, "mini", os.path.join(lab.top, "rootfs"))
    assert again.ref == "mini@2" and not again.existed
    ran(lab, lab.run(["true"], environment="mini"))


def test_a_change_while_a_run_goes_is_found_after_it(lab):
    row = imported(lab, "mini", source_folder(lab, mini()))
    run = lab.submit(["sh", "-c", "echo ready; while test ! -e /tmp/x; do sleep 0.05; done"], environment="mini")
    lab.wait_log(run, b"ready")
    os.symlink("busybox", os.path.join(tree_of(lab, row), "usr/bin/planted"))
    lab.rpc("run.cancel", run=run)
    run = lab.wait(run)
    assert run.failed and run.failed.step == "environment_verify_after", run
    assert lab.rpc("env.get", name="mini").quarantined
    shown = lab.cli("show", run.id)
    assert "do not rely" in shown.stdout, shown.stdout


def test_a_tree_that_is_gone_is_built_again_after_a_restart(lab):
    row = imported(lab, "mini", source_folder(lab, mini()))
    lab.stop_daemon()
    shutil.rmtree(tree_of(lab, row))
    lab.start_daemon()
    run = lab.run(["cat", "/etc/os-release"], environment="mini@1")
    assert 'NAME="Mini"' in ran(lab, run)
    assert stat.S_IMODE(os.stat(os.path.join(tree_of(lab, row), "usr/bin/busybox")).st_mode) == 0o500
