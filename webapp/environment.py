"""What the settings read from the process environment and from the platform's folder."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names under which a server that listens on loopback is reached."""

SQLITE_OPTIONS = {
    "timeout": 20,
    # A deferred transaction that wants to write after it has read fails at once with "database is locked", whatever the
    # timeout. IMMEDIATE queues for the write lock instead.
    "transaction_mode": "IMMEDIATE",
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA cache_size=-65536;"
        "PRAGMA temp_store=MEMORY;PRAGMA mmap_size=134217728;"
    ),
}


def home_folder(default: Path) -> Path:
    """The folder that holds all data of this platform; made if it is not there, readable by its owner only."""
    home = Path(os.environ.get("EDGELOOM_HOME") or default).expanduser().resolve()
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    return home


def flag(name: str) -> bool:
    """Whether an environment variable says yes (``1``, ``true``, ``yes`` or ``on``)."""
    return os.environ.get(name, "").strip().lower() in {"1", "true", "yes", "on"}


def listed(name: str) -> list[str]:
    """The comma-separated values of an environment variable."""
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def number(name: str, default: float) -> float:
    """A positive number from an environment variable.

    Raises:
        ImproperlyConfigured: it is set to something else.
    """
    text = os.environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not value > 0:
        raise ImproperlyConfigured(f"{name} must be a positive number; it is {text!r}")
    return value


def secret_key(home: Path) -> str:
    """The key that signs sessions: ``EDGELOOM_SECRET_KEY``, or one generated once into the platform's folder."""
    given = os.environ.get("EDGELOOM_SECRET_KEY")
    if given:
        return given
    path = home / "secret_key"
    if not path.exists():
        draft = home / f".secret_key.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
        try:
            # A link never replaces: of several processes that start at once, all use the first one's key.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text()


def database(home: Path) -> dict[str, Any]:
    """Django's description of the database: ``DATABASE_URL``, or SQLite in the platform's folder."""
    url = os.environ.get("DATABASE_URL") or f"sqlite:///{home / 'db.sqlite3'}"
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))
    if config["ENGINE"].endswith("sqlite3"):
        config["OPTIONS"] = {**SQLITE_OPTIONS, **config.get("OPTIONS", {})}
        # In a file, because the tests' threads and helper processes share it.
        config["TEST"] = {"NAME": str(home / "test.sqlite3")}
    return config


def allowed_hosts(host: str, origins: Sequence[str]) -> list[str]:
    """Host names this server answers to: those asked for, those of the origins, and loopback."""
    names = {*listed("EDGELOOM_ALLOWED_HOSTS"), *(origin_host(origin) for origin in origins), *LOOPBACK}
    if host not in {"", "0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        names.add(f"[{host}]" if ":" in host else host)
    return sorted(names)


def origin_host(origin: str) -> str:
    """The host name of an origin such as ``https://edge.example.org:8443``.

    Raises:
        ImproperlyConfigured: the origin has no scheme or no host.
    """
    scheme, mark, rest = origin.partition("://")
    if scheme not in {"http", "https"} or not mark or not rest or "/" in rest:
        raise ImproperlyConfigured(f"EDGELOOM_ORIGINS holds {origin!r}; write origins like https://edge.example.org")
    return rest.rpartition(":")[0] if rest.rpartition(":")[2].isdigit() and ":" in rest else rest
