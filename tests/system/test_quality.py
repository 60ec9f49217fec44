"""Profiles of datasets: what the profiler finds and never tells, from a dirty file to the catalog; figures against pandas'."""

import glob
import json
import os
import random
import re
import subprocess

import pytest

import harness

R = random.Random(5)


def luhn_digit(digits):
    for k in "0123456789":
        total = 0
        for i, c in enumerate(reversed(digits + k)):
            v = int(c) * (2 if i % 2 else 1)
            total += v - 9 if v > 9 else v
        if total % 10 == 0:
            return k


def nas():
    d = str(R.randint(1, 7)) + "".join(str(R.randint(0, 9)) for _ in range(7))
    d += luhn_digit(d)
    return f"{d[:3]} {d[3:6]} {d[6:]}"


def nam():
    letters = "".join(R.choice("ABCDEFGLMNPRST") for _ in range(4))
    return f"{letters} {R.randint(32, 99):02}{R.randint(1, 12) + 50 * R.randint(0, 1):02} {R.randint(1, 28):02}{R.randint(0, 99):02}"


def code_permanent():
    letters = "".join(R.choice("ABCDEFGLMNPRST") for _ in range(4))
    return f"{letters}{R.randint(1, 28):02}{R.randint(1, 12):02}{R.randint(32, 99):02}{R.randint(0, 99):02}"


def permis():
    return f"T{R.randint(1000, 9999)}-{R.randint(1, 28):02}{R.randint(1, 12):02}{R.randint(50, 99)}-{R.randint(10, 99)}"


def card():
    d = "4" + "".join(str(R.randint(0, 9)) for _ in range(14))
    d += luhn_digit(d)
    return " ".join(d[i : i + 4] for i in range(0, 16, 4))


def postal():
    return f"{R.choice('GHJ')}{R.randint(0, 9)}{R.choice('ABCE')} {R.randint(0, 9)}{R.choice('ABCE')}{R.randint(0, 9)}"


ROWS = 400
# column: (values, what is to be found, in how many cells)
SEEDED = {
    "NAM": ([nam() for _ in range(ROWS)], "nam"),
    "nas_employe": ([nas() for _ in range(ROWS)], "nas"),
    "Code permanent": ([code_permanent() for _ in range(ROWS)], "permanent_code"),
    "ref_a": ([permis() for _ in range(ROWS)], "driver_licence"),
    "ref_b": ([card() for _ in range(ROWS)], "payment_card"),
    "ref_c": ([postal() for _ in range(ROWS)], "postal_code"),
    "ref_d": ([f"({R.choice(['418', '514'])}) 555-{R.randint(0, 9999):04}" for _ in range(ROWS)], "phone"),
    "ref_e": ([f"usager{i}@exemple.qc.ca" for i in range(ROWS)], "email"),
    "ref_f": ([f"10.{R.randint(0, 255)}.{R.randint(0, 255)}.{R.randint(1, 254)}" for _ in range(ROWS)], "ip_address"),
    "Né le": ([f"{R.randint(1940, 2005)}-{R.randint(1, 12):02}-{R.randint(1, 28):02}" for _ in range(ROWS)], "birth_date"),
}


def dirty():
    """Latin-1, semicolons, decimal commas, CRLF; one NAM alone in a column of remarks."""
    lone = nam()
    names = list(SEEDED) + ["Montant", "Remarque"]
    lines = [";".join(names)]
    for i in range(ROWS):
        remark = f"Côté: appeler {lone} demain" if i == 123 else "rien à signaler"
        lines.append(";".join([SEEDED[n][0][i] for n in SEEDED] + [f"{R.uniform(0, 900):.2f}".replace(".", ","), remark]))
    secrets = [v for values, _ in SEEDED.values() for v in values] + [lone]
    return ("\r\n".join(lines) + "\r\n").encode("latin-1"), secrets


def profile(lab, ref, *options):
    said = lab.cli("dataset", "quality", ref, "--wait", *options)
    assert said.returncode == 0, said.stdout + said.stderr
    return lab.cli_json("dataset", "quality", ref, "--show"), said.stdout


def columns(answer, file=0):
    return {c["name"]: c for c in answer["report"]["files"][file]["columns"]}


def everything_said(lab, run, more):
    """All that a profile leaves: its outputs, log and record, what the lab answers and logs."""
    texts = [more, lab.daemon_log(), json.dumps(lab.rpc("run.get", run=run)), json.dumps(lab.rpc("audit.list", limit=500))]
    for path in glob.glob(os.path.join(lab.state, "runs", run, "**"), recursive=True):
        if os.path.isfile(path):
            with open(path, "rb") as f:
                texts.append(f.read().decode("latin-1"))
    for artifact in lab.rpc("run.get", run=run)["artifacts"]:
        sha = artifact["sha256"]
        with open(os.path.join(lab.state, "objects", sha[:2], sha[2:]), "rb") as f:
            texts.append(f.read().decode("latin-1"))
    return "\n".join(texts)


