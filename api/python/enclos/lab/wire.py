"""What the two clients share: where a lab is, lines, which calls may be sent again, how a watch goes on."""

import base64
import json
import os
import uuid
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple

from . import errors
from .api import KEYED

SHARED_SOCKET = "/run/enclos/enclos.sock"
ANSWER_MAX = 64 << 20
RETRY_S = 0.25

# Verbs that change nothing: sent again when the lab went away before it answered.
_READS = frozenset(
    "ping info doctor doing discover whoami get list missing wait logs metrics outputs connections diff files card"
    " history similar grants waiting progress changes check verify export".split()
)


def socket_path(given: Optional[str] = None) -> str:
    """The lab's socket, found as the command `enclos` finds it."""
    if given:
        return given
    if os.environ.get("ENCLOS_SOCKET"):
        return os.environ["ENCLOS_SOCKET"]
    if os.geteuid() == 0:
        return SHARED_SOCKET
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    own = f"{runtime}/enclos/enclos.sock" if runtime.startswith("/") else f"/tmp/enclos-{os.geteuid()}/enclos.sock"
    return SHARED_SOCKET if not os.path.exists(own) and os.path.exists(SHARED_SOCKET) else own


def token_of(token: Optional[str], token_file: Optional[str]) -> Optional[str]:
    """The token of a service account: given, in a file, or in ENCLOS_TOKEN."""
    if token:
        return token
    if token_file:
        with open(token_file, encoding="utf-8") as f:
            return f.read().strip()
    return os.environ.get("ENCLOS_TOKEN") or None


def prepared(method: str, params: Dict[str, Any]) -> Tuple[Dict[str, Any], bool]:
    """Params without what was left out, and whether the call may be sent again. A call that creates gets a key."""
    params = {name: value for name, value in params.items() if value is not None}
    if method in KEYED:
        params.setdefault("idempotency_key", f"python-{uuid.uuid4().hex}")
    return params, method in KEYED or method.rpartition(".")[2] in _READS


def request(number: int, method: str, params: Dict[str, Any]) -> bytes:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def parsed(line: bytes) -> Dict[str, Any]:
    try:
        message = json.loads(line)
    except ValueError as error:
        raise errors.ProtocolError(f"a line that is no JSON: {error}") from None
    if not isinstance(message, dict):
        raise errors.ProtocolError("a message that is no object")
    return message


def gone(path: str, why: str) -> errors.Disconnected:
    return errors.Disconnected(f"the lab at {path} does not answer: {why}", hint="is enclosd running? ENCLOS_SOCKET names another")


def elements(page: Dict[str, Any]) -> List[Any]:
    """The one list of a page of a list method."""
    lists = [value for value in page.values() if isinstance(value, list)]
    if len(lists) != 1:
        raise errors.ProtocolError(f"a page with {len(lists)} lists")
    return lists[0]


class Place:
    """How far a watch is: each log event is let through once, in order, whatever was sent again after a return.
    States carry no log and may be repeated by the lab: each is let through once."""

    LOGGED = frozenset(["stdout", "stderr", "gap", "metric", "event"])

    def __init__(self, start: int) -> None:
        self.next = start
        self.over = False
        self._last = -1
        self._state: Optional[str] = None

    def passes(self, event: Dict[str, Any]) -> bool:
        kind = event["type"]
        if kind in self.LOGGED:
            if event["number"] <= self._last:
                return False
            self._last, self.next = event["number"], event["next"]
        elif kind == "state":
            if event["data"]["state"] == self._state:
                return False
            self._state = event["data"]["state"]
        elif kind == "finished":
            self.over = True
        return True


def event_bytes(event: Mapping[str, Any]) -> bytes:
    """What a stdout or stderr event carries."""
    return base64.b64decode(event["base64"]) if "base64" in event else str(event["text"]).encode()


def lines_of(buffer: bytearray) -> Iterator[bytes]:
    """Takes whole lines off the front of a buffer."""
    while True:
        at = buffer.find(b"\n")
        if at < 0:
            if len(buffer) > ANSWER_MAX:
                raise errors.ProtocolError(f"a message longer than {ANSWER_MAX} bytes")
            return
        line = bytes(buffer[:at])
        del buffer[: at + 1]
        yield line
