"""What Python's standard library does not offer of the Linux kernel: namespaces, parent-death signals, fine timers."""

import ctypes
import os
import signal
import struct
import sys
from pathlib import Path

NEW_NETWORK, NEW_USER = 0x40000000, 0x10000000
"""Kinds of namespaces, as ``unshare`` knows them."""

_SET_PARENT_DEATH_SIGNAL, _SET_TIMER_SLACK = 1, 29
_CLOCK_MONOTONIC, _NON_BLOCKING = 1, 0o4000

CARRIER_PRIORITY, NODE_PRIORITY = 20, 10
"""A packet that is due goes before a node's computation, and both before the rest of this host."""

IS_LINUX = sys.platform == "linux"
"""Whether this is the kernel whose calls these are."""


def _library() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _checked(result: int, call: str) -> int:
    """The result of a call.

    Raises:
        OSError: the call failed; its errno and name.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


def unshare(kinds: int) -> None:
    """Leave these namespaces for new ones without a name, which vanish with their last process.

    Raises:
        OSError: the kernel, a container's filter or a security module forbids it.
    """
    _checked(_library().unshare(kinds), "unshare")


def network_namespace() -> int:
    """The number of the network namespace that this process lives in."""
    return Path("/proc/self/ns/net").stat().st_ino


def map_to_root(user: int, group: int) -> None:
    """Become root of the user namespace that was just made; outside it, rights stay what they were."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", name).write_text(text)


def die_with_parent(parent: int) -> None:
    """Be killed when the parent dies, however it does; end at once if it has died already.

    Args:
        parent: its process id.
    """
    if IS_LINUX:
        _checked(_library().prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(1)


def exact_timers() -> None:
    """Ask for timers that fire within a nanosecond of their time where the kernel can."""
    if IS_LINUX:
        _library().prctl(_SET_TIMER_SLACK, 1, 0, 0, 0)


def go_first(priority: int) -> str:
    """Ask to be scheduled before others; where that is not allowed, go on as one is.

    Args:
        priority: in the first-in-first-out class, 1 to 99; its negative is the niceness asked for where there is none.

    Returns:
        What was granted: ``fifo``, ``nice`` or ``none``.
    """
    if IS_LINUX:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
        except OSError:
            pass
        else:
            return "fifo"
    try:
        os.nice(-priority)
    except OSError:
        return "none"
    return "nice"


class Timer:
    """A descriptor that becomes readable at a moment: finer than the whole milliseconds of ``epoll``'s own time-out."""

    def __init__(self) -> None:
        self._library = _library()
        self.descriptor = _checked(
            self._library.timerfd_create(_CLOCK_MONOTONIC, _NON_BLOCKING | os.O_CLOEXEC), "timerfd_create"
        )

    def set(self, seconds: float) -> None:
        """Fire after that many seconds, at least a microsecond from now."""
        whole, rest = divmod(max(1e-6, seconds), 1.0)
        value = struct.pack("qqqq", 0, 0, int(whole), int(rest * 1e9))
        _checked(self._library.timerfd_settime(self.descriptor, 0, value, None), "timerfd_settime")

    def clear(self) -> None:
        """Take note that it has fired."""
        try:
            os.read(self.descriptor, 8)
        except BlockingIOError:
            return

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self.descriptor)
