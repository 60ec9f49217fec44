"""`make install` lays out what runs from there; the texts that people read are there."""

import os
import re
import subprocess

import harness

def test_make_install_lays_out_a_lab(tmp_path):
    done = subprocess.run(["make", "-C", harness.REPO, "install", f"DESTDIR={tmp_path}", "PREFIX=/usr",
                           f"VARIANT={harness.VARIANT}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    for path in ("bin/enclos", "bin/enclosd", "bin/enclos-runner", "share/enclos/sandbox-profiles/base.jsonc",
                 "share/enclos/sandbox-profiles/python.jsonc", "share/enclos/sandbox-profiles/strict.jsonc",
                 "share/enclos/python/enclos/__init__.py", "lib/systemd/system/enclosd.service",
                 "lib/sysusers.d/enclos.conf", "lib/tmpfiles.d/enclos.conf", "share/man/man1/enclos.1", "share/bash-completion/completions/enclos",
                 "share/zsh/site-functions/_enclos", "share/fish/vendor_completions.d/enclos.fish",
                 "share/man/man8/enclosd.8", "share/man/man8/enclos-runner.8"):
        found = os.path.join(tmp_path, "usr", path)
        other = found.replace("man8/enclos-runner.8", "man1/enclos-runner.1")
        assert os.path.exists(found) or os.path.exists(other), f"{path} is not installed"
    listed = subprocess.run([os.path.join(tmp_path, "usr/bin/enclos-runner"), "profile", "list"], capture_output=True,
                            text=True, env={"PATH": "/usr/bin:/bin"})
    assert listed.returncode == 0 and "python" in listed.stdout, listed


def test_every_program_has_help_and_a_version(install):
    for program in ("enclos", "enclosd", "enclos-runner"):
        path = os.path.join(install, program)
        shown = subprocess.run([path, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0 and program in shown.stdout and len(shown.stdout) > 300, (program, shown)
        version = subprocess.run([path, "--version"], capture_output=True, text=True)
        assert version.returncode == 0 and re.search(r"\d+\.\d+", version.stdout), (program, version)


def test_every_folder_says_what_lives_there():
    for folder in ("orchestrator", "runner", "sandbox-profiles", "catalog", "api", "tests", "scripts"):
        path = os.path.join(harness.REPO, folder, "README.md")
        assert os.path.exists(path), f"{folder}/README.md is missing"
