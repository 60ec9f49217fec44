"""The laboratory in which the method table's examples are true: what their sample values stand for.

An example is written with sample values, as r0v7z6d4a0catb for a run. Before it is executed each sample is
replaced by what stands for it here, and what came back is written with the samples again.
"""

import hashlib
import json
import os
import re
import tempfile
import time

RUN, OTHER = "r0v7z6d4a0catb", "r0v7zk2m9q41ws"
CODE = "4f1b5c0e7d9a2b3c8e6f0a1d2c3b4e5f60718293a4b5c6d7e8f9012345678abc"
MANIFEST = "7a38bfc1d09e54f2ab6c3e8d1f20495867a1b2c3d4e5f60718293a4b5c6d7e8f"
LESSON, TOKEN, SECRET = "l3k9x", "t3k9x", "encl_not-a-token"
TITLE = {"title": {"fr": "Seuils"}}
EXPIRES = 1803340800000000  # in ninety days
DATA = b"id,tumour\n1,benign\n"
TRAIN = """import enclos, time
print("200 trees")
enclos.log_metric("auc", 0.97)
open("/outputs/result.txt", "w").write("0.97\\n")
"""


class World:
    def __init__(self, lab):
        self.lab = lab
        self.stands = {}  # sample: what it stands for
        self.code = lab.put_files({"train.py": TRAIN})
        self.data = lab.put_files({"data.csv": DATA})
        self.stands[CODE], self.stands[MANIFEST] = self.code, self.data
        self.stands[EXPIRES] = int(time.time() + 90 * 86400) * 1000000

    def call(self, method, **params):
        return self.lab.rpc(method, **params)

    def real(self, value):
        """An example's params, with what its samples stand for."""
        text = json.dumps(value)
        for sample, real in self.stands.items():
            text = text.replace(json.dumps(sample), json.dumps(real))
        return json.loads(text)

    def sampled(self, value):
        """What came back, as the example shows it."""
        text = json.dumps(value, ensure_ascii=False)
        for sample, real in self.stands.items():
            text = text.replace(str(real), str(sample))
        text = re.sub("encl_[0-9a-f]{20,}", SECRET, text)
        text = text.replace(self.lab.state, "/var/lib/enclos").replace(self.lab.install, "/usr/bin").replace(self.lab.top, "/srv/lab")
        return json.loads(text)

    # -- what there must be before

    def project(self):
        if "tri-postal" not in [p.code for p in self.call("project.list").projects]:
            self.call("project.create", code="tri-postal", answers={
                "title": {"fr": "Tri du courrier", "en": "Sorting of mail"}, "organisation": "Ministère du Courrier",
                "family": "automation"})

    def experiment(self):
        self.project()
        if not self.call("experiment.list", project="tri-postal").experiments:
            self.call("experiment.create", project="tri-postal", name="seuils", answers=TITLE)

    def dataset(self):
        if not self.call("dataset.list").datasets:
            self.call("dataset.add", name="cancer-du-sein", title="Wisconsin breast tumours",
                      classification="confidentiel", manifest=self.data)

    def sealed(self):
        self.dataset()
        self.call("dataset.seal", name="cancer-du-sein", version=1)

    def described(self):
        self.sealed()
        self.call("dataset.describe", name="cancer-du-sein", set={"title": {"fr": "Tumeurs du sein"}, "personal": False})

    def profiled(self):
        self.lab.wait(self.call("dataset.quality_get", name="cancer-du-sein", version=1).run)

    def two_versions(self):
        if self.call("dataset.get", name="cancer-du-sein").version == 1:
            manifest = self.lab.put_files({"data.csv": DATA + b"2,malignant\n", "README": "two rows\n"})
            self.call("dataset.add", name="cancer-du-sein", classification="confidentiel", manifest=manifest)

    def spoiled(self):
        """A version that a check found changed, and whose file was sent again."""
        digest = hashlib.sha256(DATA).hexdigest()
        path = os.path.join(self.lab.state, "objects", digest[:2], digest[2:])
        os.chmod(path, 0o600)
        with open(path, "r+b") as f:
            f.write(b"X")
        assert not self.call("dataset.verify", name="cancer-du-sein", version=1).ok
        self.lab.put_blob(DATA)

    def granted(self):
        self.experiment()
        self.sealed()
        self.call("dataset.describe", name="cancer-du-sein", set={"title": {"fr": "Tumeurs"}, "personal": False})
        self.call("dataset.grant", name="cancer-du-sein", project="tri-postal", expires_us=self.stands[EXPIRES])

    def environment(self):
        if not self.call("env.list").environments:
            self.stands[MANIFEST] = self.lab.put_files({"usr/bin/true": (b"\x7fELF", "0755")})
            self.call("env.import", name="debian", title="Debian 12", source="folder", manifest=self.stands[MANIFEST])

    def before_an_import(self):
        self.stands[MANIFEST] = self.lab.put_files({"usr/bin/true": (b"\x7fELF", "0755")})

    def trained(self, sample=RUN):
        self.stands[sample] = self.lab.run(["python3", "train.py"], code=self.code, profile="python").id

    def two_runs(self):
        self.trained()
        self.trained(OTHER)

    def going(self):
        self.stands[RUN] = self.lab.submit("sleep 100")
        self.lab.wait_running(self.stands[RUN])

    def shell(self):
        self.stands[RUN] = self.lab.submit("sh", interactive={"kind": "shell"})
        self.lab.wait_running(self.stands[RUN])

    def notebook(self):
        listen = ("import socket\ns = socket.create_server(('127.0.0.1', 8888))\nprint('ready', flush=True)\n"
                  "while True: s.accept()\n")
        self.stands[RUN] = self.lab.submit(["python3", "-c", listen], profile="jupyter", interactive={"kind": "notebook"})
        self.lab.wait_log(self.stands[RUN], b"ready")

    def watched(self):
        self.going()
        self.call("run.watch", run=self.stands[RUN])

    def lesson(self):
        self.experiment()
        self.stands[LESSON] = self.call("lesson.add", project="tri-postal", answers={"title": {"fr": "Étiquettes"}}).lesson

    def held(self):
        self.trained()
        self.call("hold.add", subject=self.stands[RUN], reason="a lawsuit")

    def service(self):
        self.call("user.grant", service="catalogue-miroir", role="platform")

    def token(self):
        self.service()
        made = self.call("token.create", service="catalogue-miroir", title="mirror of the catalog")
        self.stands[TOKEN], self.stands[SECRET] = made.token, made.secret

    # -- what an example needs, by method; what is not here needs nothing

    def prepare(self, method):
        needs = {
            "rpc.unsubscribe": self.watched, "run.submit": self.granted, "run.diff": self.two_runs,
            "run.cancel": self.going, "run.attach": self.shell, "run.connect": self.notebook,
            "dataset.seal": self.dataset, "dataset.get": self.sealed, "dataset.list": self.sealed,
            "dataset.diff": self.two_versions, "dataset.grant": self.project, "dataset.unquarantine": self.spoiled,
            "catalog.search": self.described, "dataset.quality_get": self.profiled,
            "env.import": self.before_an_import, "env.get": self.environment, "env.list": self.environment,
            "env.retire": self.environment, "audit.list": self.trained,
            "project.get": self.project, "project.list": self.project, "project.edit": self.project,
            "project.advance": self.project, "project.history": self.project, "project.similar": self.project,
            "experiment.create": self.project, "experiment.get": self.experiment, "experiment.list": self.experiment,
            "experiment.edit": self.experiment, "experiment.history": self.experiment,
            "lesson.add": self.experiment, "lesson.get": self.lesson, "lesson.list": self.lesson, "lesson.edit": self.lesson,
            "lesson.history": self.lesson, "user.list": self.service, "user.revoke": self.service,
            "user.authenticate": self.token, "token.create": self.service, "token.list": self.token, "token.revoke": self.token,
            "hold.add": self.trained, "hold.lift": self.held, "lineage.get": self.trained, "hold.list": self.held,
        }
        if method in needs:
            needs[method]()
        elif method.startswith("run.") and method != "run.list":
            self.trained()
        elif method == "run.list":
            self.trained()

    def execute(self, method, params):
        """The result of the example, executed here; descriptors that go or come are seen to."""
        self.prepare(method)
        params = self.real(params)
        fds = []
        if method == "blob.put":
            held = tempfile.TemporaryFile()
            held.write(b"foo")
            held.flush()
            fds = [held.fileno()]
        if method == "lab.backup":
            held = tempfile.TemporaryFile()
            fds = [held.fileno()]
        if method == "user.authenticate":  # the connection is another's afterwards
            with self.lab.connect() as connection:
                return connection.call(method, **params)
        result = self.lab.rpc(method, fds=fds, rpc_timeout=90, **params)
        if method in ("run.attach", "run.connect"):
            assert len(self.lab._rpc.received) == 1, "no descriptor came"
            os.close(self.lab._rpc.received.pop())
        if method in ("run.attach", "run.connect"):
            self.lab.rpc("run.cancel", run=params["run"])
        return result
