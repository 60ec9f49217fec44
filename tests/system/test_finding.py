"""Finding: filters and orders of lists, the feed of changes and a mirror made from it, search, reports."""

import json
import os
import random
import sqlite3
import threading
import time

import pytest

from harness import Deadline, RpcError

GETS = {
    "run": lambda id: ("run.get", {"run": id}),
    "dataset": lambda id: ("dataset.get", {"name": id.split("@")[0], "version": int(id.split("@")[1])}),
    "env": lambda id: ("env.get", {"name": id.split("@")[0], "version": int(id.split("@")[1])}),
    "project": lambda id: ("project.get", {"code": id}),
    "experiment": lambda id: ("experiment.get", {"project": id.split("/")[0], "name": id.split("/")[1]}),
    "lesson": lambda id: ("lesson.get", {"lesson": id}),
}
TITLE = {"fr": "Flux hospitaliers", "en": "Hospital flow"}
METRIC = "import os\nos.write(int(os.environ['ENCLOS_METRICS_FD']), b'{\"metric\":\"auc\",\"value\":%s}\\n')"


def all_pages(lab, method, key, **params):
    rows, cursor = [], None
    while True:
        page = lab.rpc(method, **params, **({"cursor": cursor} if cursor else {}))
        rows += page[key]
        cursor = page.next_cursor
        if not cursor:
            return rows


def project(lab, code):
    lab.rpc("project.create", code=code, answers={"title": TITLE, "organisation": "CHU"})


# ---- filters ----


@pytest.fixture(scope="module")
def listed(shared_lab):
    """Runs with metrics, params and tags to look for."""
    lab = shared_lab
    ids = {}
    for name, auc, model in (("un", 0.91, "rf"), ("deux", 0.5, "rf"), ("trois", 0.95, "Forêt"), ("quatre", None, "lr")):
        command = ["python3", "-c", METRIC % auc] if auc else ["true"]
        run = lab.submit(command, name=name, profile="python", params={"model": model}, tags={"équipe": "A"})
        ids[run] = name
        lab.wait(run)
    return lab, ids


@pytest.mark.parametrize("filter, order, names", [
    ("metrics.auc > 0.9 and params.model = 'rf' and attributes.state = 'finished'", None, ["un"]),
    ("metrics.auc > 0.9", "metrics.auc DESC", ["trois", "un"]),
    ("tags.équipe = 'A'", "metrics.auc", ["deux", "un", "trois", "quatre"]),
    ("metrics.auc IS NULL and tags.équipe LIKE '_'", None, ["quatre"]),
    ("params.model ILIKE 'FORÊT' or name = 'deux'", "name", ["deux", "trois"]),
    ("params.model != 'rf' and verdict = 'succeeded'", "params.model DESC", ["quatre", "trois"]),
    ("name IN ('un', 'deux') and created >= '2020-01-01'", "created", ["un", "deux"]),
])
def test_runs_are_found_by_filter_and_given_in_order(listed, filter, order, names):
    lab, ids = listed
    params = {"filter": filter, **({"order_by": order} if order else {})}
    assert [ids[r.id] for r in lab.rpc("run.list", **params).runs] == names
    assert [ids[r.id] for r in all_pages(lab, "run.list", "runs", limit=1, **params)] == names
    out = lab.cli("ps", "--json", "--filter", filter, *(["--order-by", order] if order else [])).stdout
    assert [ids[r["id"]] for r in json.loads(out)["runs"]] == names


def test_every_list_takes_a_filter(listed):
    lab, _ = listed
    lab.add_dataset("cancer", {"a.csv": b"1\n"})
    assert [d.ref for d in lab.rpc("dataset.list", filter="name LIKE 'canc%' and state = 'sealed'").datasets] == ["cancer@1"]
    assert lab.rpc("dataset.list", filter="quarantined = true").datasets == []
    assert lab.rpc("env.list", filter="source = 'tar'", order_by="size_bytes DESC").environments == []
    entries = all_pages(lab, "audit.list", "entries", filter="action = 'dataset.sealed'", limit=1)
    assert [e.subject for e in entries] == ["cancer@1"]
    project(lab, "LISTE")
    lab.rpc("lesson.add", project="LISTE", answers={"title": TITLE})
    assert [p.code for p in lab.rpc("project.list", filter="title_fr LIKE 'Flux%' and code = 'LISTE'").projects] == ["LISTE"]
    assert lab.cli_json("project", "list", "--filter", "code = 'AUCUN'").projects == []
    assert len(lab.rpc("lesson.list", filter="project = 'LISTE'", order_by="created").lessons) == 1
    assert lab.rpc("experiment.list", filter="frozen = true and project = 'LISTE'").experiments == []
    first = lab.rpc("audit.list", order_by="time", limit=1).entries[0]
    assert first.number <= 2, first


