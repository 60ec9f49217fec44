"""French and English are equal on the command line; codes and JSON are English whatever the locale."""

import pytest


@pytest.mark.parametrize("variable", ["LC_ALL", "LC_MESSAGES", "LANG"])
def test_the_command_line_follows_the_locale(shared_lab, variable):
    run = shared_lab.run(["true"])
    env = {"LANG": "", variable: "fr_CA.UTF-8"}
    french = shared_lab.cli("show", run.id, env=env).stdout
    english = shared_lab.cli("show", run.id, env={"LANG": "en_CA.UTF-8"}).stdout
    assert french != english
    assert any(word in french.lower() for word in ("durée", "mémoire", "réussi")), french
    assert any(word in english.lower() for word in ("duration", "memory", "succeeded")), english


def test_help_exists_in_both_languages(shared_lab):
    french = shared_lab.cli("--help", env={"LC_ALL": "fr_FR.UTF-8"})
    english = shared_lab.cli("--help", env={"LC_ALL": "C.UTF-8"})
    assert french.returncode == english.returncode == 0
    assert french.stdout != english.stdout
    for command in ("run", "ps", "show", "logs", "wait", "cancel", "metrics", "outputs", "doctor", "dataset"):
        assert command in french.stdout and command in english.stdout


def test_json_does_not_depend_on_the_locale(shared_lab):
    run = shared_lab.run(["true"])
    checks = [shared_lab.cli_json("doctor", env={"LC_ALL": locale}).checks[0] for locale in ("fr_CA.UTF-8", "C")]
    assert checks[0] == checks[1]
    french = shared_lab.cli_json("show", run.id, env={"LC_ALL": "fr_CA.UTF-8"})
    english = shared_lab.cli_json("show", run.id, env={"LC_ALL": "C"})
    assert french == english and french.verdict == "succeeded"


def test_an_error_speaks_french_and_keeps_its_status(shared_lab):
    french = shared_lab.cli("show", "r-none", env={"LC_ALL": "fr_CA.UTF-8"})
    english = shared_lab.cli("show", "r-none", env={"LC_ALL": "C.UTF-8"})
    assert french.returncode == english.returncode != 0
    assert french.stderr and english.stderr and french.stdout == english.stdout == ""


@pytest.mark.parametrize(
    "arguments, french, english",
    [
        (["show", "nope"], "l’exécution nope n’existe pas", "there is no run"),
        (["run", "--no-code", "--dataset", "none@1", "true"], "le jeu de données none@1 n’existe pas", "there is no"),
        (["run", "--no-code", "--profile", "none", "true"], "le profil none n’existe pas", "there is no"),
        (["run", "--no-code", "--memory", "900T", "true"], "hors de", "outside"),
        (["run", "--no-code", "--cpus", "900", "true"], "900 processeurs demandés", "asked for"),
        (["run", "--no-code", "--", "nosuch"], "impossible d’exécuter nosuch", "check the name"),
        (["dataset", "show", "none"], "le jeu de données none n’existe pas", "shows what there is"),
        (["dataset", "add", "x", "/etc/hostname", "-c", "secret"], "ne peut valoir", "cannot be"),
        (["dataset", "add", "x", "/no/such.csv", "-c", "interne"], "fichier ou dossier inexistant", "No such file"),
        (["profile", "show", "none"], "le profil none n’existe pas", "there is no"),
        (["metrics", "none"], "l’exécution none n’existe pas", "there is no"),
        (["rpc", "lab.pong"], "la méthode lab.pong n’existe pas", "there is no"),
        (["rpc", "run.list", "limit=5000"], "limit vaut 5000, hors de", "outside"),
    ],
    ids=lambda v: " ".join(v)[:40] if isinstance(v, list) else "",
)
def test_what_the_lab_refuses_is_said_in_french(shared_lab, arguments, french, english):
    done = shared_lab.cli(*arguments, "--lang", "fr") if arguments[0] != "run" else shared_lab.cli(
        "--lang", "fr", *arguments)
    assert done.returncode != 0
    said = done.stderr.replace("\u00a0", " ")
    assert french in said and english not in said, done.stderr


def test_the_doctor_speaks_french(shared_lab):
    done = shared_lab.cli("doctor", "--lang", "fr")
    said = done.stdout
    assert done.returncode == 0, said
    for word in ("lanceur", "disque", "catalogue", "limites", "profils"):
        assert word in said, said
    for word in ("available", "launcher", "free where", "last commit", "profiles load", "enforced for"):
        assert word not in said, f"an English sentence is left ({word}):\n{said}"


def test_a_report_speaks_french_throughout(shared_lab):
    """What the runner writes into the record too: refused outputs, details, reasons."""
    run = shared_lab.run(["sh", "-c", "ln -s /etc/passwd /outputs/l; echo x >&$ENCLOS_METRICS_FD; python3 -c \"import "
                          "ctypes; ctypes.CDLL(None).ptrace(16, 1, 0, 0)\""])
    shown = shared_lab.cli("show", run.id, "--lang", "fr").stdout
    for words in ("lien symbolique", "processus 1", "n’a pas été comprise", "avec avertissements"):
        assert words in shown, shown
    for words in ("symbolic link", "process 1", "not understood", "warning"):
        assert words not in shown, shown


def test_outputs_that_cannot_be_on_disk_are_told_in_french(plain_lab):
    done = plain_lab.cli("run", "--no-code", "--outputs-on", "disk", "--lang", "fr", "--", "true")
    said = " ".join(done.stderr.split())
    assert done.returncode == 125 and "sans root, des sorties sur disque" in said and "gardez les sorties" in said, said
    for word in ("cannot", "without", "keep", "outputs on"):
        assert word not in said, said


def test_no_daemon_is_told_with_the_way_to_start_one(shared_lab):
    for locale in ("fr_CA.UTF-8", "en_US.UTF-8"):
        done = shared_lab.cli("ps", env={"LC_ALL": locale, "ENCLOS_SOCKET": "/tmp/no-such-lab.sock"})
        assert done.returncode == 125 or done.returncode == 1
        assert "enclosd" in done.stderr and "/tmp/no-such-lab.sock" in done.stderr, done.stderr