def test_every_seeded_identifier_is_found_and_no_value_is_told(lab):
    data, secrets = dirty()
    lab.add_dataset("sale", {"registre.csv": data}, classification="confidentiel")
    answer, shown = profile(lab, "sale@1")
    answer = json.loads(json.dumps(answer))
    file = answer["report"]["files"][0]
    assert (file["encoding"], file["delimiter"], file["line_ends"], file["rows"]) == ("iso-8859-1", ";", "crlf", ROWS)
    found = columns(answer)
    for name, (_, kind) in SEEDED.items():
        kinds = {i["kind"]: i for i in found[name]["identifiers"]}
        assert kind in kinds and kinds[kind]["cells"] == ROWS, (name, kinds)
        assert found[name]["withheld"] == "identifiers"
    lone = found["Remarque"]["identifiers"]
    assert [(i["kind"], i["cells"], i["confidence"]) for i in lone] == [("nam", 1, "possible")]
    assert found["Montant"]["type"] == "decimal" and found["Montant"]["decimal_mark"] == "comma"
    assert found["Montant"]["identifiers"] == [] and found["Montant"]["numbers"]["max"] < 900
    all_text = everything_said(lab, answer["run"], shown + json.dumps(answer))
    plain = re.sub(r"[ ()-]", "", all_text)
    for value in secrets:
        assert value not in all_text
        bare = re.sub(r"[ ()-]", "", value)
        if len(bare) >= 9 and "." not in bare:
            assert bare not in plain, value


def test_the_profiler_is_alone_in_its_sandbox(shared_lab):
    shared_lab.add_dataset("seul", {"a.csv": b"x,y\n1,2\n3,4\n"})
    answer, _ = profile(shared_lab, "seul@1")
    run = shared_lab.rpc("run.get", run=answer["run"])
    assert run["profile"] == "inspect" and run["verdict"] == "succeeded"
    assert run["environment"]["name"] == "enclos-inspect" and run["environment"]["manifest"] == answer["profiler"]
    assert run["denied"] == []
    env = shared_lab.rpc("env.get", name="enclos-inspect")
    assert env["entries"] == 1
    with open(os.path.join(shared_lab.state, "objects", answer["profiler"][:2], answer["profiler"][2:])) as f:
        assert [e["path"] for e in json.load(f)["entries"]] == ["usr/bin/enclos-inspect"]


def test_a_version_is_compared_with_the_one_before(shared_lab):
    def table(shift, extra):
        lines = ["montant,groupe" + (",courriel" if extra else "")]
        for i in range(3000):
            lines.append(f"{R.gauss(100 + shift, 10):.2f},{R.choice('ABC')}" + (f",u{i}@exemple.ca" if extra else ""))
        return ("\n".join(lines) + "\n").encode()

    shared_lab.add_dataset("suite", {"a.csv": table(0, False)})
    shared_lab.add_dataset("suite", {"a.csv": table(0, False)})
    shared_lab.add_dataset("suite", {"a.csv": table(15, True)})
    first, _ = profile(shared_lab, "suite@1")
    assert first["drift"] is None
    second, _ = profile(shared_lab, "suite@2")
    assert second["drift"]["against"] == "suite@1"
    same = {c["name"]: c for c in second["drift"]["files"][0]["columns"]}
    assert same["montant"]["psi"] < 0.1 and same["groupe"]["psi"] < 0.1
    third, shown = profile(shared_lab, "suite@3")
    drift = {c["name"]: c for c in third["drift"]["files"][0]["columns"]}
    assert drift["montant"]["psi"] > 0.25
    assert drift["courriel"]["change"] == "added" and drift["courriel"]["identifiers_added"] == ["email"]
    back = shared_lab.cli_json("dataset", "quality", "suite@3", "--show", "--against", "1")
    assert back["drift"]["against"] == "suite@1"


def test_it_is_shown_in_both_languages_with_bars(shared_lab):
    shared_lab.add_dataset("barres", {"a.csv": b"montant;sexe\n" + b"".join(b"%d,5;%s\n" % (i % 97, b"FM"[i % 2 : i % 2 + 1]) for i in range(900))})
    profile(shared_lab, "barres@1")
    french = shared_lab.cli("dataset", "quality", "barres@1", "--show", env={"LC_ALL": "fr_CA.UTF-8"}).stdout
    english = shared_lab.cli("dataset", "quality", "barres@1", "--show", env={"LC_ALL": "en_CA.UTF-8"}).stdout
    assert "96,5" in french and "96.5" in english
    assert "MÉDIANE" in french and "MEDIAN" in english
    assert re.search("[▁▂▃▄▅▆▇█]{10}", french) and "quasi-identifiant" in french


