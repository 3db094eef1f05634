"""The OpenAPI side of a server: what its requests and answers look like, and the page that shows it without a CDN."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from typing import Any

from tidegate.core.translate import tr
from tidegate.serve.body import ARROW, CSV, JSON, PICTURES, SOUND

VALUE: dict[str, Any] = {"type": ["number", "string", "null"]}
NAMED: dict[str, Any] = {"type": "object", "additionalProperties": {"type": "array", "items": VALUE}}
BODY: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "columns": NAMED,
        "rows": {"type": "array", "items": {"type": "object", "additionalProperties": VALUE}},
        "future": NAMED,
        "sequences": {"type": "array", "items": {"type": "array"}},
        "texts": {"type": "array", "items": {"type": "string"}},
    },
}
ROW: dict[str, Any] = {
    "type": "object",
    "required": ["values"],
    "properties": {
        "values": {},
        "time": {"type": ["string", "integer", "null"]},
        "known": {"type": "object"},
        "finish": {"type": "boolean"},
    },
}
BEGIN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "maxLength": 64},
        "series": {"type": "string"},
        "fresh": {"type": "boolean"},
        "endpoint": {"type": "number", "description": "seconds of silence that end an utterance"},
        "snapshot": {"type": "string", "description": "base64"},
    },
}
PROMPT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "prompt": {"type": "string"},
        "length": {"type": "integer"},
        "count": {"type": "integer"},
        "stop": {"type": "array", "items": {"type": "string"}},
        "seed": {"type": "integer"},
        "temperature": {"type": "number"},
        "top_k": {"type": "integer"},
        "top_p": {"type": "number"},
    },
}
ANSWER = {"description": "the answer", "content": {JSON: {"schema": {"type": "object"}}}}
ERROR = {
    "description": "why not",
    "content": {
        JSON: {"schema": {"type": "object", "required": ["error"], "properties": {"error": {"type": "object"}}}}
    },
}
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "code,pre{background:#f3f5f5;border-radius:4px;padding:.1em .3em}pre{padding:.8em;overflow:auto}"
    "h2{font-size:1rem;margin-top:2rem}"
    "@media(prefers-color-scheme:dark){body{background:#161a1a;color:#ddd}code,pre{background:#242a2a}a{color:#7cc}}"
)
EXAMPLE = "curl -X POST localhost:8000/models/load/predict -H 'content-type: application/json' -d '{}'"


def takes(schema: Mapping[str, Any], *, tables: bool = False, raw: bool = False) -> dict[str, Any]:
    """What a route's OpenAPI document says of its body and its answers."""
    content: dict[str, Any] = {JSON: {"schema": schema}}
    if raw:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    if tables:
        binary = {"schema": {"type": "string", "format": "binary"}}
        content |= {CSV: {"schema": {"type": "string"}}, ARROW: binary, SOUND[0]: binary, PICTURES[0]: binary}
    return {"requestBody": {"content": content}, "responses": {"200": ANSWER, "4XX": ERROR}}


def page(document: Mapping[str, Any]) -> str:
    """The document as a page that needs nothing from elsewhere, not even a script."""
    title = tr("tidegate server")
    parts = [f"<h1>{title}</h1>", f"<p><a href='openapi.json'>openapi.json</a></p><pre>{html.escape(EXAMPLE)}</pre>"]
    for path, verbs in document["paths"].items():
        for verb, about in verbs.items():
            text = html.escape(about.get("description") or about.get("summary", ""))
            parts.append(f"<h2><code>{verb.upper()} {html.escape(path)}</code></h2><p>{text}</p>")
            for kind, part in about.get("requestBody", {}).get("content", {}).items():
                shown = html.escape(json.dumps(part["schema"], indent=1))
                parts.append(f"<details><summary>{kind}</summary><pre>{shown}</pre></details>")
    return (
        f"<!doctype html><html><head><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{title}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )
