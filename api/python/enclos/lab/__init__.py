"""The client of a lab's socket API: see Lab, and AsyncLab for asyncio. Standard library only.

    from enclos.lab import Lab
"""

from .aio import AsyncLab, AsyncWatch
from .client import Lab, Watch
from .errors import (
    Conflict,
    Denied,
    Disconnected,
    Internal,
    Invalid,
    LabError,
    Limit,
    NotFound,
    ProtocolError,
    Unavailable,
)
from .files import put_files, put_folder
from .wire import event_bytes

__all__ = [
    "AsyncLab",
    "AsyncWatch",
    "Conflict",
    "Denied",
    "Disconnected",
    "Internal",
    "Invalid",
    "Lab",
    "LabError",
    "Limit",
    "NotFound",
    "ProtocolError",
    "Unavailable",
    "Watch",
    "event_bytes",
    "put_files",
    "put_folder",
]
