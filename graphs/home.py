"""Where everything that lasts lies, and the settings of this machine."""

import re
import secrets
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platformdirs
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

_IDENTIFIER = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")


class HomeError(Exception):
    """The home folder cannot give what was asked; the message says what and why."""


class Home(BaseSettings):
    """Settings from the environment: CITRUS_HOME, CITRUS_CHECKPOINTS, CITRUS_MODEL, CITRUS_NANO.

    Attributes:
        home: Folder of conversations, checkpoints and caches.
        checkpoints: URL of a Postgres database for checkpoints; SQLite in `home` where it is empty.
        model: Folder of a Citrus-V checkpoint; None where this machine has none.
        nano: Whether the small model that ships is used as well.
    """

    model_config = SettingsConfigDict(env_prefix="CITRUS_", extra="ignore")

    home: Path = Field(default_factory=lambda: Path(platformdirs.user_data_dir("citrus-v", appauthor=False)))
    checkpoints: str = ""
    model: Path | None = None
    nano: bool = True

    @property
    def cache(self) -> Path:
        """What may be deleted at any time."""
        return self.home / "cache"

    @property
    def signing_key(self) -> Path:
        """The private key that vouches for what people file here; made on first use."""
        return self.home / "signing.key"

    @property
    def identity_key(self) -> Path:
        """The key of what is kept of patients' names, beside each conversation; made on first use."""
        return self.home / "identity.key"

    @property
    def documents(self) -> Path:
        """The user's own documents, which the library searches beside its cards."""
        return self.home / "documents.sqlite"

    @property
    def conversations(self) -> Path:
        """One folder for each conversation: trace, blobs, head."""
        return self.home / "conversations"

    def conversation(self, identifier: str) -> Path:
        """The folder of one conversation.

        Raises:
            HomeError: `identifier` could lead out of the home folder.
        """
        if not _IDENTIFIER.fullmatch(identifier):
            raise HomeError(f"{identifier!r} is not the id of a conversation")
        return self.conversations / identifier

    def checkpointer(self) -> AbstractContextManager[BaseCheckpointSaver[Any]]:
        """The saver of graph states: strict msgpack, no pickles.

        Raises:
            HomeError: The URL is no Postgres URL, or the driver is not installed.
        """
        if not self.checkpoints:
            return _sqlite(self.home / "checkpoints.sqlite")
        if not self.checkpoints.startswith(("postgres://", "postgresql://")):
            raise HomeError("CITRUS_CHECKPOINTS must be a postgresql:// URL or empty")
        return _postgres(self.checkpoints)


def new_identifier() -> str:
    """A conversation id that sorts by time and cannot be guessed."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(8)}"


def _strict() -> JsonPlusSerializer:
    return JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)


@contextmanager
def _sqlite(file: Path) -> Iterator[BaseCheckpointSaver[Any]]:
    import sqlite3

    from langgraph.checkpoint.sqlite import SqliteSaver

    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file, check_same_thread=False, timeout=30)) as connection:
        yield SqliteSaver(connection, serde=_strict())


@contextmanager
def _postgres(url: str) -> Iterator[BaseCheckpointSaver[Any]]:
    try:
        from langgraph.checkpoint.postgres import PostgresSaver
        from psycopg import Connection
        from psycopg.rows import dict_row
    except ImportError as error:
        raise HomeError("checkpoints in Postgres need: pip install 'citrus-v[postgres]'") from error
    with Connection.connect(url, autocommit=True, prepare_threshold=0, row_factory=dict_row) as connection:
        saver = PostgresSaver(connection, serde=_strict())
        saver.setup()
        yield saver