def test_a_wrong_filter_says_where_in_both_languages(listed):
    lab, _ = listed
    with pytest.raises(RpcError) as error:
        lab.rpc("run.list", filter="metrics.auc > 0.9 and stat = 'x'")
    assert "at character 23 of the filter: this list has no attributes.stat" in str(error.value)
    out = lab.cli("--lang", "fr", "ps", "--filter", "metrics.auc >")
    assert out.returncode == 1 and "filter, caractère 14" in out.stderr, out.stderr


# ---- the feed ----


class Mirror:
    """What a platform would do: each page in one transaction with its cursor."""

    def __init__(self, path):
        self.db = sqlite3.connect(path)
        self.db.executescript("CREATE TABLE IF NOT EXISTS object (noun, id, number, json, PRIMARY KEY (noun, id));"
                              "CREATE TABLE IF NOT EXISTS place (one PRIMARY KEY, cursor)")

    def read(self, rpc, **params):
        while True:
            row = self.db.execute("SELECT cursor FROM place").fetchone()
            page = rpc("catalog.changes", **params, **({"cursor": row[0]} if row else {}))
            with self.db:
                numbers = [c.number for c in page.changes]
                assert numbers == sorted(set(numbers))
                for c in page.changes:
                    if c.object is not None:
                        self.db.execute("REPLACE INTO object VALUES (?, ?, ?, ?)",
                                        (c.noun, c.id, c.number, json.dumps(c.object, sort_keys=True)))
                self.db.execute("REPLACE INTO place VALUES (1, ?)", (page.next_cursor,))
            if not page.more:
                return

    def objects(self):
        return {(noun, id): json.loads(text) for noun, id, text in self.db.execute("SELECT noun, id, json FROM object")}


def catalog(lab):
    """All that NOUN.list and NOUN.get show."""
    ids = [("run", r.id) for r in all_pages(lab, "run.list", "runs", limit=1000)]
    ids += [("dataset", d.ref) for d in all_pages(lab, "dataset.list", "datasets")]
    ids += [("env", v.ref) for v in all_pages(lab, "env.list", "environments")]
    ids += [("project", p.code) for p in all_pages(lab, "project.list", "projects")]
    ids += [("experiment", x.ref) for x in all_pages(lab, "experiment.list", "experiments")]
    ids += [("lesson", x.lesson) for x in all_pages(lab, "lesson.list", "lessons")]
    return {(noun, id): lab.rpc(GETS[noun](id)[0], **GETS[noun](id)[1]) for noun, id in ids}


def same(mirror, lab):
    """Equal once nothing goes on; a run that has just ended may still get its last change."""
    deadline = Deadline(20)
    while True:
        mirror.read(lab.rpc)
        got, want = mirror.objects(), catalog(lab)
        for side in (got, want):
            for key, value in side.items():
                if key[0] == "run":
                    value["queue_reason"] = None
        if got == want or deadline.left == 0:
            break
        time.sleep(0.05)
    assert got.keys() == want.keys()
    for key in want:
        assert got[key] == want[key], key
    return want


