"""Proof that somebody has signed in: a signed cookie, of the kind that Chainlit makes and reads."""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from graphs.home import Home
from ui.access_users import write_private

COOKIE = "access_token"
"""The name that Chainlit gives it."""
HOURS = 12
"""How long a person stays signed in: a long shift."""
SECRET_FILE = "secret"  # noqa: S105 - the name of the file

_ALGORITHM = "HS256"


@dataclass(frozen=True)
class Bearer:
    """Whom a token speaks of, the way by which they signed in, and a mark that the way gave."""

    user: str
    way: str
    stamp: str = ""

    def metadata(self) -> dict[str, str]:
        """What goes into the token beside the name."""
        return {"way": self.way, "stamp": self.stamp}


@dataclass
class Tokens:
    """Makes and reads tokens with one secret, which lies in the home folder so that a restart signs nobody out."""

    secret: str = field(repr=False)
    _ended: dict[str, float] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, home: Home) -> "Tokens":
        """With the secret of this home, made on first use and readable by its owner only."""
        file = home.home / SECRET_FILE
        try:
            secret = file.read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            secret = ""
        if len(secret) < 64:
            secret = secrets.token_hex(32)
            write_private(file, f"{secret}\n")
        return cls(secret)

    def issue(self, bearer: Bearer) -> str:
        """A token for them, as Chainlit's own would be."""
        now = datetime.now(UTC)
        claims: dict[str, Any] = {
            "identifier": bearer.user,
            "display_name": bearer.user,
            "metadata": bearer.metadata(),
            "iat": now,
            "exp": now + timedelta(hours=HOURS),
        }
        return jwt.encode(claims, self.secret, _ALGORITHM)

    def read(self, token: str) -> Bearer | None:
        """Whom a token speaks of; None where it is forged, altered, over, or its person has signed out."""
        try:
            claims = jwt.decode(token, self.secret, [_ALGORITHM], options={"require": ["exp", "iat"]})
        except jwt.InvalidTokenError:
            return None
        user, metadata = claims.get("identifier"), claims.get("metadata")
        if not isinstance(user, str) or not isinstance(metadata, dict) or _digest(token) in self._ended:
            return None
        return Bearer(user, str(metadata.get("way", "")), str(metadata.get("stamp", "")))

    def end(self, token: str) -> None:
        """Let a token be worth nothing from now on."""
        now = datetime.now(UTC).timestamp()
        self._ended = {digest: until for digest, until in self._ended.items() if until > now}
        self._ended[_digest(token)] = now + HOURS * 3600


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
