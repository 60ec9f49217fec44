"""Every attack case of tests/attacks.txt is a test by its number, and every numbered test is a case or beside one."""

import ast
import glob
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))


def table():
    rows, pending = {}, set()
    with open(os.path.join(HERE, "..", "attacks.txt"), encoding="utf-8") as f:
        for line in f:
            found = re.match(r"(pending )?([A-H])(\d{2,3}) (.+)$", line)
            if found:
                number = found[2].lower() + found[3]
                assert number not in rows, f"{number} is there twice"
                rows[number] = found[4]
                pending |= {number} if found[1] else set()
            else:
                assert line.startswith("#") or not line.strip(), f"no row: {line!r}"
    return rows, pending


def numbered():
    found = {}
    for path in glob.glob(os.path.join(HERE, "test_*.py")):
        with open(path, encoding="utf-8") as f:
            for node in ast.walk(ast.parse(f.read())):
                name = re.match(r"test_([a-h]\d{2,3})_", node.name) if isinstance(node, ast.FunctionDef) else None
                if name:
                    assert any(isinstance(n, ast.Assert) for n in ast.walk(node)) or calls(node), f"{node.name} judges nothing"
                    found.setdefault(name[1], []).append(f"{os.path.basename(path)}::{node.name}")
    return found


def calls(node):
    """Helpers that assert in a test's stead."""
    return {n.func.id for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}


def test_every_case_has_a_test_of_its_number():
    rows, pending = table()
    assert len(rows) == 80, len(rows)
    have = numbered()
    missing = sorted(set(rows) - set(have) - pending)
    assert not missing, {number: rows[number] for number in missing}
    assert not pending & set(have), "their tests are there: take 'pending' away"
