"""Who may sign in, who a request's user is, and which cases are whose."""

import asyncio
import logging
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from fastapi import HTTPException
from pydantic import SecretStr
from starlette.requests import HTTPConnection
from typer.testing import CliRunner

from graphs.home import Home
from ui import access_log
from ui.access import LOCAL_USER, Access, AccessError, is_name
from ui.access_door import Door
from ui.access_tokens import COOKIE, Bearer, Tokens
from ui.access_users import UserError, Users
from ui.access_ways import Header, Local, OAuth, Password, Settings, WayError, choose
from ui.cli import app
from ui.serve import ServeError, serve

GOOD = "correct horse battery"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(home=tmp_path)


def conversation(home: Home, name: str = "20261125-010203-0123456789abcdef") -> str:
    folder = home.conversation(name)
    folder.mkdir(parents=True)
    (folder / "trace.jsonl").touch()
    return name


def request(cookie: str = "", host: str = "127.0.0.1", **headers: str) -> HTTPConnection:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if cookie:
        pairs.append((b"cookie", f"{COOKIE}={cookie}".encode()))
    return HTTPConnection({"type": "http", "headers": pairs, "client": (host, 1), "path": "/", "query_string": b""})


# Whose a case is


def test_a_case_is_its_owners(home: Home) -> None:
    access = Access(home, lambda _: "alice")
    case = conversation(home)
    # Opened on the command line, so nobody's but the local user's.
    assert access.may_open(LOCAL_USER, case)
    assert not access.may_open("alice", case)
    access.own("alice", case)
    access.own("alice", case)
    assert access.may_open("alice", case)
    assert not access.may_open("bob", case)
    assert not access.may_open(LOCAL_USER, case)
    with pytest.raises(AccessError, match="another user"):
        access.own("bob", case)
    assert stat.S_IMODE((home.conversation(case) / "owner").stat().st_mode) == 0o600


@pytest.mark.parametrize("case", ["../alice", "..", "", "a/b", "20261125-010203-ffffffffffffffff", "\x00", "A"])
def test_what_is_no_case_is_nobodys(home: Home, case: str) -> None:
    assert not Access(home, lambda _: None).may_open(LOCAL_USER, case)


def test_nobody_is_refused(home: Home) -> None:
    with pytest.raises(HTTPException) as caught:
        Access(home, lambda _: None).user(request())
    assert caught.value.status_code == 401


@pytest.mark.parametrize(
    ("name", "good"),
    [("alice", True), ("Ann O'Neil", True), ("a@example.org", True), ("", False), (" a", False), ("a\nb", False),
     ("a/b", False), ("x" * 201, False)],
)  # fmt: skip
def test_a_name_is_one_line(name: str, good: bool) -> None:
    assert is_name(name) == good


# The password file