def test_a_mirror_made_from_the_feed_equals_the_catalog(lab, tmp_path):
    seed = int(os.environ.get("ENCLOS_SEED", random.randrange(1 << 30)))
    print(f"ENCLOS_SEED={seed}")
    dice = random.Random(seed)
    mirror = Mirror(str(tmp_path / "mirror.db"))
    project(lab, "P0")
    projects, experiments, runs, datasets = ["P0"], [], [], []

    def submit():
        where = {}
        if experiments and dice.random() < 0.6:
            where = dict(zip(("project", "experiment"), dice.choice(experiments)))
        auc = dice.random()
        command = dice.choice([["python3", "-c", METRIC % auc], ["false"], ["sleep", "0.2"]])
        runs.append(lab.submit(command, profile="python", params={"p": dice.random()}, **where,
                               datasets=[]))

    def create_project():
        projects.append(f"P{len(projects)}")
        project(lab, projects[-1])

    def create_experiment():
        where = dice.choice(projects)
        name = f"x{len(experiments)}"
        lab.rpc("experiment.create", project=where, name=name, answers={"title": TITLE})
        experiments.append((where, name))

    def edit():
        code = dice.choice(projects)
        version = lab.rpc("project.get", code=code).record_version
        lab.rpc("project.edit", code=code, version=version, set={"notes": str(dice.random())})

    def grant():
        act = dice.choice([lab.grant, lab.revoke])
        try:
            act(65533, "scientist", project=dice.choice(projects))
        except RpcError:
            pass  # is not held

    def dataset_act():
        name = dice.choice(datasets).split("@")[0]
        act = dice.choice(["describe", "describe", "grant", "hand_over", "retire", "version", "verify"])
        try:
            if act == "describe":
                card = lab.rpc("dataset.card", name=name)
                lab.rpc("dataset.describe", name=name, version=card.get("record_version") or 0,
                        set={"title": TITLE, "source": str(dice.random()), "personal": False})
            elif act == "grant":
                lab.rpc("dataset.grant", name=name, project=dice.choice(projects), purpose="statistics",
                        expires_us=int((time.time() + 86400) * 1e6))
            elif act == "hand_over":
                lab.rpc("dataset.hand_over", name=name, to=dice.choice(["root", "nobody"]), reason="test")
            elif act == "retire":
                lab.rpc("dataset.retire", name=name, version=1, reason="old")
            elif act == "version":
                lab.add_dataset(name, {"a": os.urandom(4)})
            else:
                lab.rpc("dataset.verify", name=name, version=1)
        except RpcError as error:
            tried.append((act, str(error)))

    tried = []
    acts = [submit, submit, submit, create_project, create_experiment, edit, grant,
            lambda: datasets.append(lab.add_dataset(f"d{len(datasets)}", {"a": os.urandom(4)})),
            lambda: datasets and dataset_act(), lambda: datasets and dataset_act(),
            lambda: runs and cancel(dice.choice(runs)),
            lambda: lab.rpc("lesson.add", project=dice.choice(projects), answers={"title": TITLE})]

    def cancel(run):
        try:
            lab.rpc("run.cancel", run=run)
        except RpcError:
            pass  # has ended

    for step in range(80):
        dice.choice(acts)()
        if dice.random() < 0.3:
            mirror.read(lab.rpc, limit=dice.choice([1, 3, 500]))
        if step in (20, 40):
            submit()
            lab.kill_daemon()
            lab.start_daemon()
    for run in runs:
        lab.wait(run)
    print(tried)
    assert len(same(mirror, lab)) > 30


def test_a_change_is_told_to_who_waits_for_it(lab):
    start = lab.rpc("catalog.changes", limit=500)
    assert not start.more
    got = []
    with lab.connect(30) as other:
        reader = threading.Thread(target=lambda: got.append(
            other.call("catalog.changes", cursor=start.next_cursor, wait_ms=20000)))
        reader.start()
        time.sleep(0.2)
        began = time.monotonic()
        project(lab, "P1")
        reader.join(20)
        assert time.monotonic() - began < 5
    assert [(c.noun, c.id, c.verb) for c in got[0].changes] == [("project", "P1", "created")]
    began = time.monotonic()
    empty = lab.rpc("catalog.changes", cursor=got[0].next_cursor, wait_ms=300)
    assert empty.changes == [] and empty.next_cursor == got[0].next_cursor
    assert 0.25 < time.monotonic() - began < 10


def test_the_feed_tells_only_what_its_reader_may_see(lab):
    if os.getuid() != 0:
        pytest.skip("needs root, to act as other accounts")
    project(lab, "P1")
    mine = lab.submit("true")
    lab.wait(mine)
    lab.grant(65532, "scientist")
    page = lab.rpc_as(65532, "catalog.changes", limit=500)
    assert mine not in [c.id for c in page.changes] and ("project", "P1") in [(c.noun, c.id) for c in page.changes]
    assert lab.rpc_as(65532, "catalog.changes", cursor=page.next_cursor).changes == []
    lab.grant(65532, "auditor")  # sees all from now on: what is past would be missing
    with pytest.raises(RpcError) as error:
        lab.rpc_as(65532, "catalog.changes", cursor=page.next_cursor)
    assert error.value.kind == "conflict" and "what you may see has changed" in str(error.value)
    assert mine in [c.id for c in lab.rpc_as(65532, "catalog.changes", limit=500).changes]


@pytest.mark.parametrize("cursor, kind", [("x", "invalid"), ("5", "invalid"), ("-1.00000000", "invalid"),
                                          ("99999999.00000000", "conflict"), ("0.00000000", "conflict")])
