"""The page of a thread, as a document: small, whole, without secrets, and with no markup but its own."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langgraph.graph import START, MessagesState, StateGraph

from langgraph_filesaver import FileSaver, NotFoundError
from langgraph_filesaver.inspection.report import StateTable
from tests.checkpoints import config_of, put
from tests.inspection.looking import chat, config_for
from tests.stores import Home, WatchedStore

PAYLOADS = [
    "<script>document.title='ran'</script>",
    "</script><img src=x onerror=\"document.title='ran'\">",
    '"><svg onload="document.title=\'ran\'">',
    "' onmouseover='document.title=1' x='",
    "javascript:document.title='ran'",
    "<!--<script>",
    "]]><style>*{display:none}</style>",
    "&lt;b&gt;&#60;b&#62;",
    "{{constructor.constructor('document.title=1')()}}",
    "data:image/svg+xml;base64,PHN2ZyBvbmxvYWQ9ImRvY3VtZW50LnRpdGxlPTEiLz4=",
    "data:text/html;base64,PHNjcmlwdD5kb2N1bWVudC50aXRsZT0xPC9zY3JpcHQ+",
]


class Outline(HTMLParser):
    """What a page consists of: its tags with their attributes, and its text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.addresses: list[str] = []
        self.text = ""
        self.scripts: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag, tuple(name for name, _ in attrs)] += 1
        self.addresses += [value or "" for name, value in attrs if name in {"href", "src", "action", "data"}]
        if tag not in {"meta", "img", "input", "br"}:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "script":
            self.scripts.append(data)
        elif inside != "style":
            self.text += data


def thread_of(saver: FileSaver, payload: str) -> str:
    """Put a thread that holds a text wherever a state, a person or a graph can put one, and return its page."""
    messages = [
        {"$type": "x", "content": payload},
        {
            "role": payload,
            "content": [{"type": "text", "text": payload}, {"type": "image_url", "image_url": {"url": payload}}],
        },
    ]
    rows = [{payload: payload, "b": 1}, {payload: payload, "b": 2}]
    state = {payload: payload, "messages": messages, "rows": rows, "deep": {payload: [{payload: [payload] * 20}]}}
    put(saver, "1", state, thread_id=payload, metadata={payload: payload, "source": payload})
    put(
        saver,
        "2",
        {**state, "extra": [payload, payload * 200]},
        thread_id=payload,
        parent="1",
        metadata={"source": payload},
    )
    writes = [(payload, payload), ("__error__", payload), ("__interrupt__", [{"value": payload, "id": payload}])]
    saver.put_writes(config_of(payload, "", "2"), writes, payload, f"~__pregel_pull, {payload}")
    return saver.thread(payload).report()


@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_markup_comes_from_a_state(home: Home, payload: str) -> None:
    """A page of a hostile thread has the elements and attributes of the page of a harmless one, and no address but of images."""
    harmless = Outline(thread_of(home.saver(), "plain words"))
    hostile = Outline(thread_of(home.saver(), payload))
    assert set(hostile.tags) <= set(harmless.tags)
    assert hostile.tags["script", ()] == 1
    assert hostile.tags["script", ("type", "id")] == 1
    assert all(each.startswith("data:image/") for each in hostile.addresses)
    assert json.loads(hostile.scripts[0])["steps"]
    assert payload in hostile.text


def test_each_record_of_a_hostile_thread_is_inert(home: Home) -> None:
    """What notebooks show is closed markup without scripts or addresses, whatever the state holds."""
    saver = home.saver()
    for payload in PAYLOADS:
        thread_of(saver, payload)
        thread = saver.thread(payload)
        everything: list[Any] = [
            saver.threads(),
            thread,
            thread.latest,
            thread.history(),
            thread.diff(),
            thread.tree(),
            thread.writes(),
        ]
        for each in everything:
            outline = Outline(each._repr_html_())
            assert not any(tag in {"script", "svg", "a", "iframe", "object", "link"} for tag, _ in outline.tags)
            assert not any(name.startswith("on") for _, names in outline.tags for name in names)
            assert outline.addresses == []


def test_an_image_is_shown_only_if_it_is_one(home: Home) -> None:
    """A picture in a message is shown; one that begins as another kind, a vector image and a broken one are not."""
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    addresses = {
        f"data:image/png;base64,{png}": True,
        "data:image/png;base64,PHN2ZyBvbmxvYWQ9ImRvY3VtZW50LnRpdGxlPTEiLz4=": False,
        "data:image/svg+xml;base64,PHN2Zy8+": False,
        f'data:image/png;base64,{png}" onerror="1': False,
        "data:image/png;base64,%%%": False,
        "https://example.org/pixel.png": False,
    }
    saver = home.saver()
    for number, (address, is_shown) in enumerate(addresses.items()):
        put(saver, str(number), {"picture": address}, thread_id=f"t{number}")
        found = Outline(saver.thread(f"t{number}").latest._repr_html_()).addresses
        assert found == ([f"data:image/png;base64,{png}"] if is_shown else [])