def test_passwords_are_kept_as_hashes_only(home: Home) -> None:
    users = Users(home)
    assert users.add("alice", GOOD)
    text = users.file.read_text()
    assert text.startswith("alice:$argon2id$")
    assert GOOD not in text
    assert stat.S_IMODE(users.file.stat().st_mode) == 0o600
    assert users.check("alice", GOOD)
    assert not users.check("alice", GOOD + "x")
    assert not users.check("bob", GOOD)
    stamp = users.stamp("alice")
    assert not users.add("alice", GOOD + " staple")
    assert users.stamp("alice") != stamp
    users.remove("alice")
    assert not users.check("alice", GOOD + " staple")
    assert users.stamp("alice") is None
    with pytest.raises(UserError, match="no such user"):
        users.remove("alice")


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [("Alice", GOOD, "small letters"), ("a:b", GOOD, "small letters"), ("local", GOOD, "local"), ("", GOOD, "small"),
     ("alice", "short", "12"), ("alice", "x" * 1001, "1000"), ("alice", "alice in wonderland", "name")],
)  # fmt: skip
def test_what_cannot_be_a_user_is_said(home: Home, name: str, password: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Users(home).add(name, password)


def test_users_are_kept_from_the_command_line(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITRUS_HOME", str(home.home))
    run = CliRunner().invoke
    assert run(app, ["users", "add", "alice", "--password-stdin"], input=f"{GOOD}\n").output == "alice may sign in.\n"
    assert run(app, ["users", "add", "alice"], input=f"{GOOD} 2\n{GOOD} 2\n").output.endswith("is changed.\n")
    assert Users(home).check("alice", f"{GOOD} 2")
    assert run(app, ["users", "list"]).output == "alice\n"
    assert run(app, ["users", "add", "bob", "--password-stdin"], input="short\n").exit_code == 2
    case = conversation(home)
    assert run(app, ["users", "give", case, "alice"]).exit_code == 0
    assert run(app, ["users", "give", case, "bob"]).exit_code == 2
    assert run(app, ["users", "give", "../x", "bob"]).exit_code == 2
    assert Access(home, lambda _: None).may_open("alice", case)
    assert run(app, ["users", "remove", "alice"]).exit_code == 0
    assert run(app, ["users", "list"]).output == ""


# Tokens


def test_a_token_is_worth_what_it_says_until_it_ends(home: Home) -> None:
    tokens = Tokens.of(home)
    token = tokens.issue(Bearer("alice", "password", "stamp"))
    assert tokens.read(token) == Bearer("alice", "password", "stamp")
    # A restart signs nobody out.
    assert Tokens.of(home).read(token) is not None
    assert stat.S_IMODE((home.home / "secret").stat().st_mode) == 0o600
    assert tokens.secret not in repr(tokens)
    tokens.end(token)
    assert tokens.read(token) is None


def forgeries(secret: str) -> dict[str, str]:
    now = datetime.now(UTC)
    claims: dict[str, Any] = {
        "identifier": "local",
        "metadata": {"way": "local", "stamp": ""},
        "iat": now,
        "exp": now + timedelta(hours=1),
    }
    good = jwt.encode(claims, secret, "HS256")
    head, body, tail = good.split(".")
    return {
        "another secret": jwt.encode(claims, "x" * 64, "HS256"),
        "no signature": jwt.encode(claims, None, "none"),
        "cut signature": f"{head}.{body}.",
        "another body": f"{head}.{jwt.encode(claims | {'identifier': 'root'}, 'y' * 64, 'HS256').split('.')[1]}.{tail}",
        "over": jwt.encode(claims | {"exp": now - timedelta(hours=1)}, secret, "HS256"),
        "no end": jwt.encode({name: value for name, value in claims.items() if name != "exp"}, secret, "HS256"),
        "no person": jwt.encode(claims | {"identifier": 7}, secret, "HS256"),
        "nothing": "",
        "noise": "a.b.c",
    }


@pytest.mark.parametrize("kind", list(forgeries("x" * 64)))
def test_a_forged_token_is_worth_nothing(home: Home, kind: str) -> None:
    tokens = Tokens.of(home)
    assert Local(tokens).bearer(request(forgeries(tokens.secret)[kind])) is None


# The ways


def test_the_way_follows_from_what_is_set_up(home: Home) -> None:
    tokens, users = Tokens.of(home), Users(home)
    assert isinstance(choose(Settings(), tokens, users, {}), Local)
    users.add("alice", GOOD)
    assert isinstance(choose(Settings(), tokens, users, {}), Password)
    assert isinstance(choose(Settings(auth="local"), tokens, users, {}), Local)
    assert isinstance(choose(Settings(auth_header="X-Remote-User"), tokens, users, {}), Header)
    providers = {"OAUTH_GITHUB_CLIENT_ID": "x"}
    assert isinstance(choose(Settings(oauth_allow="alice"), tokens, users, providers), OAuth)


@pytest.mark.parametrize(
    ("settings", "environment", "words"),
    [
        (Settings(auth="password"), {}, "citrus users add"),
        (Settings(auth="header"), {}, "CITRUS_AUTH_HEADER"),
        (Settings(auth="header", auth_header="X", auth_proxies=" "), {}, "CITRUS_AUTH_PROXIES"),
        (Settings(auth="oauth"), {}, "provider"),
        (Settings(), {"OAUTH_GITHUB_CLIENT_ID": "x"}, "CITRUS_OAUTH_ALLOW"),
    ],
)
def test_a_way_that_would_leave_a_door_open_is_refused(
    home: Home, settings: Settings, environment: dict[str, str], words: str
) -> None:
    with pytest.raises(WayError, match=words):
        choose(settings, Tokens.of(home), Users(home), environment)


def test_other_machines_are_not_let_in_by_the_key_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.chat_house.HOUSE.home", Home(home=tmp_path))
    with pytest.raises(ServeError, match="citrus users add"):
        serve(host="0.0.0.0", port=0)  # noqa: S104


def test_a_changed_password_and_a_removed_user_end_what_was_signed_in(home: Home) -> None:
    users = Users(home)
    users.add("alice", GOOD)
    way = Password(Tokens.of(home), users)
    assert way.signed_in("alice", "wrong") is None
    bearer = way.signed_in(" Alice ", GOOD)
    assert bearer is not None
    token = way.tokens.issue(bearer)
    assert way.bearer(request(token)) == bearer
    # What one way gave out does not open another.
    assert Local(way.tokens).bearer(request(token)) is None
    users.add("alice", GOOD + "!")
    assert way.bearer(request(token)) is None


def test_a_proxys_word_counts_from_the_proxy_alone(home: Home) -> None:
    way = Header("X-Remote-User", frozenset({"127.0.0.1"}), SecretStr("s3cret"))
    assert way.bearer(request(x_remote_user="alice", x_citrus_proxy="s3cret")) == Bearer("alice", "header")
    for other in (
        request(x_remote_user="alice"),
        request(x_remote_user="alice", x_citrus_proxy="guess"),
        request(x_remote_user="alice", x_citrus_proxy="s3cret", host="10.0.0.9"),
        request(x_citrus_proxy="s3cret"),
        request(x_remote_user="local", x_citrus_proxy="s3cret"),
        request(x_remote_user="a/../b", x_citrus_proxy="s3cret"),
    ):
        assert way.bearer(other) is None
    twice = request(x_citrus_proxy="s3cret")
    twice.scope["headers"] += [(b"x-remote-user", b"alice"), (b"x-remote-user", b"bob")]
    assert way.bearer(HTTPConnection(twice.scope)) is None
    assert "s3cret" not in repr(way)


def test_oauth_lets_in_who_is_on_the_list(home: Home) -> None:
    way = OAuth(Tokens.of(home), frozenset({"alice", "@ward.example.org"}))
    assert [way.allows(name) for name in ("alice", "Bob@Ward.example.org", "bob", "x@example.org", "local")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    token = way.tokens.issue(Bearer("alice", "oauth"))
    assert way.bearer(request(token)) is not None
    assert OAuth(way.tokens, frozenset()).bearer(request(token)) is None


# The door


def knock(door: Door, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[bytes, bytes]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": pairs,
             "client": ("127.0.0.1", 1)}  # fmt: skip
    asyncio.run(door(scope, None, send))
    return sent[0]["status"], dict(sent[0]["headers"])


async def behind(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": scope["headers"]})
    await send({"type": "http.response.body", "body": b""})


def test_the_key_opens_the_local_door_once_for_a_browser(home: Home) -> None:
    way = Local(Tokens.of(home))
    door = Door(behind, way, way.tokens)
    assert knock(door, "/", accept="text/html")[0] == 401
    assert knock(door, "/?key=guess", accept="text/html")[0] == 401
    status, headers = knock(door, f"/?key={way.key}")
    assert (status, headers[b"location"]) == (303, b"/")
    cookie = headers[b"set-cookie"].decode()
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert knock(door, "/viewer/x", cookie=cookie.partition(";")[0])[0] == 200
    assert knock(door, "/assets/a.js")[0] == 401
    assert way.key not in repr(way)


def test_only_the_page_for_signing_in_is_shown_to_strangers(home: Home) -> None:
    users = Users(home)
    users.add("alice", GOOD)
    way = Password(Tokens.of(home), users)
    door = Door(behind, way, way.tokens)
    assert knock(door, "/login")[0] == 200
    assert knock(door, "/assets/a.js")[0] == 200
    for path in ("/", "/viewer/x", "/thread/x"):
        assert knock(door, path, accept="text/html")[:1] == (303,)
    for path in (
        "/project/file",
        "/project/settings",
        "/user",
        "/cases/x/exhibits/E1",
        "/trace/x",
        "/auth/oauth/github",
    ):
        assert knock(door, path)[0] == 401, path
    # A bearer token of another kind is not passed on.
    token = way.tokens.issue(Bearer("alice", "password", users.stamp("alice") or ""))
    status, passed = knock(door, "/user", cookie=f"{COOKIE}={token}", authorization="Bearer other")
    assert status == 200
    assert b"authorization" not in passed
    assert knock(door, "/logout", "POST", cookie=f"{COOKIE}={token}")[0] == 200
    assert knock(door, "/user", cookie=f"{COOKIE}={token}")[0] == 401


def test_passwords_cannot_be_tried_without_end(home: Home) -> None:
    users = Users(home)
    users.add("alice", GOOD)
    way = Password(Tokens.of(home), users)
    door = Door(behind, way, way.tokens)
    assert [knock(door, "/login", "POST")[0] for _ in range(21)] == [200] * 20 + [429]


def test_a_proxys_word_takes_the_place_of_any_cookie(home: Home) -> None:
    tokens = Tokens.of(home)
    door = Door(behind, Header("x-remote-user", frozenset({"127.0.0.1"}), SecretStr("")), tokens)
    forged = tokens.issue(Bearer("bob", "header"))
    status, passed = knock(door, "/user", cookie=f"{COOKIE}={forged}", x_remote_user="alice")
    assert status == 200
    bearer = tokens.read(passed[b"cookie"].decode().removeprefix(f"{COOKIE}="))
    assert bearer is not None
    assert bearer.user == "alice"
    assert knock(door, "/user", cookie=f"{COOKIE}={forged}")[0] == 401


# The log


@pytest.mark.parametrize(
    ("path", "told"),
    [("/", "/"), ("/viewer/20261125-x?evidence=E1", "/viewer"), ("/project/file/abc", "/project"), ("/../etc", "other"),
     ("/Quillfeather.dcm", "other"), ("/viewerx1", "other"), ("//", "other")],
)  # fmt: skip
def test_the_log_names_rooms_and_no_cases(path: str, told: str) -> None:
    assert access_log.room(path) == told


def test_a_line_of_the_log_stays_a_line(home: Home) -> None:
    before = list(logging.getLogger("citrus.access").handlers)
    access_log.keep(home.home)
    try:
        access_log.note("refused", user="a\n2026 signed in user=root", why=None)
    finally:
        for handler in set(logging.getLogger("citrus.access").handlers) - set(before):
            logging.getLogger("citrus.access").removeHandler(handler)
            handler.close()
    lines = (home.home / "access.log").read_text().splitlines()
    assert len(lines) == 1
    assert r'user="a\n2026' in lines[0]
    assert stat.S_IMODE((home.home / "access.log").stat().st_mode) == 0o600
