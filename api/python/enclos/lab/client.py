"""The client, synchronous: a call is a method call, a subscription is an iterator."""

import array
import collections
import socket
import threading
import time
from typing import Any, Deque, Dict, Iterator, List, Optional, Sequence, Tuple, Type
from types import TracebackType

from . import errors, wire
from .api import Methods, RunEvent


class Connection:
    """One connection: requests and answers in order. Not for two threads at once."""

    def __init__(self, path: str, token: Optional[str], timeout_s: float) -> None:
        self.path = path
        self._buffer = bytearray()
        self._lines: Deque[bytes] = collections.deque()
        self._number = 0
        self.descriptors: List[int] = []  # that came with answers
        self.notices: Deque[Dict[str, Any]] = collections.deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(timeout_s)
        try:
            self._socket.connect(path)
            if token:
                self.call("user.authenticate", {"token": token})
        except OSError as error:
            self._socket.close()
            raise wire.gone(path, error.strerror or str(error)) from None
        except BaseException:
            self._socket.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def is_stale(self) -> bool:
        """Whether the lab has closed it since the last call."""
        try:
            self._socket.settimeout(0)
            return not self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, socket.timeout):
            return False
        except OSError:
            return True

    def _line(self, wait_s: Optional[float]) -> bytes:
        while not self._lines:
            self._socket.settimeout(wait_s)
            data, control, _, _ = self._socket.recvmsg(1 << 16, socket.CMSG_SPACE(64), socket.MSG_CMSG_CLOEXEC)
            for level, kind, rights in control:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    fds = array.array("i")
                    fds.frombytes(rights[: len(rights) - len(rights) % fds.itemsize])
                    self.descriptors += fds
            if not data:
                raise ConnectionResetError("the connection ended")
            self._buffer += data
            self._lines.extend(wire.lines_of(self._buffer))
        return self._lines.popleft()

    def call(
        self, method: str, params: Dict[str, Any], fds: Sequence[int] = (), wait_s: Optional[float] = None
    ) -> Any:
        """One call. Disconnected when the connection breaks, TimeoutError when no answer came in time."""
        self._number += 1
        data = wire.request(self._number, method, params)
        try:
            if fds:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                data = data[self._socket.sendmsg([data], rights) :]
            self._socket.sendall(data)
            while True:
                message = wire.parsed(self._line(wait_s))
                if "method" in message:
                    self.notices.append(message)
                elif message.get("id") != self._number:
                    raise errors.ProtocolError(f"an answer to {message.get('id')}, expected {self._number}")
                elif "error" in message:
                    raise errors.from_answer(message["error"])
                else:
                    return message["result"]
        except socket.timeout:
            raise TimeoutError(f"no answer to {method} in time") from None
        except OSError as error:
            raise wire.gone(self.path, error.strerror or str(error)) from None

    def notice(self, wait_s: Optional[float]) -> Dict[str, Any]:
        """The next notification. Disconnected when the connection breaks, TimeoutError after wait_s."""
        if self.notices:
            return self.notices.popleft()
        try:
            message = wire.parsed(self._line(wait_s))
        except socket.timeout:
            raise TimeoutError("no event in time") from None
        except OSError as error:
            raise wire.gone(self.path, error.strerror or str(error)) from None
        if "method" not in message:
            raise errors.ProtocolError("an answer that nobody asked for")
        return message


class Watch:
    """The events of a run, as an iterator that ends with the run's end. A context manager.

    When the lab goes away it waits for it, and goes on where it was: no event is missed, none comes twice."""

    def __init__(self, lab: "Lab", run: str, start: int) -> None:
        self._lab, self._run, self._place = lab, run, wire.Place(start)
        self._connection: Optional[Connection] = None
        self._subscription = 0
        self.returns = 0  # how often the lab went away and came back
        self._subscribe()

    def _subscribe(self) -> None:
        self._connection = self._lab._open()
        params = {"run": self._run, "from": self._place.next}
        self._subscription = self._connection.call("run.watch", params)["subscription"]

    @property
    def next(self) -> int:
        """Where another watch would go on: `start` of Lab.watch."""
        return self._place.next

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()

    def __iter__(self) -> Iterator[RunEvent]:
        return self

    def _come_back(self) -> None:
        self.close()
        self._lab._patiently(self._subscribe)
        self.returns += 1

    def __next__(self) -> RunEvent:
        while not self._place.over:
            try:
                if not self._connection:
                    raise errors.Disconnected("this watch is closed")
                message = self._connection.notice(None)
            except errors.Disconnected:
                if not self._connection:
                    raise
                self._come_back()
                continue
            event = message.get("params", {})
            if event.get("subscription") == self._subscription and self._place.passes(event):
                return event  # type: ignore[no-any-return]
        self.close()
        raise StopIteration


class Lab(Methods):
    """A laboratory.

        with Lab() as lab:
            run = lab.run.submit(command=["python3", "train.py"], code=manifest)["run"]
            for event in lab.watch(run):
                print(event["type"], event.get("text"))

    Nouns are attributes: lab.run.get(run=...), lab.dataset.list(). Results are dictionaries with types. A call that
    changes nothing, or that has an idempotency key (creating calls get one by themselves), is sent again when the
    lab went away meanwhile, for patience_s seconds; another raises Disconnected. Threads may share it: calls take turns.
    """

    def __init__(
        self,
        socket_path: Optional[str] = None,
        *,
        token: Optional[str] = None,
        token_file: Optional[str] = None,
        timeout_s: float = 30.0,
        patience_s: float = 60.0,
    ) -> None:
        super().__init__(self.call)
        self.path = wire.socket_path(socket_path)
        self._token = wire.token_of(token, token_file)
        self.timeout_s, self.patience_s = timeout_s, patience_s
        self._lock = threading.RLock()
        self._connection: Optional[Connection] = None

    def _open(self) -> Connection:
        return Connection(self.path, self._token, self.timeout_s)

    def _patiently(self, attempt: Any) -> Any:
        """Calls attempt() until the lab is there; what it raises after patience_s is raised."""
        end = time.monotonic() + self.patience_s
        while True:
            try:
                return attempt()
            except errors.Unavailable:
                if time.monotonic() >= end:
                    raise
                time.sleep(wire.RETRY_S)

    def call(self, method: str, params: Optional[Dict[str, Any]] = None, fds: Sequence[int] = ()) -> Any:
        """A call by name; params that are None are left out."""
        given, again = wire.prepared(method, params or {})
        wait_s = self.timeout_s + max(given.get("timeout_ms", 0), given.get("wait_ms", 0)) / 1000

        def once() -> Any:
            if self._connection and self._connection.is_stale():
                self.close()
            if not self._connection:
                self._connection = self._open()
            try:
                return self._connection.call(method, given, fds, wait_s)
            except (errors.Disconnected, errors.ProtocolError, TimeoutError, KeyboardInterrupt):
                self.close()
                raise

        with self._lock:
            return self._patiently(once) if again else once()

    def call_for_socket(self, method: str, params: Dict[str, Any]) -> Tuple[Any, socket.socket]:
        """A call whose answer comes with a socket: run.attach, run.connect."""
        with self._lock:
            result = self.call(method, params)
            assert self._connection
            return result, socket.socket(fileno=self._connection.descriptors.pop())

    def watch(self, run: str, start: int = 0) -> Watch:
        """The events of a run from a place on, until its end. It has a connection of its own."""
        return Watch(self, run, start)

    def wait(self, run: str, timeout_s: Optional[float] = None) -> Dict[str, Any]:
        """The run as run.get gives it, when it has ended. TimeoutError after timeout_s."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = 60.0 if end is None else min(60.0, max(0.0, end - time.monotonic()))
            answer = self.call("run.wait", {"run": run, "timeout_ms": int(left * 1000)})
            if answer["finished"]:
                return answer["run"]  # type: ignore[no-any-return]
            if end is not None and time.monotonic() >= end:
                raise TimeoutError(f"run {run} has not ended")

    def each(self, method: str, **params: Any) -> Iterator[Any]:
        """Every element of a list method, page after page: lab.each("run.list", filter="metrics.auc > 0.9")."""
        while True:
            page = self.call(method, params)
            yield from wire.elements(page)
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    def changes(self, cursor: Optional[str] = None, wait_s: float = 30.0) -> Iterator[Dict[str, Any]]:
        """Pages of catalog.changes from a cursor on, without end: {changes, next_cursor, more}. A page without changes
        comes when nothing happened for wait_s. Keep next_cursor with what was made of a page, and go on from it."""
        while True:
            page = self.call("catalog.changes", {"cursor": cursor, "limit": 100, "wait_ms": int(wait_s * 1000)})
            cursor = page["next_cursor"]
            yield page

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> "Lab":
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], value: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()