def test_a_cursor_that_was_not_given_is_refused(shared_lab, cursor, kind):
    with pytest.raises(RpcError) as error:
        shared_lab.rpc("catalog.changes", cursor=cursor)
    assert error.value.kind == kind


# ---- search ----


def test_words_are_found_in_all_that_one_may_see(lab):
    project(lab, "FLUX")
    lab.rpc("lesson.add", project="FLUX", answers={"title": {"fr": "L’écoulement d’hiver trompe", "en": "Winter misleads"}})
    lab.add_dataset("urgences", {"a.csv": b"1\n"})
    run = lab.submit("true", name="Écoulement 1", params={"modèle": "forêt"})
    lab.wait(run)
    hits = lab.rpc("catalog.search", text="ecoulement").hits
    assert [h.noun for h in hits] == ["lesson", "run"]
    assert [p.text for p in hits[1].snippet if p.hit] == ["Écoulement"]
    assert [h.id for h in lab.rpc("catalog.search", text="FORET").hits] == [run]
    assert [h.id for h in lab.rpc("catalog.search", text="hospital flow").hits] == ["FLUX"]
    assert [h.id for h in lab.rpc("catalog.search", text="urg").hits] == ["urgences"]
    out = lab.cli("--lang", "fr", "search", "ecoulement", "hiver").stdout
    assert "leçon" in out and "écoulement" in out and "exécution" not in out
    assert "Rien ne contient tous ces mots." in lab.cli("--lang", "fr", "search", "introuvable").stderr
    if os.getuid() == 0:
        lab.grant(65532, "scientist")
        assert [h.noun for h in lab.rpc_as(65532, "catalog.search", text="ecoulement").hits] == ["lesson"]


def test_a_search_index_that_was_damaged_is_made_anew(lab):
    run = lab.submit("true", name="Écoulement 1")
    lab.wait(run)
    lab.stop_daemon()
    with sqlite3.connect(os.path.join(lab.state, "catalog.db")) as db:
        db.execute("INSERT INTO search (search) VALUES ('delete-all')")
    db.close()
    lab.start_daemon()
    assert lab.rpc("catalog.search", text="ecoulement").hits == []
    answer = lab.cli_json("search", "--rebuild")
    assert answer.was_damaged and answer.entries == 1
    assert [h.id for h in lab.rpc("catalog.search", text="ecoulement").hits] == [run]
    with pytest.raises(RpcError) as error:
        lab.rpc("catalog.search", text="* - !")
    assert error.value.kind == "invalid"


# ---- reports ----


@pytest.fixture(scope="module")
def reported(shared_lab):
    """A project that was tried on data, and one that was stopped. One core of CPU for about a second."""
    lab = shared_lab
    answers = {"title": {"fr": "Flux <b>hospitaliers</b>", "en": "Hospital flow"}, "organisation": "CHU, Québec",
               "portfolio": "Santé", "family": "analysis_prediction", "benefits": {"fr": "=1+1", "en": "shorter waits"}}
    lab.rpc("project.create", code="FLUX", answers=answers)
    lab.rpc("project.create", code="FIN", answers={**answers, "title": {"fr": "Fini", "en": "Over"}})
    lab.rpc("project.advance", code="FIN", to="stopped", reason="no data")
    lab.rpc("experiment.create", project="FLUX", name="x", answers={"title": TITLE})
    lab.add_dataset("urgences", {"a.csv": b"1\n"})
    burn = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass"
    for command in (["python3", "-c", burn], ["false"]):
        lab.wait(lab.submit(command, profile="python", project="FLUX", experiment="x"))
    lab.wait(lab.submit("true", datasets=["urgences@1"], purpose="statistics"))
    return lab


def rows(report, name):
    table = next(t for t in report.tables if t.name == name)
    return [dict(zip(table.columns, row)) for row in table.rows]


def test_the_portfolio_has_the_columns_of_the_portrait(reported):
    out = reported.cli("report", "portfolio", "--format", "csv")
    assert out.returncode == 0, out.stderr
    import csv, io
    lines = list(csv.reader(io.StringIO(out.stdout)))
    assert lines[0] == ["nom", "categorie", "organisme_responsable", "portefeuille_ministeriel", "benefices_associes",
                        "statut"]
    flux = next(line for line in lines if "hospitaliers" in line[0])
    assert flux == ["Flux <b>hospitaliers</b>", "Analyse, prédiction et aide à la décision", "CHU, Québec", "Santé",
                    "'=1+1", "en développement"]  # no formula reaches a spreadsheet
    assert not [line for line in lines if line[0] == "Fini"]
    project = next(p for p in rows(reported.rpc("report.get", kind="portfolio"), "projects") if p["project"] == "FLUX")
    assert (project["runs"], project["succeeded"], project["experiments"], project["people"]) == (2, 1, 1, 1)


