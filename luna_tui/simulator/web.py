"""Tools of the service: searches and pages of a web that is made up, and always the same."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from luna_tui.simulator.answers import Block, tool_block
from luna_tui.simulator.conversation import blocks_of, messages_of
from luna_tui.simulator.orders import HOSTILE
from luna_tui.simulator.script import Call, Script

SEARCH, FETCH = "web_search", "web_fetch"
USES_AT_ONCE = 10
"""Uses in one answer after which it pauses."""
_HOSTS = ("example.org", "www.example.com", "docs.example.org")
_UNREACHABLE = "unreachable."
_URL = re.compile(r"https?://[^\s<>\"'`)\]]+[^\s<>\"'`)\].,;:!?]")
_RETRIEVED = "2026-11-02T12:00:00Z"
_STOP_WORDS = {"about", "after", "again", "from", "have", "into", "search", "that", "their", "there", "these"}
_STOP_WORDS |= {"this", "what", "when", "which", "with", "your"}


@dataclass(frozen=True, slots=True)
class Page:
    """A page that does not exist."""

    url: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Surfed:
    """What the tools of the service did in one answer."""

    blocks: tuple[Block, ...] = ()
    citations: tuple[Mapping[str, Any], ...] = ()
    uses: Mapping[str, int] | None = None
    """Requests that went well, by their name in the usage."""
    findings: tuple[str, ...] = ()
    """What the text says of each use."""


def server_tools(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Tools of the service in a request, by name; none where the request forbids them all."""
    if (body.get("tool_choice") or {}).get("type") == "none":
        return {}
    return {t["name"]: t for t in body.get("tools") or () if str(t.get("type")).startswith("web_")}


def server_calls(body: Mapping[str, Any], asked: str, script: Script) -> tuple[Call, ...]:
    """What is still to be searched for and fetched: as ordered, else what the prompt suggests, once."""
    tools = server_tools(body)
    addresses = list(dict.fromkeys(_URL.findall(asked)))
    searches, fetches = script.searches or 0, script.fetches or 0
    if script.searches is None and script.fetches is None and script.by_itself:
        searches, fetches = int(not addresses), min(3, len(addresses))
    query = query_of(asked)
    pages = addresses or [page.url for page in found_pages(query, {})]
    wanted = [call for calls in script.calls for call in calls]
    wanted += [Call(SEARCH, {"query": f"{query} part {n + 1}" if n else query}) for n in range(searches)]
    wanted += [Call(FETCH, {"url": pages[n % len(pages)]}) for n in range(fetches)]
    blocks = (block for message in messages_of(dict(body)) for block in blocks_of(message))
    done = sum(block["type"] == "server_tool_use" for block in blocks)
    return tuple(call for call in wanted if call.tool in tools)[done:]


def surf(calls: Sequence[Call], body: Mapping[str, Any], script: Script, ids: Sequence[str]) -> Surfed:
    """Do these uses; `ids` has one for each, or more."""
    tools = server_tools(body)
    blocks: list[Block] = []
    citations: list[Mapping[str, Any]] = []
    findings: list[str] = []
    counts = {SEARCH: 0, FETCH: 0}
    tried = {SEARCH: 0, FETCH: 0}
    for number, call in zip(ids, calls, strict=False):
        tool = tools[call.tool]
        tried[call.tool] += 1
        most = tool.get("max_uses")
        ordered = "" if call.tool == SEARCH and script.web_error.startswith("url_") else script.web_error
        error = "max_uses_exceeded" if most is not None and tried[call.tool] > most else ordered
        pages, error = _pages(call, tool, error)
        blocks += [tool_block(number, call.tool, call.given, "server_tool_use")]
        blocks += [Block(_result(call.tool, number, pages, error, tool, script))]
        counts[call.tool] += not error
        findings.append(_finding(call, pages, error))
        citations += [_citation(page) for page in pages[:1] if call.tool == SEARCH]
    uses = {f"{name}_requests": count for name, count in counts.items()}
    return Surfed(tuple(blocks), tuple(citations), uses, tuple(findings))


def found_pages(query: str, tool: Mapping[str, Any]) -> list[Page]:
    """Three results for a query, on hosts that the tool allows."""
    hosts = list(tool.get("allowed_domains") or _HOSTS)
    hosts = [host for host in hosts if not _within(host, tool.get("blocked_domains") or ())]
    slug = re.sub(r"[^a-z0-9]+", "-", query.lower()).strip("-")[:60] or "page"
    return [page_at(f"https://{hosts[n % len(hosts)]}/{slug}/{n + 1}") for n in range(3)] if hosts else []


def found_earlier(body: Mapping[str, Any]) -> list[str]:
    """A line for each use in answers that paused before this one."""
    return [
        f"Found before: {', '.join(addresses)}."
        for message in messages_of(dict(body))
        for block in blocks_of(message)
        if block["type"] in (f"{SEARCH}_tool_result", f"{FETCH}_tool_result")
        if (addresses := _addresses(block["content"]))
    ]


def page_at(url: str) -> Page:
    """The page at an address; the same at any time."""
    parts = urlsplit(url)
    words = re.findall(r"[A-Za-z0-9]+", parts.path) or [parts.hostname or "page"]
    title = " ".join(words).capitalize()
    number = int(hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:6], 16)
    text = (
        f"{title}\n\nThis page of {parts.hostname} is about {' '.join(words)}. "
        f"It was looked at {number % 9_000 + 1_000:,} times. "
        f"Of {number % 90 + 10} cases, {number % 9 + 1} went otherwise than was expected.\n"
    )
    return Page(url, title, text)


def query_of(text: str) -> str:
    """Some words of a prompt, as one would search for them."""
    plain = re.sub(r"^(?:simulate[\w-]*|token):.*$", "", text, flags=re.MULTILINE)
    words = [w for w in re.findall(r"[^\W_]{4,}", plain) if w.lower() not in _STOP_WORDS]
    return " ".join(words[:6]).lower() or "anything"


def _pages(call: Call, tool: Mapping[str, Any], error: str) -> tuple[list[Page], str]:
    if error:
        return [], error
    if call.tool == SEARCH:
        query = call.given.get("query")
        if not isinstance(query, str) or not query:
            return [], "invalid_tool_input"
        return found_pages(query, tool), ""
    url = call.given.get("url")
    if not isinstance(url, str) or not urlsplit(url).hostname:
        return [], "invalid_tool_input"
    host = urlsplit(url).hostname or ""
    allowed, blocked = tool.get("allowed_domains"), tool.get("blocked_domains") or ()
    if _within(host, blocked) or (allowed and not _within(host, allowed)):
        return [], "url_not_allowed"
    return ([], "url_not_accessible") if host.startswith(_UNREACHABLE) else ([page_at(url)], "")


def _addresses(content: Any) -> list[str]:
    found = content if isinstance(content, list) else [content]
    return [one["url"] for one in found if isinstance(one, dict) and isinstance(one.get("url"), str)]


def _within(host: str, domains: Sequence[str]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def _result(
    name: str, number: str, pages: list[Page], error: str, tool: Mapping[str, Any], script: Script
) -> dict[str, Any]:
    kind = f"{name}_tool_result"
    content: Any
    if error:
        content = {"type": f"{kind}_error", "error_code": error}
    elif name == SEARCH:
        content = [_search_result(page, script) for page in pages]
    else:
        content = _fetched(pages[0], tool, script)
    return {"type": kind, "tool_use_id": number, "content": content}


def _search_result(page: Page, script: Script) -> dict[str, Any]:
    return {
        "type": "web_search_result",
        "url": page.url,
        "title": page.title + (HOSTILE if script.hostile else ""),
        "encrypted_content": _sealed(page.url + page.text),
        "page_age": "October 30, 2026",
    }


def _fetched(page: Page, tool: Mapping[str, Any], script: Script) -> dict[str, Any]:
    text = page.text + (HOSTILE if script.hostile else "")
    most = tool.get("max_content_tokens")
    source = {"type": "text", "media_type": "text/plain", "data": text if most is None else text[: 4 * most]}
    document = {"type": "document", "source": source, "title": page.title}
    return {"type": "web_fetch_result", "url": page.url, "content": document, "retrieved_at": _RETRIEVED}


def _citation(page: Page) -> dict[str, Any]:
    return {
        "type": "web_search_result_location",
        "url": page.url,
        "title": page.title,
        "encrypted_index": _sealed(page.url),
        "cited_text": page.text[:150],
    }


def _finding(call: Call, pages: list[Page], error: str) -> str:
    what = str(call.given.get("query") or call.given.get("url") or "?")
    if error:
        return f"{call.tool} of {what}: {error}."
    fact = pages[0].text.splitlines()[-1].partition(". ")[2] if pages else "Nothing was found."
    return f"{what}: {', '.join(page.url for page in pages)}. {fact}"


def _sealed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() * 2
