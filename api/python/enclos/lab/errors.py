"""Errors of a lab as exceptions, a class for each kind that the API knows."""

from typing import Any, Dict, Optional, Type


class LabError(Exception):
    """A refusal: `kind`, `field` and `hint` as the API gives them, `code` as JSON-RPC has it."""

    kind = "internal"

    def __init__(
        self,
        message: str,
        *,
        code: int = 0,
        field: Optional[str] = None,
        hint: Optional[str] = None,
        retry_after_ms: Optional[int] = None,
    ) -> None:
        super().__init__(message)
        self.message, self.code, self.field, self.hint = message, code, field, hint
        self.retry_after_ms = retry_after_ms

    def __str__(self) -> str:
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Invalid(LabError):
    """What was asked makes no sense: `field` says where."""

    kind = "invalid"


class NotFound(LabError):
    """It is not there, or it is not for this account to see."""

    kind = "not_found"


class Denied(LabError):
    """A role, or a grant, is missing: `hint` says who can give it."""

    kind = "denied"


class Conflict(LabError):
    """It is not in the state, or the version, that the call supposed."""

    kind = "conflict"


class Limit(LabError):
    """More than the lab takes at once."""

    kind = "limit"


class Unavailable(LabError):
    """Not now: the lab is stopping, or busy."""

    kind = "unavailable"


class Internal(LabError):
    """A fault of the lab."""

    kind = "internal"


class Disconnected(Unavailable):
    """The lab does not answer, or went away during a call. Whether that call was carried out is not known."""


class ProtocolError(LabError):
    """What came is not what a lab sends."""


_KINDS: Dict[str, Type[LabError]] = {
    c.kind: c for c in (Invalid, NotFound, Denied, Conflict, Limit, Unavailable, Internal)
}


def from_answer(error: Dict[str, Any]) -> LabError:
    """The exception for the member `error` of an answer."""
    data = error.get("data") or {}
    return _KINDS.get(str(data.get("kind")), LabError)(
        error.get("message", ""),
        code=error.get("code", 0),
        field=data.get("field"),
        hint=data.get("hint"),
        retry_after_ms=data.get("retry_after_ms"),
    )
