"""The folder that Chainlit serves from: our settings, words and looks, and the uploads while they are needed.

Chainlit writes into the folder it runs in. Each server is given one of its own under the user's home
for data, so that the working folder stays clean, two servers cannot delete each other's uploads, and
what a killed server left behind is removed by the next.
"""

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import MutableMapping
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from graphs.diagnose import NOTICE
from ui.access_tokens import HOURS

NAME = "Citrus-V"
UPLOAD_MB = 2048
"""Largest file; as large as the reader of images takes in."""
SESSION_MB = 8192
"""All files of one session; as much as the reader takes in for one case."""
UPLOAD_FILES = 5000
LINGER = 300
"""Seconds that a session outlives its connection, so that a network that fails for a moment loses nothing."""
PAUSE = 10.0
"""Seconds after which a session without connection gives up the lock of its conversation."""

_FOREIGN = (
    "APP_AWS_ACCESS_KEY APP_AZURE_STORAGE_ACCOUNT APP_GCS_PROJECT_ID BUCKET_NAME CHAINLIT_CUSTOM_AUTH "
    "CHAINLIT_PARENT_ROOT_PATH CHAINLIT_ROOT_PATH CHAINLIT_URL DATABASE_URL DISCORD_BOT_TOKEN LITERAL_API_KEY "
    "LITERAL_API_URL LITERAL_SERVER SLACK_BOT_TOKEN SLACK_SIGNING_SECRET SLACK_WEBSOCKET_TOKEN TEAMS_APP_ID "
    "TEAMS_APP_PASSWORD"
).split()
"""Variables by which Chainlit would keep conversations elsewhere or hand them to other services."""

_CONFIG = """[project]
session_timeout = {linger}
user_session_timeout = {hours}
user_env = []
cache = false
allow_origins = {origins}

[features]
unsafe_allow_html = false
latex = false
user_message_markdown = false
edit_message = false
allow_thread_sharing = false
favorites = false

[features.spontaneous_file_upload]
enabled = true
accept = ["*/*"]
max_files = {files}
max_size_mb = {megabytes}

[features.audio]
enabled = false

[features.mcp]
enabled = false

[UI]
name = "{name}"
description = "Clinical reasoning over medical images: every sentence with its evidence."
default_theme = "light"
language = "en-US"
layout = "wide"
cot = "tool_call"
chat_settings_location = "message_composer"
confirm_new_chat = true
custom_css = "/public/chat.css"
custom_js = "/public/chat.js"
custom_meta_url = "/"
custom_meta_image_url = "/favicon"

[meta]
generated_by = "2.12.0"
"""

_WORDS: dict[str, Any] = {
    "auth": {
        "login": {
            "title": f"Sign in to {NAME}",
            "form": {
                "email": {"label": "Name", "required": "Your name is needed", "placeholder": "as it was given to you"},
                "password": {"label": "Password", "required": "Your password is needed"},
                "actions": {"signin": "Sign in"},
            },
            # Chainlit looks up now what went wrong, now the words of the status, in small letters.
            "errors": dict.fromkeys(
                ("credentialssignin", "unauthorized", "default"), "That is not your name and password."
            ),
        }
    },
    "chat": {
        "input": {
            "placeholder": "Drop images here, or ask about the open case",
            "actions": {"stop": "Stop this turn", "attachFiles": "Attach images"},
        },
        "messages": {
            "status": {"using": "Now:", "used": "Done:"},
            "feedback": {
                "edit": "Change the comment",
                "dialog": {
                    "title": "A comment for the record, if you like",
                    "submit": "File it",
                    "yourFeedback": "What is right or wrong about this answer",
                },
                "status": {"updating": "Filing it", "updated": "It is on record, signed"},
            },
        },
        "settings": {
            "title": "Patient and settings",
            "customize": "What the chart says of the patient, how the next files are read, and who reasons about them",
        },
        "watermark": NOTICE,
    },
    "threadHistory": {
        "sidebar": {
            "title": "Cases",
            "empty": "No cases yet",
            "filters": {"placeholder": "Search cases"},
            "actions": {"open": "Show the cases", "close": "Hide the cases"},
        },
        "thread": {"untitled": "Case"},
    },
    "navigation": {
        "newChat": {
            "button": "New case",
            "dialog": {
                "title": "New case",
                "description": "This closes the open conversation. Its record stays; its id takes it up again.",
                "tooltip": "New case",
            },
        },
        "header": {"readme": "About"},
    },
}

_WELCOME = (
    "DICOM, NIfTI, PNG, JPEG or TIFF; letters as PDF, laboratory values as CSV. "
    f"Nothing leaves this machine without your yes. {NOTICE}"
)

_ABOUT = f"""# Citrus-V

Drop the images of one patient: a DICOM zip or several DICOM files, NIfTI, PNG, JPEG or TIFF. Letters as PDF and
laboratory tables as CSV may come with them. Age, sex, complaint and history stand in the settings. Then ask.

- Every sentence of an answer carries the evidence that it rests on. Press a mark such as **E3** to see it.
- Sentences that the evidence does not carry are withheld and listed, never shown as fact.
- Each case is recorded, listed at the side, and yours alone. Its record can be verified, replayed and taken up again.
- A thumb and a comment on an answer are filed in the record under your name.
- Nothing leaves this machine without your yes: where a reasoner would send something elsewhere, you are asked first.

**{NOTICE}**
"""


class Root:
    """One server's folder, locked while the server lives."""

    def __init__(self, parent: Path) -> None:
        """Make the folder under `parent`, after removing those of servers that are gone."""
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in parent.iterdir():
            _remove_if_dead(old)
        self.folder = Path(tempfile.mkdtemp(prefix="server-", dir=parent))
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def furnish(self, origins: list[str]) -> None:
        """Write settings, words and looks; `origins` are the addresses that this server has."""
        hidden, public = self.folder / ".chainlit", self.folder / "public"
        (hidden / "translations").mkdir(parents=True)
        shown = _CONFIG.format(
            linger=LINGER,
            hours=HOURS * 3600,
            origins=json.dumps(origins),
            files=UPLOAD_FILES,
            megabytes=UPLOAD_MB,
            name=NAME,
        )
        (hidden / "config.toml").write_text(shown, encoding="utf-8")
        words = json.loads((_chainlit() / "translations" / "en-US.json").read_text(encoding="utf-8"))
        (hidden / "translations" / "en-US.json").write_text(json.dumps(_merged(words, _WORDS)), encoding="utf-8")
        (self.folder / "chainlit_en-US.md").write_text(_ABOUT, encoding="utf-8")
        public.mkdir()
        for asset in files("ui").joinpath("assets").iterdir():
            (public / asset.name).write_bytes(asset.read_bytes())
        with (public / "chat.css").open("a", encoding="utf-8") as style:
            style.write(f"#welcome-screen::after {{ content: {json.dumps(_WELCOME)}; }}\n")

    def point(self, environment: MutableMapping[str, str], secret: str, url: str = "") -> None:
        """Let Chainlit run from here, sign with our secret, and reach nothing outside this machine.

        Args:
            url: How browsers reach this server where that is another address than its own.
        """
        for name in _FOREIGN:
            environment.pop(name, None)
        environment["CHAINLIT_AUTH_SECRET"] = secret
        # Signing in is asked for by our door, whatever Chainlit has been told of ways to do so.
        environment["CHAINLIT_CUSTOM_AUTH"] = "true"
        if url:
            environment["CHAINLIT_URL"] = url
        environment["CHAINLIT_APP_ROOT"] = str(self.folder)
        # Else it would read the working folder's .env, which may name a database.
        environment["CHAINLIT_ENV_FILE"] = str(self.folder / "no.env")

    def remove(self) -> None:
        """Delete the folder with every upload in it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._lock)


def _remove_if_dead(folder: Path) -> None:
    try:
        lock = os.open(folder / "lock", os.O_RDWR)
    except OSError:
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def _chainlit() -> Path:
    """Where Chainlit lies; found without importing it, since its import reads the settings."""
    found = find_spec("chainlit")
    if found is None or not found.submodule_search_locations:
        raise ModuleNotFoundError("chainlit is not installed")
    return Path(found.submodule_search_locations[0])


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        merged[name] = _merged(merged[name], value) if isinstance(value, dict) and name in merged else value
    return merged