def test_energy_is_what_the_formula_gives(reported):
    report = reported.rpc("report.get", kind="environment")
    flux = next(p for p in rows(report, "energy") if p["project"] == "FLUX")
    runs = [r for r in all_pages(reported, "run.list", "runs", filter="project = 'FLUX'")]
    cpu_h = sum(r.cpu_ms for r in runs) / 3600e3
    gb_h = sum(reported.get(r.id).resources.memory_bytes / 1e9 * r.wall_ms for r in runs) / 3600e3
    kwh = (cpu_h * 12 + gb_h * 0.3725) * 1.56 / 1000
    assert flux["cpu_ms"] >= 1000 and flux["energy_kwh"] == pytest.approx(kwh, rel=1e-9)
    assert flux["direct_g"] == pytest.approx(kwh * 1.5) and flux["lifecycle_g"] == pytest.approx(kwh * 29.6)
    alberta = reported.rpc("report.get", kind="environment", region="AB")
    assert next(p for p in rows(alberta, "energy") if p["project"] == "FLUX")["direct_g"] == pytest.approx(kwh * 670)
    assert "estimés et non mesurés" in reported.cli("--lang", "fr", "report", "environment").stdout


def test_accountability_has_every_decision_of_the_period(reported):
    report = reported.rpc("report.get", kind="accountability")
    routine = ("run.submitted", "run.starting", "run.running", "run.finished", "run.connected", "user.first_seen")
    decided = [(e.number, e.action) for e in all_pages(reported, "audit.list", "entries", limit=1000)
               if e.action not in routine]
    assert sorted((d["audit_entry"], d["action"]) for d in rows(report, "decisions")) == sorted(decided)
    assert ("project.advanced" in [a for _, a in decided])
    outcomes = {(o["project"], o["outcome"]): o["runs"] for o in rows(report, "outcomes")}
    assert outcomes[("FLUX", "succeeded")] == 1 and outcomes[("FLUX", "failed")] == 1
    assert rows(reported.rpc("report.get", kind="accountability", to_us=1000), "decisions") == []


def test_data_access_says_who_what_and_by_which_rule(reported):
    uses = rows(reported.rpc("report.get", kind="data-access"), "data")
    use = next(u for u in uses if u["dataset"] == "urgences@1")
    assert (use["purpose"], use["runs"], use["project"]) == ("statistics", 1, "")
    assert use["rule"] in ("custodian", "admin") and use["first_us"] == use["last_us"]


@pytest.mark.parametrize("kind", ["portfolio", "accountability", "data-access", "environment"])
def test_a_page_is_whole_in_both_languages_and_loads_nothing(reported, kind):
    from html.parser import HTMLParser
    page = reported.cli("report", kind, "--format", "html").stdout
    seen, stack = [], []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            seen.append((tag, dict(attributes)))
            if tag not in ("meta", "rect"):
                stack.append(tag)

        def handle_startendtag(self, tag, attributes):
            seen.append((tag, dict(attributes)))

        def handle_endtag(self, tag):
            assert stack.pop() == tag, tag

    Reader().feed(page)
    assert stack == []
    assert [a["lang"] for t, a in seen if t == "section"] == ["fr", "en"]
    assert not [t for t, _ in seen if t in ("script", "link", "img", "iframe", "b")]
    assert not [a for _, a in seen if any(k in ("src", "onload", "onclick") for k in a)]
    assert all(a["href"].startswith("#") for t, a in seen if t == "a")
    charts = [a for t, a in seen if t == "svg"]
    assert all(a["role"] == "img" and a["aria-labelledby"] for a in charts)
    assert len([1 for t, _ in seen if t == "caption"]) == len([1 for t, _ in seen if t == "table"]) >= 2
    assert all(a.get("scope") == "col" for t, a in seen if t == "th")


def test_reports_are_for_curators_and_auditors(reported):
    if os.getuid() != 0:
        pytest.skip("needs root, to act as other accounts")
    reported.grant(65532, "scientist")
    with pytest.raises(RpcError) as error:
        reported.rpc_as(65532, "report.get", kind="portfolio")
    assert error.value.kind == "denied"
