"""The password file: who may sign in by name, each password kept as an argon2id hash only."""

import hashlib
import os
import re
import threading
from pathlib import Path

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from graphs.home import Home
from ui.access import LOCAL_USER

USERS_FILE = "users"
SHORTEST, LONGEST = 12, 1000
"""Length of a password in characters; NIST SP 800-63B asks for 8 at the least, and for no rules beside length."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")


class UserError(ValueError):
    """A user cannot be added or changed; the message says why."""


class Users:
    """The file `users` in the home folder: `name:hash`, one a line, readable by its owner only.

    It is read anew whenever it was changed, so that a user who is removed is out at once.
    """

    def __init__(self, home: Home) -> None:
        self.file = home.home / USERS_FILE
        self._hasher = PasswordHasher()
        # Checked where there is no such user, so that an answer does not tell who exists by its time.
        self._decoy = self._hasher.hash(os.urandom(16))
        # Each check takes 64 MiB; many at once would be an attack on memory.
        self._checking = threading.BoundedSemaphore(2)
        self._read: tuple[tuple[int, int] | None, dict[str, str]] = (None, {})

    def names(self) -> list[str]:
        """Everybody who may sign in, in order."""
        return sorted(self._hashes())

    def add(self, name: str, password: str) -> bool:
        """Let `name` sign in with `password`; whether the name is new.

        Raises:
            UserError: The name or the password cannot be used.
        """
        if not _NAME.fullmatch(name) or name == LOCAL_USER:
            raise UserError(
                f"{name!r} cannot be a user: small letters, digits and . _ @ - only, and not {LOCAL_USER!r}"
            )
        if not SHORTEST <= len(password) <= LONGEST:
            raise UserError(f"a password has between {SHORTEST} and {LONGEST} characters, not {len(password)}")
        if name in password.lower():
            raise UserError("a password does not hold the name of its user")
        hashes = self._hashes()
        new = name not in hashes
        self._write(hashes | {name: self._hasher.hash(password)})
        return new

    def remove(self, name: str) -> None:
        """Let `name` sign in no more; cases stay whose they are.

        Raises:
            UserError: There is no such user.
        """
        hashes = dict(self._hashes())
        if hashes.pop(name, None) is None:
            raise UserError(f"{name}: no such user in {self.file}")
        self._write(hashes)

    def check(self, name: str, password: str) -> bool:
        """Whether this is the password of that user; takes as long either way."""
        known = self._hashes().get(name)
        with self._checking:
            try:
                self._hasher.verify(known or self._decoy, password[: LONGEST + 1])
            except (VerificationError, InvalidHashError):
                return False
        return known is not None

    def stamp(self, name: str) -> str | None:
        """A mark that changes with the password, or None where there is no such user."""
        known = self._hashes().get(name)
        return None if known is None else hashlib.sha256(known.encode()).hexdigest()[:16]

    def _hashes(self) -> dict[str, str]:
        try:
            status = self.file.stat()
        except FileNotFoundError:
            return {}
        mark = (status.st_mtime_ns, status.st_size)
        if self._read[0] != mark:
            lines = self.file.read_text(encoding="utf-8").splitlines()
            pairs = ((name, known) for name, colon, known in (line.partition(":") for line in lines) if colon)
            self._read = (mark, dict(pairs))
        return self._read[1]

    def _write(self, hashes: dict[str, str]) -> None:
        write_private(self.file, "".join(f"{name}:{known}\n" for name, known in sorted(hashes.items())))


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner may read, whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f"{file.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as written:
        written.write(text)
        written.flush()
        os.fsync(written.fileno())
    part.replace(file)