def test_what_cannot_be_is_refused_and_says_why(shared_lab):
    assert shared_lab.cli("dataset", "quality", "nulle@1").returncode == 1
    shared_lab.add_dataset("sans", {"a.csv": b"x\n1\n"})
    none = shared_lab.cli("dataset", "quality", "sans@1", "--show")
    assert none.returncode == 1 and "sans@1 has no profile" in none.stderr
    assert shared_lab.cli("dataset", "quality", "sans@1", "--small-count", "0").returncode == 2
    assert shared_lab.cli("dataset", "quality", "sans@1", "--header", "maybe").returncode == 2
    with pytest.raises(harness.RpcError) as refused:
        shared_lab.rpc("dataset.quality", name="sans", small_count=0)
    assert refused.value.kind == "invalid"


def test_a_profiler_that_was_taken_over_gets_nothing_into_the_catalog(new_lab, tmp_path):
    """The data may have done so: what it leaves is refused by its place, and the run is what it was."""
    source = tmp_path / "taken.c"
    report = {"version": 1, "small_count": 10, "files_total": 1, "files": [{"path": "a", "size_bytes": 1, "format": "TREM 5412 2816"}]}
    source.write_text('#include <stdio.h>\nint main(void) { FILE *f = fopen("/outputs/quality.json", "w"); fputs(%s, f); return fclose(f); }\n'
                      % json.dumps(json.dumps(report)))
    lab = new_lab()
    place = os.path.join(lab.top, "bin")
    os.mkdir(place, 0o755)
    harness.installed_copy(place)
    program = os.path.join(place, "lib/enclos/enclos-inspect")
    os.unlink(program)
    subprocess.run(["gcc", "-static", "-o", program, str(source)], check=True)
    lab.install = place
    lab.start_daemon()
    lab.add_dataset("prise", {"a.csv": b"x,y\n1,2\n"})
    said = lab.cli("dataset", "quality", "prise@1", "--wait")
    assert said.returncode == 1 and "has no profile: the report is not as it should be: format" in said.stderr, said.stderr
    answer = lab.rpc("dataset.quality_get", name="prise", version=1)
    assert answer["state"] == "failed" and answer["report"] is None and "5412" not in json.dumps(answer)
    french = lab.cli("dataset", "quality", "prise@1", "--show", env={"LC_ALL": "fr_CA.UTF-8"}).stderr
    assert "n’a pas de profil" in french.replace("\xa0", " ")


def test_a_retry_with_the_same_key_makes_one_profile(shared_lab):
    shared_lab.add_dataset("cle", {"a.csv": b"x,y\n1,2\n"})
    one = shared_lab.rpc("dataset.quality", name="cle", version=1, idempotency_key="k1")
    two = shared_lab.rpc("dataset.quality", name="cle", version=1, idempotency_key="k1")
    assert one["run"] == two["run"] and two["existed"]


def test_who_may_have_it_profiled_and_who_may_look(lab):
    lab.add_dataset("garde", {"a.csv": b"x,y\n1,2\n3,4\n"}, classification="confidentiel")
    nobody, scientist, curator = 40001, 40002, 40003
    lab.grant(scientist, "scientist")
    lab.grant(curator, "curator")
    for uid in (nobody, scientist):
        with pytest.raises(harness.RpcError) as refused:
            lab.rpc_as(uid, "dataset.quality", name="garde", version=1)
        assert refused.value.kind == "denied"
    run = lab.rpc_as(curator, "dataset.quality", name="garde", version=1)["run"]
    assert lab.wait(run)["verdict"] == "succeeded"
    assert lab.rpc_as(scientist, "dataset.quality_get", name="garde", version=1)["state"] == "done"
    with pytest.raises(harness.RpcError) as refused:
        lab.rpc_as(nobody, "dataset.quality_get", name="garde", version=1)
    assert refused.value.kind == "denied"
    # What would show more of the data is for its custodian to say, since all who have a role read the report.
    for more in ({"small_count": 9}, {"header": True}, {"delimiter": "|"}):
        with pytest.raises(harness.RpcError) as refused:
            lab.rpc_as(curator, "dataset.quality", name="garde", version=1, **more)
        assert refused.value.kind == "denied" and refused.value.field == next(iter(more))
        assert lab.wait(lab.rpc("dataset.quality", name="garde", version=1, **more)["run"])["verdict"] == "succeeded"
    assert lab.rpc("audit.list", action="access.denied", limit=1)["entries"][0]["subject"] == "dataset.quality"
    run = lab.rpc_as(curator, "dataset.quality", name="garde", version=1, small_count=20, header=False)["run"]
    assert lab.wait(run)["verdict"] == "succeeded"
    # A curator reads no data by a run of their own, whatever purpose it claims.
    with pytest.raises(harness.RpcError) as refused:
        lab.rpc_as(curator, "run.submit", command=["true"], datasets=["garde@1"], purpose="quality")
    assert refused.value.kind == "denied"
    uses = [e for e in lab.rpc("audit.list", limit=500)["entries"] if e["action"] == "dataset.use"]
    assert any(e["detail"]["rule"] == "profiler" for e in uses)


