"""Projects, experiments and lessons: what people write is kept by version, what freezes, who may, what looks alike."""

import json
import os
import threading

import pytest

import harness
from harness import RpcError

FR = {"LC_ALL": "fr_CA.UTF-8"}
EN = {"LC_ALL": "C.UTF-8"}
WHOLE = {
    "title": {"fr": "Achalandage des urgences", "en": "Crowding of emergency rooms"},
    "summary": {"fr": "Prévoir le nombre de patients qui arrivent à l’urgence chaque jour, quatre semaines d’avance.",
                "en": "Forecast how many patients come to the emergency room each day, four weeks ahead."},
    "organisation": "CHU de Québec",
    "family": "analysis_prediction",
    "sponsor": "Directrice des soins infirmiers",
}
SCIENTIST, OTHER, CURATOR = 62001, 62002, 62003

root_only = pytest.mark.skipif(os.getuid() != 0, reason="needs root: acts as several accounts")


def make(lab, code, **more):
    return lab.rpc("project.create", code=code, answers={**WHOLE, **more})


def experiment(lab, project, name="base", **answers):
    return lab.rpc("experiment.create", project=project, name=name, answers={"title": {"fr": "Base"}, **answers})


def refused(lab, kind, method, **params):
    with pytest.raises(RpcError) as caught:
        lab.rpc(method, **params)
    assert caught.value.kind == kind, caught.value
    return caught.value


def editor(tmp_path, script):
    """A program that changes the text it is given, as a person would."""
    path = tmp_path / "editor"
    path.write_text("#!/bin/sh\nset -e\n" + script)
    path.chmod(0o755)
    return str(path)


# ---- versions ----


def test_every_version_is_kept_with_who_when_why_and_what(shared_lab):
    made = make(shared_lab, "versions")
    assert made.record_version == 1 and made.missing == [] and made.stage == "opportunity"
    changed = shared_lab.rpc("project.edit", code="versions", version=1, reason="plus court",
                             set={"title": {"fr": "Urgences"}, "sponsor": None, "links": ["https://www.quebec.ca/"]})
    assert changed.changed and changed.record_version == 2
    assert changed.answers.title == {"fr": "Urgences", "en": WHOLE["title"]["en"]}
    assert [m.field for m in changed.missing] == ["sponsor"]
    history = shared_lab.rpc("project.history", code="versions").versions
    assert [v.version for v in history] == [2, 1]
    assert history[0].reason == "plus court" and history[0].changed == ["title", "sponsor", "links"]
    assert {"field": "title", "language": "fr", "before": WHOLE["title"]["fr"], "after": "Urgences"} in history[0].differences
    first = shared_lab.rpc("project.get", code="versions", version=1)
    assert first.answers.sponsor == WHOLE["sponsor"] and first.latest_version == 2
    page = shared_lab.rpc("project.history", code="versions", limit=1)
    assert page.versions[0].version == 2 and "before" in page.versions[0].differences[0]
    rest = shared_lab.rpc("project.history", code="versions", limit=1, cursor=page.next_cursor)
    assert [v.version for v in rest.versions] == [1] and rest.next_cursor is None
    entries = [x for x in shared_lab.rpc("audit.list", limit=100).entries if x.subject == "versions"]
    assert [x.action for x in entries] == ["project.changed", "project.created"]
    assert entries[0].detail.version == 2 and entries[0].detail.changed == ["title", "sponsor", "links"]


def test_a_change_from_an_old_version_is_a_conflict_that_tells_both(shared_lab):
    make(shared_lab, "conflict")
    shared_lab.rpc("project.edit", code="conflict", version=1, set={"notes": "a"})
    error = refused(shared_lab, "conflict", "project.edit", code="conflict", version=1, set={"notes": "b"})
    assert "version 2" in error.message and "version 1" in error.message
    assert shared_lab.rpc("project.get", code="conflict").answers.notes == "a"
    same = shared_lab.rpc("project.edit", code="conflict", version=2, set={"notes": "a"})
    assert not same.changed and same.record_version == 2


