"""The forms in which a recorded call can be taken away, each as one file with a name that is safe everywhere."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rpcbridge.inspector import cassette
from rpcbridge.inspector.documents import Document
from rpcbridge.inspector.har import archive

Documents = Sequence[Document]


@dataclass(frozen=True, slots=True)
class Around:
    """What the records do not say: where the bridge listens, its version; of each platform whether the path ends
    in a secret, its own names of an event's fields, by the contract's, and the HTTP status of its replies where it is not 200."""

    bridge_url: str
    version: str
    secrets: Mapping[str, bool] = field(default_factory=dict)
    fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    statuses: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class File:
    """A file to be kept."""

    name: str
    content_type: str
    body: bytes


def as_json(documents: Documents, around: Around) -> File:
    """The exchanges as they are recorded, the oldest first; without the pseudonyms, by which two files could be linked."""
    shown = [{name: value for name, value in document.items() if name not in ("caller_key", "called_key")} for document in documents]
    return made(documents, "json", "application/json", _json(shown))


def as_har(documents: Documents, around: Around) -> File:
    """An HTTP archive, HAR 1.2."""
    return made(documents, "har", "application/json", _json(archive(documents, around.bridge_url, around.version, around.secrets, around.statuses)))


def as_pytest(documents: Documents, around: Around) -> File | None:
    """A pytest file and its cassette, zipped; None where the backend was asked nothing."""
    first = documents[0]
    files = cassette.files(documents, around.version, around.fields.get(first["platform"]))
    if not files:
        return None
    packed, moment = io.BytesIO(), datetime.fromisoformat(first["received_at"]).timetuple()[:6]
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archived:
        for name, text in files.items():
            archived.writestr(zipfile.ZipInfo(name, moment), text.encode("utf-8", "replace"), zipfile.ZIP_DEFLATED)
    return File(f"{_name(documents)}.zip", "application/zip", packed.getvalue())


# By the name of the form; each needs at least one exchange. A drawing needs templates, see web/debug/drawing.py.
FORMS: Mapping[str, Callable[[Documents, Around], File | None]] = {"har": as_har, "json": as_json, "pytest": as_pytest}


def made(documents: Documents, ending: str, kind: str, text: str) -> File:
    """`text` as a file that is called after its call."""
    return File(f"{_name(documents)}.{ending}", kind, text.encode("utf-8", "replace"))


def _json(content: object) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _name(documents: Documents) -> str:
    return f"call_{cassette.short(documents[0]['call_id'])}"