def test_no_secret_is_in_a_page(home: Home) -> None:
    """What stands under the name of a credential is nowhere in the page, its script's data included."""
    saver, secret = home.saver(), "sk-" + "7" * 20
    for step in range(3):
        put(
            saver,
            str(step),
            {"api_key": secret, "config": {"password": secret}, "n": step},
            parent=str(step - 1) if step else None,
        )
    assert secret not in saver.thread("t").report()


def test_a_page_needs_nothing_from_elsewhere(home: Home) -> None:
    """Its policy allows nothing but what is in it, and its own script is the only one that may run."""
    saver = home.saver()
    chat(saver).invoke({"log": ["begun"]}, config_for("t"))
    page = saver.thread("t").report()
    assert "default-src 'none'" in page
    assert not re.search(r"https?://|@import|url\(", page)


def test_a_page_of_a_long_chat_is_small(tmp_path_factory: pytest.TempPathFactory) -> None:
    """600 checkpoints of 400 messages of 500 characters make a page of less than 3 MB: no message stands there 600 times."""
    saver = FileSaver(tmp_path_factory.mktemp("long"), fsync=False)
    builder: Any = StateGraph(MessagesState)
    builder.add_node("answer", lambda state: {"messages": [("ai", "What the agent said, in its words. " * 14)]})
    builder.add_edge(START, "answer")
    graph: Any = builder.compile(checkpointer=saver)
    for turn in range(200):
        graph.invoke({"messages": [("user", f"{turn} " + "What I asked of it, in my words. " * 15)]}, config_for("t"))
    thread = saver.thread("t")
    assert len(thread.history()) == 600
    page = thread.report()
    assert len(page.encode()) < 3_000_000
    assert page.count('<details class="step">') == 600


def test_names_that_are_no_text_are_spelled(home: Home) -> None:
    """Half a surrogate pair in an id, a channel or a value stands in the page as its code: the page can be written."""
    saver, odd = home.saver(), "a\ud800"
    put(saver, "1", {odd: [odd, {odd: odd}]}, thread_id=odd, metadata={odd: odd})
    page = saver.thread(odd).report()
    assert page.encode()
    assert "a\\ud800" in Outline(page).text
    assert repr(saver.thread(odd).latest).encode()
    assert saver.thread(odd).latest._repr_html_().encode()


def test_a_called_graph_has_its_own_timeline(home: Home) -> None:
    """Each namespace is told, also where the root has no checkpoint."""
    saver = home.saver()
    put(saver, "1", {"log": ["sub"]}, checkpoint_ns="node:1")
    assert "node:1" in Outline(saver.thread("t").report()).text


def test_a_thread_that_is_deleted_meanwhile_is_not_found(home: Home) -> None:
    """At whichever listing it goes while its page is made, there is a page or a NotFoundError."""
    for moment in range(1, 40):
        put(home.saver(), "1", {"log": []})
        store = WatchedStore(home.store())
        thread = FileSaver(store).thread("t")

        def delete(_: str, store: WatchedStore = store, moment: int = moment, before: int = len(store.lists)) -> None:
            if len(store.lists) - before == moment:
                home.saver().delete_thread("t")

        store.before_list = delete
        with contextlib.suppress(NotFoundError):
            assert "</html>" in thread.report()


LISTS = st.lists(st.sampled_from("abc"), max_size=6)


@given(st.lists(st.fixed_dictionaries({}, optional={"x": LISTS, "y": LISTS | st.integers(0, 2)}), max_size=8))
def test_lists_are_stored_as_what_they_add(states: list[dict[str, Any]]) -> None:
    """From what the table holds each list of each step can be put together again, as the page's script does it."""
    table = StateTable()
    for state in states:
        table.add(state)
    data = json.loads(table.to_script())
    for number, state in enumerate(states):
        for name, value in state.items():
            assert value_at(data, number, name) == value


def value_at(data: dict[str, Any], number: int, name: str) -> Any:
    entry = data["steps"][number][name]
    if isinstance(entry, int):
        return data["values"][entry]
    before = value_at(data, entry["of"], name)[: entry["keep"]] if entry["keep"] else []
    return before + [data["values"][index] for index in entry["items"]]
