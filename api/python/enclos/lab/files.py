"""Files on their way in: a folder or contents become objects and a manifest, known by digests."""

import hashlib
import json
import os
import tempfile
from typing import Any, Dict, Iterator, List, Mapping, Tuple

_PIECE = 1 << 20
_ASKED = 1000  # digests in one blob.missing


def _digest(path: str) -> Tuple[str, int]:
    h, size = hashlib.sha256(), 0
    with open(path, "rb") as f:
        for piece in iter(lambda: f.read(_PIECE), b""):
            h.update(piece)
            size += len(piece)
    return h.hexdigest(), size


def _walk(folder: str) -> Iterator[Tuple[str, str]]:
    for top, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = os.path.join(top, name)
            if os.path.islink(path) or not os.path.isfile(path):
                raise ValueError(f"{path} is no regular file: a manifest has none of the others")
            yield os.path.relpath(path, folder), path


def _put(lab: Any, digest: str, path: str, size: int) -> None:
    with open(path, "rb") as f:
        lab.call("blob.put", {"sha256": digest, "size_bytes": size}, fds=[f.fileno()])


def _send(lab: Any, entries: List[Dict[str, Any]], paths: Dict[str, Tuple[str, int]]) -> str:
    entries.sort(key=lambda e: e["path"].encode())
    text = json.dumps({"entries": entries, "version": 1}, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    digest = hashlib.sha256(text).hexdigest()
    digests = sorted(paths)
    for at in range(0, len(digests), _ASKED):
        for missing in lab.call("blob.missing", {"sha256": digests[at : at + _ASKED]})["missing"]:
            _put(lab, missing, *paths[missing])
    if lab.call("blob.missing", {"sha256": [digest]})["missing"]:
        with tempfile.NamedTemporaryFile() as f:
            f.write(text)
            f.flush()
            _put(lab, digest, f.name, len(text))
    return digest


def put_folder(lab: Any, folder: str) -> str:
    """Sends what the lab lacks of a folder's files, by descriptor, and gives the manifest's digest: `code` of
    run.submit, `manifest` of dataset.add. Every file goes in; symbolic links are refused."""
    entries: List[Dict[str, Any]] = []
    paths: Dict[str, Tuple[str, int]] = {}
    for name, path in _walk(folder):
        digest, size = _digest(path)
        mode = "0755" if os.stat(path).st_mode & 0o100 else "0644"
        entries.append({"mode": mode, "path": name, "sha256": digest, "size": size})
        paths[digest] = (path, size)
    return _send(lab, entries, paths)


def put_files(lab: Any, files: Mapping[str, bytes]) -> str:
    """As put_folder, of {path: content}."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            path = os.path.join(folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as f:
                f.write(content)
        return put_folder(lab, folder)
