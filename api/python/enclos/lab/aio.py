"""The client for asyncio: as Lab, awaited. Many calls may be under way on its one connection."""

import asyncio
import time
from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Optional

from . import errors, wire
from .api import AsyncMethods, RunEvent


class AsyncConnection:
    """One connection; answers find their calls by id."""

    def __init__(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.path, self._reader, self._writer = path, reader, writer
        self._number = 0
        self._calls: Dict[int, "asyncio.Future[Any]"] = {}
        self._wants: Optional[Callable[[Dict[str, Any]], Awaitable[None]]] = None
        self.lost: Optional[errors.LabError] = None
        self._task = asyncio.ensure_future(self._read())

    @classmethod
    async def open(cls, path: str, token: Optional[str]) -> "AsyncConnection":
        try:
            reader, writer = await asyncio.open_unix_connection(path, limit=wire.ANSWER_MAX)
        except OSError as error:
            raise wire.gone(path, error.strerror or str(error)) from None
        made = cls(path, reader, writer)
        if token:
            try:
                await made.call("user.authenticate", {"token": token})
            except BaseException:
                await made.close()
                raise
        return made

    def deliver(self, to: Callable[[Dict[str, Any]], Awaitable[None]]) -> None:
        """Gives notifications to a function; while it waits, nothing more is read."""
        self._wants = to

    async def _read(self) -> None:
        try:
            while True:
                line = await self._reader.readline()
                if not line:
                    raise ConnectionResetError("the connection ended")
                message = wire.parsed(line)
                if "method" in message:
                    if self._wants:
                        await self._wants(message)
                    continue
                call = self._calls.pop(message.get("id", 0), None)
                if call and not call.done():
                    if "error" in message:
                        call.set_exception(errors.from_answer(message["error"]))
                    else:
                        call.set_result(message["result"])
        except errors.LabError as error:
            self.lost = error
        except (OSError, ValueError) as error:
            self.lost = wire.gone(self.path, str(error))
        finally:
            self.lost = self.lost or wire.gone(self.path, "the connection was closed")
            for call in self._calls.values():
                if not call.done():
                    call.set_exception(self.lost)
            self._calls.clear()
            if self._wants and not asyncio.current_task().cancelled():  # type: ignore[union-attr]
                await self._wants({})

    async def call(self, method: str, params: Dict[str, Any]) -> Any:
        if self.lost:
            raise self.lost
        self._number += 1
        number = self._number
        answer: "asyncio.Future[Any]" = asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        try:
            self._writer.write(wire.request(number, method, params))
            await self._writer.drain()
            return await answer
        except OSError as error:
            raise wire.gone(self.path, str(error)) from None
        finally:
            self._calls.pop(number, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # seen, whoever waits for it

    async def close(self) -> None:
        self._wants = None
        self._task.cancel()
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # it is closed


class AsyncWatch:
    """The events of a run, for `async for`, until its end; `async with` closes it. See Watch."""

    def __init__(self, lab: "AsyncLab", run: str, start: int) -> None:
        self._lab, self._run, self._place = lab, run, wire.Place(start)
        self._connection: Optional[AsyncConnection] = None
        self._events: "asyncio.Queue[Dict[str, Any]]" = asyncio.Queue(256)
        self._subscription = 0
        self.returns = 0

    @property
    def next(self) -> int:
        return self._place.next

    async def _subscribe(self) -> None:
        self._events = asyncio.Queue(256)
        self._connection = await self._lab._open()
        self._connection.deliver(self._events.put)
        params = {"run": self._run, "from": self._place.next}
        self._subscription = (await self._connection.call("run.watch", params))["subscription"]

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()
            self._connection = None

    async def __aenter__(self) -> "AsyncWatch":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[RunEvent]:
        return self

    async def __anext__(self) -> RunEvent:
        if not self._connection and not self._place.over:
            await self._subscribe()
        while not self._place.over:
            message = await self._events.get()
            if not message:
                await self.close()
                await self._lab._patiently(self._subscribe)
                self.returns += 1
                continue
            event = message.get("params", {})
            if event.get("subscription") == self._subscription and self._place.passes(event):
                return event  # type: ignore[no-any-return]
        await self.close()
        raise StopAsyncIteration


class AsyncLab(AsyncMethods):
    """A laboratory, for asyncio: `async with AsyncLab() as lab: await lab.run.get(run=...)`. See Lab."""

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
        self._connection: Optional[AsyncConnection] = None
        self._opening = asyncio.Lock()

    async def _open(self) -> AsyncConnection:
        return await AsyncConnection.open(self.path, self._token)

    async def _patiently(self, attempt: Callable[[], Awaitable[Any]]) -> Any:
        end = time.monotonic() + self.patience_s
        while True:
            try:
                return await attempt()
            except errors.Unavailable:
                if time.monotonic() >= end:
                    raise
                await asyncio.sleep(wire.RETRY_S)

    async def _connected(self) -> AsyncConnection:
        async with self._opening:
            if self._connection and self._connection.lost:
                await self._connection.close()
                self._connection = None
            if not self._connection:
                self._connection = await self._open()
            return self._connection

    async def call(self, method: str, params: Optional[Dict[str, Any]] = None) -> Any:
        """A call by name; params that are None are left out."""
        given, again = wire.prepared(method, params or {})
        wait_s = self.timeout_s + max(given.get("timeout_ms", 0), given.get("wait_ms", 0)) / 1000

        async def once() -> Any:
            connection = await self._connected()
            try:
                return await asyncio.wait_for(connection.call(method, given), wait_s)
            except asyncio.TimeoutError:
                raise TimeoutError(f"no answer to {method} in time") from None

        return await (self._patiently(once) if again else once())

    def watch(self, run: str, start: int = 0) -> AsyncWatch:
        """The events of a run from a place on, until its end."""
        return AsyncWatch(self, run, start)

    async def wait(self, run: str) -> Dict[str, Any]:
        """The run as run.get gives it, when it has ended."""
        while True:
            answer = await self.call("run.wait", {"run": run, "timeout_ms": 60000})
            if answer["finished"]:
                return answer["run"]  # type: ignore[no-any-return]

    async def each(self, method: str, **params: Any) -> AsyncIterator[Any]:
        """Every element of a list method, page after page."""
        while True:
            page = await self.call(method, params)
            for element in wire.elements(page):
                yield element
            if not page.get("next_cursor"):
                return
            params["cursor"] = page["next_cursor"]

    async def changes(self, cursor: Optional[str] = None, wait_s: float = 30.0) -> AsyncIterator[Dict[str, Any]]:
        """Pages of catalog.changes from a cursor on, without end. See Lab.changes."""
        while True:
            page = await self.call("catalog.changes", {"cursor": cursor, "limit": 100, "wait_ms": int(wait_s * 1000)})
            cursor = page["next_cursor"]
            yield page

    async def close(self) -> None:
        if self._connection:
            await self._connection.close()
            self._connection = None

    async def __aenter__(self) -> "AsyncLab":
        return self

    async def __aexit__(self, *_: Any) -> None:
        await self.close()
