"""The ways of signing in, one of which a server has: local, password, header or OAuth.

local     nobody has a name; whoever has the address that the server printed is the one user
password  names and passwords from the file that `citrus users add` writes
header    a proxy in front has signed the person in and says who it is
oauth     another server signs the person in, such as a hospital's or GitHub's
"""

import hmac
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.requests import HTTPConnection

from ui.access import LOCAL_USER, is_name
from ui.access_tokens import COOKIE, Bearer, Tokens
from ui.access_users import Users

Name = Literal["local", "password", "header", "oauth"]

PROXY_SECRET_HEADER = "x-citrus-proxy"  # noqa: S105 - the name of the header
_OAUTH = "OAUTH_"


class WayError(ValueError):
    """The settings of signing in contradict each other or leave a door open; the message says which."""


class Settings(BaseSettings):
    """From the environment, with CITRUS_ before each name.

    Attributes:
        auth: The way; where it is empty, the first of header, oauth and password that is set up, else local.
        auth_header: Header in which a proxy names the user, such as X-Remote-User.
        auth_proxies: Addresses from which that header is believed.
        auth_proxy_secret: What the proxy also sends in X-Citrus-Proxy, where it is set.
        oauth_allow: Who may sign in by OAuth: names as the provider gives them, or @example.org.
        url: The address by which browsers reach this server, where a proxy stands in front.
    """

    model_config = SettingsConfigDict(env_prefix="CITRUS_", extra="ignore")

    auth: Literal["", "local", "password", "header", "oauth"] = ""
    auth_header: str = ""
    auth_proxies: str = "127.0.0.1,::1"
    auth_proxy_secret: SecretStr = SecretStr("")
    oauth_allow: str = ""
    url: str = Field(default="", pattern=r"^(https?://[^/\s]+)?/?$")


class Way(Protocol):
    """Tells who a request's user is."""

    name: Name

    def bearer(self, request: HTTPConnection) -> Bearer | None:
        """Who has signed in, or None."""

    def holds(self, bearer: Bearer) -> bool:
        """Whether a token that was given out once is still good."""


def _token(request: HTTPConnection, tokens: Tokens, way: Way) -> Bearer | None:
    bearer = tokens.read(request.cookies.get(COOKIE, ""))
    return bearer if bearer is not None and bearer.way == way.name and way.holds(bearer) else None


@dataclass
class Local:
    """One user; the key that the server prints opens it, once for each browser.

    Another person on the same machine can reach the port too, but does not know the key.
    """

    tokens: Tokens
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    name: Name = "local"

    def bearer(self, request: HTTPConnection) -> Bearer | None:
        """By the cookie."""
        return _token(request, self.tokens, self)

    def holds(self, bearer: Bearer) -> bool:
        """For its one user."""
        return bearer.user == LOCAL_USER

    def opens(self, key: str) -> Bearer | None:
        """The user, for the right key."""
        return Bearer(LOCAL_USER, self.name) if hmac.compare_digest(key.encode(), self.key.encode()) else None


@dataclass
class Password:
    """Names and passwords; a changed password ends what was signed in with the old one."""

    tokens: Tokens
    users: Users
    name: Name = "password"

    def bearer(self, request: HTTPConnection) -> Bearer | None:
        """By the cookie."""
        return _token(request, self.tokens, self)

    def holds(self, bearer: Bearer) -> bool:
        """While the user is there with the same password."""
        stamp = self.users.stamp(bearer.user)
        return stamp is not None and hmac.compare_digest(stamp, bearer.stamp)

    def signed_in(self, user: str, password: str) -> Bearer | None:
        """The user, for the right password."""
        name = user.strip().lower()
        return Bearer(name, self.name, self.users.stamp(name) or "") if self.users.check(name, password) else None


@dataclass
class Header:
    """A proxy's word, believed only from the proxy's own address and with its secret where there is one."""

    header: str
    proxies: frozenset[str]
    secret: SecretStr
    name: Name = "header"

    def bearer(self, request: HTTPConnection) -> Bearer | None:
        """By the header of this very request."""
        if request.client is None or request.client.host not in self.proxies:
            return None
        secret = self.secret.get_secret_value()
        if secret and not hmac.compare_digest(request.headers.get(PROXY_SECRET_HEADER, "").encode(), secret.encode()):
            return None
        said = request.headers.getlist(self.header)
        # Two of them: one may have been sent by the person and not taken out by the proxy.
        user = said[0].strip() if len(said) == 1 else ""
        return Bearer(user, self.name) if is_name(user) and user != LOCAL_USER else None

    def holds(self, bearer: Bearer) -> bool:
        """A token says nothing here."""
        return False


@dataclass
class OAuth:
    """Another server's word, for those who are on the list."""

    tokens: Tokens
    allowed: frozenset[str]
    name: Name = "oauth"

    def bearer(self, request: HTTPConnection) -> Bearer | None:
        """By the cookie."""
        return _token(request, self.tokens, self)

    def holds(self, bearer: Bearer) -> bool:
        """While the user is on the list."""
        return self.allows(bearer.user)

    def allows(self, user: str) -> bool:
        """Whether this name, or the domain of this address, may sign in."""
        name = user.strip().lower()
        if not is_name(name) or name == LOCAL_USER:
            return False
        return name in self.allowed or ("@" in name and f"@{name.rpartition('@')[2]}" in self.allowed)


AnyWay = Local | Password | Header | OAuth


def choose(settings: Settings, tokens: Tokens, users: Users, environment: Mapping[str, str] = os.environ) -> AnyWay:
    """The way that the settings ask for.

    Raises:
        WayError: What that way needs is not there; the message says how to give it.
    """
    providers = any(name.startswith(_OAUTH) and name.endswith("_CLIENT_ID") for name in environment)
    wanted = settings.auth or (
        "header" if settings.auth_header else "oauth" if providers else "password" if users.names() else "local"
    )
    match wanted:
        case "header":
            proxies = frozenset(settings.auth_proxies.replace(" ", "").split(",")) - {""}
            if not settings.auth_header or not proxies:
                raise WayError("CITRUS_AUTH=header needs CITRUS_AUTH_HEADER and CITRUS_AUTH_PROXIES")
            return Header(settings.auth_header, proxies, settings.auth_proxy_secret)
        case "oauth":
            allowed = frozenset(settings.oauth_allow.lower().replace(" ", "").split(",")) - {""}
            if not providers:
                raise WayError("CITRUS_AUTH=oauth needs a provider, such as OAUTH_GITHUB_CLIENT_ID and its secret")
            if not allowed:
                raise WayError("OAuth needs CITRUS_OAUTH_ALLOW: else anybody with an account there could sign in")
            return OAuth(tokens, allowed)
        case "password":
            if not users.names():
                raise WayError("no user can sign in yet; add one with: citrus users add NAME")
            return Password(tokens, users)
    return Local(tokens)