def test_of_many_changes_at_once_from_one_version_one_is_made(shared_lab):
    make(shared_lab, "race")
    outcomes = []

    def change(n):
        with shared_lab.connect() as rpc:
            try:
                rpc.call("project.edit", code="race", version=1, set={"notes": f"n{n}"})
                outcomes.append("made")
            except RpcError as error:
                outcomes.append(error.kind)

    threads = [threading.Thread(target=change, args=(n,)) for n in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(outcomes) == ["conflict"] * 11 + ["made"]
    assert shared_lab.rpc("project.get", code="race").record_version == 2


@pytest.mark.parametrize(
    "answers, field",
    [
        ({"family": "art"}, "family"),
        ({"title": "x"}, "title"),
        ({"title": {"de": "x"}}, "title"),
        ({"title": {"fr": "x" * 201}}, "title.fr"),
        ({"title": {"fr": "a\nb"}}, "title.fr"),
        ({"links": ["ftp://x/"]}, "links[0]"),
        ({"links": ["https://user:secret@x.ca/"]}, "links[0]"),
        ({"colour": "red"}, "colour"),
        ({"organisation": None}, "organisation"),
    ])
def test_answers_that_the_form_does_not_allow_are_refused_by_field(shared_lab, answers, field):
    error = refused(shared_lab, "invalid", "project.create", code="refused", answers={**WHOLE, **answers})
    assert error.field == field
    refused(shared_lab, "not_found", "project.get", code="refused")


def test_a_retry_with_its_key_makes_one_project(shared_lab):
    params = {"code": "retry", "answers": WHOLE, "idempotency_key": "k-project"}
    assert not shared_lab.rpc("project.create", **params).existed
    assert shared_lab.rpc("project.create", **params).existed
    refused(shared_lab, "conflict", "project.create", code="retry", answers=WHOLE)
    refused(shared_lab, "conflict", "project.create", code="retry2", answers=WHOLE, idempotency_key="k-project")


# ---- stages ----


def test_a_project_passes_from_stage_to_stage_with_a_reason(shared_lab):
    make(shared_lab, "stages")
    refused(shared_lab, "conflict", "project.advance", code="stages", to="pilot", reason="vite")
    refused(shared_lab, "invalid", "project.advance", code="stages", to="assessed")
    for to in ("assessed", "experimenting", "pilot", "published", "stopped"):
        shared_lab.rpc("project.advance", code="stages", to=to, reason=f"pour {to}")
    done = shared_lab.rpc("project.get", code="stages")
    assert [(p["from"], p.to, p.reason) for p in done.passages][0] == ("opportunity", "assessed", "pour assessed")
    assert len(done.passages) == 5 and done.next_stages == [] and done.stage == "stopped"
    refused(shared_lab, "conflict", "project.advance", code="stages", to="assessed", reason="encore")


def test_a_project_that_says_too_little_cannot_be_assessed_but_can_stop(shared_lab):
    shared_lab.rpc("project.create", code="little", answers={"title": {"fr": "Peu"}, "organisation": "MCN"})
    error = refused(shared_lab, "conflict", "project.advance", code="little", to="assessed", reason="a")
    for field in ("title.en", "summary", "family", "sponsor"):
        assert field in error.message
    assert shared_lab.rpc("project.advance", code="little", to="stopped", reason="doublon").stage == "stopped"
    refused(shared_lab, "conflict", "run.submit", command=["true"], project="little")
    refused(shared_lab, "conflict", "experiment.create", project="little", name="x", answers={"title": {"fr": "x"}})


# ---- experiments and runs ----


def test_the_first_run_freezes_the_protocol_and_later_changes_are_shown_as_such(shared_lab):
    make(shared_lab, "frozen")
    experiment(shared_lab, "frozen", question={"fr": "Combien?"})
    assert shared_lab.rpc("experiment.get", project="frozen", name="base").frozen_version is None
    first = shared_lab.submit("true", project="frozen", experiment="base", purpose="research")
    shared_lab.wait(first)
    x = shared_lab.rpc("experiment.get", project="frozen", name="base")
    assert (x.frozen_version, x.first_run, x.runs, x.succeeded, x.after_first_run) == (1, first, 1, 1, False)
    change = {"project": "frozen", "name": "base", "version": 1, "set": {"question": {"fr": "Combien de plus?"}}}
    assert refused(shared_lab, "invalid", "experiment.edit", **change).field == "reason"
    after = shared_lab.rpc("experiment.edit", reason="mal posée", **change)
    assert after.after_first_run and after.record_version == 2 and after.frozen_version == 1
    assert not shared_lab.rpc("experiment.get", project="frozen", name="base", version=1).after_first_run
    second = shared_lab.wait(shared_lab.submit("true", project="frozen", experiment="base"))
    assert (second.experiment_version, second.purpose, second.project) == (2, "experimentation", "frozen")
    assert shared_lab.get(first).experiment_version == 1
    actions = [a.action for a in shared_lab.rpc("audit.list", limit=200).entries if a.subject == "frozen/base"]
    assert actions == ["experiment.changed_after_first_run", "experiment.frozen", "experiment.created"]
    shown = shared_lab.cli("experiment", "show", "frozen/base", env=FR).stdout
    assert "Modifiée après la première exécution" in shown
    told = shared_lab.cli("experiment", "history", "frozen/base", env=EN).stdout
    assert "changed after the first run" in told and "frozen by the first run" in told and "mal posée" in told


def test_what_a_run_names_must_be_there(shared_lab):
    make(shared_lab, "names")
    assert refused(shared_lab, "not_found", "run.submit", command=["true"], project="nowhere").field == "project"
    assert refused(shared_lab, "not_found", "run.submit", command=["true"], project="names", experiment="x").field == "experiment"
    assert refused(shared_lab, "invalid", "run.submit", command=["true"], purpose="fun").field == "purpose"
    personal = shared_lab.get(shared_lab.submit("true", experiment="anything"))
    assert (personal.project, personal.experiment, personal.purpose) == (None, "anything", "experimentation")


def test_a_run_says_its_project_in_options_file_list_and_card(shared_lab, tmp_path):
    make(shared_lab, "cli-runs")
    experiment(shared_lab, "cli-runs")
    (tmp_path / "enclos.jsonc").write_text(
        '{"command": ["true"], "project": "cli-runs", "experiment": "base", "purpose": "training"}')
    done = shared_lab.cli("run", "--detach", cwd=str(tmp_path))
    assert done.returncode == 0, done.stderr
    run = shared_lab.wait(done.stdout.strip())
    assert (run.project, run.experiment, run.purpose) == ("cli-runs", "base", "training")
    done = shared_lab.cli("run", "--detach", "--purpose", "statistics", cwd=str(tmp_path))
    assert shared_lab.wait(done.stdout.strip()).purpose == "statistics"
    card = shared_lab.cli("show", run.id, env=FR).stdout
    assert "cli-runs" in card and "base, version 1 du protocole" in card and "formation du personnel" in card
    listed = shared_lab.cli_json("ps", "--filter", "project = 'cli-runs' AND purpose = 'training'").runs
    assert [r.id for r in listed] == [run.id]
    assert "cli-runs" in shared_lab.cli("ps", "--filter", "project = 'cli-runs'").stdout
    again = shared_lab.wait(shared_lab.rpc("run.rerun", run=run.id).run)
    assert (again.project, again.experiment, again.purpose) == ("cli-runs", "base", "training")


# ---- rights ----


@root_only
def test_members_work_in_their_project_and_others_do_not(lab):
    make(lab, "mien")
    make(lab, "autre")
    lab.grant(SCIENTIST, "scientist", project="mien")
    lab.grant(OTHER, "scientist")  # of the lab: a member of no project
    answers = {"title": {"fr": "x"}}
    assert lab.rpc_as(SCIENTIST, "experiment.create", project="mien", name="e", answers=answers).ref == "mien/e"
    run = lab.rpc_as(SCIENTIST, "run.submit", command=["true"], project="mien", experiment="e").run
    lab.wait(run)
    lesson = lab.rpc_as(SCIENTIST, "lesson.add", project="mien", answers={**answers, "text": {"fr": "y"}, "runs": [run]})
    for uid, project in ((OTHER, "mien"), (SCIENTIST, "autre")):
        for method, params in (("experiment.create", {"project": project, "name": "z", "answers": answers}),
                               ("run.submit", {"command": ["true"], "project": project}),
                               ("lesson.add", {"project": project, "answers": {**answers, "text": {"fr": "y"}}}),
                               ("project.edit", {"code": project, "version": 1, "set": {"notes": "z"}}),
                               ("project.advance", {"code": project, "to": "stopped", "reason": "z"})):
            with pytest.raises(RpcError) as caught:
                lab.rpc_as(uid, method, **params)
            assert caught.value.kind == "denied" and project in caught.value.message, (uid, method, caught.value)
    with pytest.raises(RpcError) as caught:
        lab.rpc_as(OTHER, "lesson.edit", lesson=lesson.lesson, version=1, set={"advice": {"fr": "z"}})
    assert caught.value.kind == "denied"
    # Cards are for whoever has a role; names of members are for members and the lab's.
    assert lab.rpc_as(OTHER, "project.get", code="mien").members is not None
    assert lab.rpc_as(SCIENTIST, "project.get", code="autre").members is None
    assert [m.roles for m in lab.rpc_as(SCIENTIST, "project.get", code="mien").members] == [["scientist"]]
    denied = [x for x in lab.rpc("audit.list", limit=500).entries if x.action == "access.denied"]
    assert {x.actor.uid for x in denied} == {SCIENTIST, OTHER} and len(denied) == 11
    before = lab.rpc("project.get", code="mien")
    assert before.record_version == 1 and before.experiments == 1 and before.lessons == 1


@root_only
def test_a_curator_of_one_project_keeps_that_one(lab):
    make(lab, "mien")
    make(lab, "autre")
    lab.grant(CURATOR, "curator", project="mien")
    assert lab.rpc_as(CURATOR, "project.edit", code="mien", version=1, set={"notes": "n"}).changed
    assert lab.rpc_as(CURATOR, "project.advance", code="mien", to="assessed", reason="r").stage == "assessed"
    for method, params in (("project.edit", {"code": "autre", "version": 1, "set": {"notes": "n"}}),
                           ("project.create", {"code": "neuf", "answers": WHOLE})):
        with pytest.raises(RpcError) as caught:
            lab.rpc_as(CURATOR, method, **params)
        assert caught.value.kind == "denied"


@root_only
def test_a_lesson_names_only_runs_that_its_writer_sees(lab):
    make(lab, "mien")
    lab.grant(SCIENTIST, "scientist", project="mien")
    hidden = lab.submit("true")
    lab.wait(hidden)
    answers = {"title": {"fr": "x"}, "text": {"fr": "y"}, "runs": [hidden]}
    with pytest.raises(RpcError) as caught:
        lab.rpc_as(SCIENTIST, "lesson.add", project="mien", answers=answers)
    assert caught.value.kind == "not_found"
    kept = lab.rpc("lesson.add", project="mien", answers=answers)
    # Another may go on with it: what it names already may stay.
    edited = lab.rpc_as(SCIENTIST, "lesson.edit", lesson=kept.lesson, version=1, set={"runs": [hidden], "text": {"en": "y"}})
    assert edited.record_version == 2
    with pytest.raises(RpcError) as caught:
        lab.rpc_as(SCIENTIST, "lesson.list", run=hidden)
    assert caught.value.kind == "not_found"


# ---- lessons ----


def test_lessons_are_found_by_project_experiment_and_run(shared_lab):
    make(shared_lab, "lessons")
    experiment(shared_lab, "lessons")
    run = shared_lab.wait(shared_lab.submit("true", project="lessons", experiment="base")).id
    refused(shared_lab, "not_found", "lesson.add", project="lessons",
            answers={"title": {"fr": "x"}, "text": {"fr": "y"}, "experiments": ["lessons/none"]})
    assert shared_lab.rpc("lesson.list", project="lessons").lessons == []
    ids = [shared_lab.rpc("lesson.add", project="lessons", answers={
        "title": {"fr": f"Leçon {n}"}, "text": {"fr": "Les lundis diffèrent."}, "themes": ["data"],
        "experiments": ["lessons/base"] if n else [], "runs": [run] if n == 2 else []}).lesson for n in range(3)]
    found = lambda **params: [l.lesson for l in shared_lab.rpc("lesson.list", **params).lessons]  # noqa: E731
    assert found(project="lessons") == ids[::-1]
    assert found(experiment="lessons/base") == [ids[2], ids[1]]
    assert found(run=run) == [ids[2]]
    page = shared_lab.rpc("lesson.list", project="lessons", limit=2)
    assert [l.lesson for l in page.lessons] == ids[:0:-1]
    assert found(project="lessons", limit=2, cursor=page.next_cursor) == ids[:1]
    shared_lab.rpc("lesson.edit", lesson=ids[2], version=1, set={"runs": None})
    assert found(run=run) == []
    refused(shared_lab, "conflict", "lesson.edit", lesson=ids[2], version=1, set={"runs": [run]})


# ---- what looks alike ----


def test_a_near_same_project_of_another_body_is_told_at_creation_and_asked_for(shared_lab):
    shared_lab.rpc("project.create", code="alike-1", answers={
        "title": {"fr": "Caviardage automatique des documents"}, "organisation": "Ministère A", "family": "automation",
        "summary": {"fr": "Masquer les renseignements personnels dans les documents transmis en réponse aux demandes d’accès à l’information."}})
    answers = {"title": {"fr": "Caviarder les documents des demandes d’acces"}, "organisation": "Ministère B", "family": "automation",
               "summary": {"fr": "L’outil masque automatiquement les RENSEIGNEMENTS personnels avant de transmettre les documents demandés."}}
    made = shared_lab.rpc("project.create", code="alike-2", answers=answers)
    assert [s.code for s in made.similar] == ["alike-1"]
    assert made.similar[0].text > 0.56 and made.similar[0].same_family and not made.similar[0].same_organisation
    assert [s.code for s in shared_lab.rpc("project.similar", code="alike-1").similar] == ["alike-2"]
    french = shared_lab.cli("project", "similar", "alike-1", env=FR)
    assert "Possiblement similaire" in french.stdout and "alike-2" in french.stdout and "Ministère B" in french.stdout
    other = shared_lab.rpc("project.edit", code="alike-2", version=1, set={
        "title": {"fr": "Classer les archives"}, "summary": {"fr": "Attribuer un code de classification aux versements."}})
    assert other.similar == []
    assert "Aucun projet ne ressemble" in shared_lab.cli("project", "similar", "alike-1", env=FR).stderr


# ---- the command line ----


def test_a_project_by_hand_in_french(shared_lab):
    made = shared_lab.cli("project", "create", "main", "--title", "Visite au musée", "--organisation", "Musée", env=FR)
    assert made.returncode == 0, made.stderr
    assert "Il manque encore\u00a0: titre (en), résumé, famille de cas d’usage, commanditaire." in made.stdout
    again = shared_lab.cli("project", "create", "main", "--title", "Autre", "--organisation", "Musée", env=FR)
    assert again.returncode == 1 and "il y a déjà un projet main" in again.stderr
    early = shared_lab.cli("project", "advance", "main", "évalué", "--reason", "prêt", env=FR)
    assert early.returncode == 1 and "ne peut devenir évalué" in early.stderr
    done = shared_lab.cli("project", "edit", "main", "--set", "title.en=Museum visits", "--set", "summary.fr=Répondre aux visiteurs.",
                          "--set", "summary.en=Answer visitors.", "--family", "interaction", "--sponsor", "Conservatrice",
                          "--set", "links=https://a.ca/", "--set", "links=https://b.ca/", "--reason", "fiche complète", env=FR)
    assert done.returncode == 0 and "main\u00a0: version 2." in done.stderr and "manque" not in done.stdout, done
    assert shared_lab.cli("project", "advance", "main", "évalué", "--reason", "prêt", env=FR).returncode == 0
    card = shared_lab.cli("project", "show", "main", env=FR).stdout
    for text in ("Visite au musée", "Museum visits", "Interaction avec les usagers", "occasion → évalué", "prêt", "fiche complète",
                 "https://a.ca/, https://b.ca/"):
        assert text in card, (text, card)
    english = shared_lab.cli("project", "show", "main", env=EN).stdout
    assert "Interaction with users" in english and "opportunity → assessed" in english
    listed = shared_lab.cli("project", "list", "--stage", "évalué", env=FR).stdout
    assert "main" in listed and "ÉTAPE" in listed and "Interaction avec les usagers" in listed
    history = shared_lab.cli("project", "history", "main", env=FR).stdout
    assert "commanditaire" in history and "– → Conservatrice" in history
    assert shared_lab.cli_json("project", "show", "main", "--at", "1").record_version == 1
    usage = shared_lab.cli("project", "edit", "main", "--set", "couleur=bleu", env=FR)
    assert usage.returncode == 2 and "le champ couleur n’existe pas" in usage.stderr


def test_the_editor_shows_what_is_asked_and_sends_what_was_written(shared_lab, tmp_path):
    make(shared_lab, "edited", notes="première ligne\n[title.fr]\n// commentaire")
    seen = tmp_path / "seen"
    env = {**FR, "EDITOR": editor(tmp_path, f"""
cp "$1" {seen}
sed -i -e '/^\\[data.fr\\]/a Registre des arrivées' -e '/^\\[reason\\]/a données précisées' "$1"
""")}
    done = shared_lab.cli("project", "edit", "edited", env=env)
    assert done.returncode == 0, done.stderr
    text = seen.read_text()
    for line in ("// Projet edited, version 1", "[title.fr]", "Achalandage des urgences", "[family]", "analysis_prediction",
                 "//   automation  Automatisation", "\\[title.fr]", "\\// commentaire"):
        assert line in text.splitlines(), line
    now = shared_lab.rpc("project.get", code="edited")
    assert now.answers.data == {"fr": "Registre des arrivées"} and now.reason == "données précisées"
    assert now.answers.notes == "première ligne\n[title.fr]\n// commentaire"
    assert shared_lab.rpc("project.history", code="edited").versions[0].changed == ["data"]


def test_an_editor_left_unchanged_or_failing_changes_nothing(shared_lab, tmp_path):
    make(shared_lab, "untouched")
    same = shared_lab.cli("project", "edit", "untouched", env={**EN, "EDITOR": "true"})
    assert same.returncode == 0 and "nothing changed" in same.stderr
    failed = shared_lab.cli("project", "edit", "untouched", env={**EN, "EDITOR": "false"})
    assert failed.returncode == 1 and "nothing is sent" in failed.stderr
    nothing = shared_lab.cli("project", "create", "unborn", env={**EN, "EDITOR": "true"})
    assert nothing.returncode == 1
    refused(shared_lab, "not_found", "project.get", code="unborn")
    assert shared_lab.rpc("project.get", code="untouched").record_version == 1


def test_a_text_that_is_refused_is_kept_and_taken_again(shared_lab, tmp_path):
    make(shared_lab, "kept")
    spoil = editor(tmp_path, "sed -i -e '/^\\[family\\]/{n;s/.*/magie/}' \"$1\"\n")
    env = {**EN, "EDITOR": spoil, "TMPDIR": str(tmp_path)}
    done = shared_lab.cli("project", "edit", "kept", env=env)
    assert done.returncode == 1 and "family" in done.stderr and "--file" in done.stderr
    path = next(tmp_path.glob("enclos-*.txt"))
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text(path.read_text().replace("magie", "environment"))
    again = shared_lab.cli("project", "edit", "kept", "--file", str(path), env=EN)
    assert again.returncode == 0, again.stderr
    assert shared_lab.rpc("project.get", code="kept").answers.family == "environment"
    # Somebody else was quicker: the text is kept too.
    quick = editor(tmp_path, f"""sed -i -e '/^\\[notes\\]/a lent' "$1"
{shared_lab.install}/enclos --socket {shared_lab.socket} project edit kept --set notes=rapide
""")
    late = shared_lab.cli("project", "edit", "kept", env={**env, "EDITOR": quick})
    assert late.returncode == 1 and "version 3" in late.stderr and "version 2" in late.stderr and "--file" in late.stderr
    assert shared_lab.rpc("project.get", code="kept").answers.notes == "rapide"


def test_answers_come_from_a_file_or_standard_input(shared_lab, tmp_path):
    path = tmp_path / "fiche.jsonc"
    path.write_text("// une fiche\n" + json.dumps(WHOLE))
    done = shared_lab.cli("project", "create", "from-json", "--file", str(path), env=EN)
    assert done.returncode == 0, done.stderr
    assert shared_lab.rpc("project.get", code="from-json").missing == []
    words = tmp_path / "fiche.txt"
    words.write_text("[title.fr]\nPar l’entrée standard\n[organisation]\nMCN\n")
    with open(words) as f:
        assert shared_lab.cli("project", "create", "from-stdin", "--file", "-", env=EN, stdin=f).returncode == 0
    assert shared_lab.rpc("project.get", code="from-stdin").answers.title.fr == "Par l’entrée standard"
    both = shared_lab.cli("project", "edit", "from-json", "--file", str(path), "--set", "notes=x", env=EN)
    assert both.returncode == 2
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("// rien\nperdu\n[notes]\nx\n")
    lost = shared_lab.cli("project", "edit", "from-json", "--file", str(wrong), env=EN)
    assert lost.returncode == 2 and "line 2" in lost.stderr


def test_members_are_given_and_taken_by_the_project_command(shared_lab):
    make(shared_lab, "members")
    given = shared_lab.cli("project", "member", "members", "daemon", "scientist", env=FR)
    assert given.returncode == 0 and "daemon a le rôle scientist dans members" in given.stderr
    assert shared_lab.cli_json("project", "member", "members") == [{"kind": "user", "name": "daemon", "roles": ["scientist"]}]
    assert "daemon (scientist)" in shared_lab.cli("project", "show", "members").stdout
    taken = shared_lab.cli("project", "member", "members", "daemon", "scientist", "--remove", env=EN)
    assert taken.returncode == 0
    assert shared_lab.rpc("project.get", code="members").members == []
    assert shared_lab.cli("project", "member", "members", "scientist").returncode == 2
    assert shared_lab.cli("project", "member", "members", "--remove").returncode == 2


def test_an_experiment_and_a_lesson_by_hand(shared_lab):
    make(shared_lab, "hand")
    made = shared_lab.cli("experiment", "create", "hand/base", "--title", "Semaine d’avant", "--question", "Mieux?", env=FR)
    assert made.returncode == 0 and "critère de réussite" in made.stdout
    assert shared_lab.cli("experiment", "create", "hand", "--title", "x").returncode == 2
    run = shared_lab.cli("run", "--detach", "--no-code", "--project", "hand", "--experiment", "base", "--", "true").stdout.strip()
    shared_lab.wait(run)
    late = shared_lab.cli("experiment", "edit", "hand/base", "--set", "stop_rule.fr=Un mois", env=FR)
    assert late.returncode == 1 and "est figée depuis sa première exécution" in late.stderr
    lesson = shared_lab.cli_json("lesson", "add", "hand", "--title", "Lundis", "--text", "Ils diffèrent.", "--theme", "data",
                                 "--theme", "method", "--experiment", "hand/base", "--run", run, env=FR)
    assert lesson.answers.themes == ["data", "method"] and lesson.answers.runs == [run]
    assert lesson.answers.title == {"fr": "Lundis"}
    card = shared_lab.cli("lesson", "show", lesson.lesson, env=FR).stdout
    assert "Données, Méthode" in card and "Ils diffèrent." in card
    assert "Données, Méthode" in shared_lab.cli("lesson", "list", "hand", env=FR).stdout
    assert lesson.lesson in shared_lab.cli("lesson", "list", "hand", "--experiment", "hand/base", env=EN).stdout
    listed = shared_lab.cli("experiment", "list", "hand", env=EN).stdout
    assert "hand/base" in listed and "RUNS" in listed


def test_what_was_acknowledged_survives_a_killed_daemon(lab):
    make(lab, "survivor")
    experiment(lab, "survivor")
    run = lab.submit("true", project="survivor", experiment="base")
    lab.rpc("project.advance", code="survivor", to="assessed", reason="r")
    lab.kill_daemon()
    lab.start_daemon()
    assert lab.rpc("project.get", code="survivor").stage == "assessed"
    assert lab.rpc("experiment.get", project="survivor", name="base").first_run == run
    lab.wait(run)
    assert harness.bag_loads(lab.cli("audit", "verify", "--json").stdout).ok
