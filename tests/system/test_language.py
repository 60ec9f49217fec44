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
    french = shared_lab.cli_json("show", run.id, env={"LC_ALL": "fr_CA.UTF-8"})
    english = shared_lab.cli_json("show", run.id, env={"LC_ALL": "C"})
    assert french == english and french.verdict == "succeeded"


def test_an_error_speaks_french_and_keeps_its_status(shared_lab):
    french = shared_lab.cli("show", "r-none", env={"LC_ALL": "fr_CA.UTF-8"})
    english = shared_lab.cli("show", "r-none", env={"LC_ALL": "C.UTF-8"})
    assert french.returncode == english.returncode != 0
    assert french.stderr and english.stderr and french.stdout == english.stdout == ""


def test_no_daemon_is_told_with_the_way_to_start_one(shared_lab):
    for locale in ("fr_CA.UTF-8", "en_US.UTF-8"):
        done = shared_lab.cli("ps", env={"LC_ALL": locale, "ENCLOS_SOCKET": "/tmp/no-such-lab.sock"})
        assert done.returncode == 125 or done.returncode == 1
        assert "enclosd" in done.stderr and "/tmp/no-such-lab.sock" in done.stderr, done.stderr