def test_a_run_that_only_pretends_leaves_no_profile(lab):
    """Somebody's own environment of that name, and a report of their own making, change nothing."""
    lab.add_dataset("vrai", {"a.csv": b"x,y\n1,2\n"})
    profile(lab, "vrai@1")
    fake = lab.run(["/usr/bin/enclos-inspect", "/data/vrai", "/outputs/quality.json"], datasets=["vrai@1"], profile="inspect", environment="enclos-inspect@1")
    answer = lab.rpc("dataset.quality_get", name="vrai", version=1)
    assert fake.verdict == "succeeded" and answer["run"] != fake.id and answer["under_way"] is None


# ---- figures, against pandas ----


def inspect(folder, out, *options):
    program = os.path.join(harness.BUILD, "lib/enclos/enclos-inspect")
    subprocess.run([program, *options, folder, out], check=True, stdout=subprocess.DEVNULL, timeout=120)
    with open(out) as f:
        return json.load(f)


@pytest.mark.parametrize("rows, form", [(500, "comma"), (5000, "quoted"), (60000, "comma"), (200000, "comma"), (20000, "french")])
def test_figures_are_those_of_pandas(tmp_path, rows, form):
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    g = numpy.random.default_rng(rows)
    n = rows
    frame = pandas.DataFrame(
        {
            "entier_n": g.integers(-1000, 100000, n),
            "reel": numpy.round(g.normal(100, 30, n), 4),
            "etire": numpy.round(g.exponential(1000, n), 3),
            "groupe": g.choice(["a", "b", "c", "d d"], n),
            "code": [f"k{v}" for v in g.integers(0, n // 2, n)],
            "jour": pandas.Timestamp("2014-01-01") + pandas.to_timedelta(g.integers(0, 3000, n), unit="D"),
        }
    )
    frame["jour"] = frame["jour"].dt.strftime("%Y-%m-%d")
    frame.loc[g.random(n) < 0.07, "reel"] = numpy.nan
    frame.loc[g.random(n) < 0.02, "groupe"] = None
    doubles = frame.sample(n // 100, random_state=1)
    frame = pandas.concat([frame, doubles], ignore_index=True)
    folder = tmp_path / "data"
    folder.mkdir()
    how = {"comma": {}, "quoted": {"quoting": 1}, "french": {"sep": ";", "decimal": ",", "encoding": "latin-1"}}[form]
    frame.to_csv(folder / "a.csv", index=False, **how)
    report = inspect(str(folder), str(tmp_path / "out.json"))["files"][0]
    assert report["rows"] == len(frame) and report["columns_total"] == 6
    duplicates, true = report["duplicates"], int(frame.duplicated().sum())
    assert abs(duplicates["rows"] - true) <= (0 if duplicates["exact"] else 5 * duplicates["relative_error"] * true)
    for column in report["columns"]:
        values = frame[column["name"]]
        present = values.dropna()
        assert column["missing"] == int(values.isna().sum())
        distinct = present.nunique()
        assert abs(column["distinct"] - distinct) <= (0 if column["distinct_exact"] else 5 * 0.0163 * distinct), column["name"]
        if column["type"] in ("integer", "decimal"):
            s = column["numbers"]
            assert s["count"] == len(present) and s["min"] == present.min() and s["max"] == present.max()
            assert s["mean"] == pytest.approx(present.mean(), rel=1e-9) and s["sd"] == pytest.approx(present.std(), rel=1e-9)
            ordered = numpy.sort(present.to_numpy(dtype=float))
            levels = [0.01, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99]
            for p, q in zip(levels, s["quantiles"]):
                if s["exact"]:
                    assert q == pytest.approx(numpy.quantile(ordered, p), rel=1e-9, abs=1e-9)
                else:
                    low, high = numpy.searchsorted(ordered, q, "left") / len(ordered), numpy.searchsorted(ordered, q, "right") / len(ordered)
                    assert low - 0.0128 <= p <= high + 0.0128
        elif column["name"] == "groupe":
            shown = {t["value"]: t["count"] for t in column["top"]}
            assert column["top_exact"] and shown == present.value_counts().to_dict()
        elif column["name"] == "jour":
            assert (column["dates"]["min"], column["dates"]["max"]) == (present.min(), present.max())
