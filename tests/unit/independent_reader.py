"""Reads a folder of format 1 by docs/format.md alone; knows no values but plain JSON. Each rule it keeps has its id."""

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

PLAIN = "abcdefghijklmnopqrstuvwxyz0123456789"
DEVICES = {"con", "prn", "aux", "nul", *(f"{device}{digit}" for device in ("com", "lpt") for digit in range(10))}


def name_of(identifier: str) -> str:
    """Return the name of an id: [N1] [N2]."""
    plain = 0 < len(identifier) <= 64 and identifier[0] in PLAIN and set(identifier) <= set(PLAIN + "_-")
    if plain and identifier not in DEVICES:
        return identifier
    slug = ""
    for character in identifier[:200].lower():
        slug += character if character in PLAIN else "" if slug.endswith("-") else "-"
    digest = hashlib.sha256(identifier.encode("utf-8", "surrogatepass")).digest()[:20]
    return (slug[:24].strip("-") or "id") + "~" + base64.b32encode(digest).decode().lower()


def identifier(spelled: Any) -> Any:
    """Return the id that is spelled so: [D5]."""
    return bytes.fromhex(spelled["utf8_hex"]).decode("utf-8", "surrogatepass") if type(spelled) is dict else spelled


def document(path: Path) -> dict[str, Any]:
    """Return the fields of a file: [D1] [D2]."""
    fields: dict[str, Any] = json.loads(path.read_bytes().decode("utf-8-sig"))
    assert fields["format"] == 1, path
    return fields


def read(root: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Return thread id -> namespace -> checkpoints, newest first."""
    document(root / "filesaver.json")  # [L1]
    threads = {}
    for folder in root.iterdir():
        told = folder / "thread.json"  # [T1]
        thread_id = identifier(document(told)["thread_id"]) if "~" in folder.name and told.exists() else folder.name
        if folder.is_dir() and name_of(thread_id) == folder.name:  # [L2] [N6] [L6]
            threads[thread_id] = read_thread(folder)
    return {thread_id: namespaces for thread_id, namespaces in threads.items() if namespaces}


def read_thread(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return namespace -> checkpoints, newest first: [L3] [C1] [C3] [N5]."""
    namespaces: dict[str, list[dict[str, Any]]] = {}
    for path in folder.glob("checkpoints/*/*.json"):
        fields = document(path)
        place = tuple(identifier(fields[key]) for key in ("checkpoint_ns", "checkpoint_id"))
        assert path.stem == name_of(place[1])
        assert path.parent.name == (name_of(place[0]) if place[0] else "_root")
        parent, moved = identifier(fields["parent_checkpoint_id"]), fields.keys() & {"source", "step"}
        metadata = {**{key: fields[key] for key in moved}, **fields["metadata"]}
        channels = [(identifier(each["channel"]), each["value"]) for each in fields["state"] if type(each) is dict]
        state = dict(channels) if type(fields["state"]) is list else fields["state"]  # [C6]
        state = {channel: resolved(folder, value) for channel, value in state.items()}
        found = {"id": place[1], "parent": parent, "state": state, "metadata": metadata}
        namespaces.setdefault(place[0], []).append({**found, "writes": read_writes(folder, *place)})
    return {ns: sorted(many, key=lambda each: each["id"], reverse=True) for ns, many in namespaces.items()}


def artifact(folder: Path, reference: str) -> bytes:
    """Return the content of an artifact: [A1] [A2] [A3] [A5]."""
    place, _, name = reference.partition("/")
    assert (place, "/" in name) == ("artifacts", False), reference
    data = (folder / "artifacts" / name).read_bytes()
    assert name[:64] == hashlib.sha256(data).hexdigest(), name
    return gzip.decompress(data) if name.count(".") > 1 and name.endswith(".gz") else data


def resolved(folder: Path, value: Any) -> Any:
    """Return plain JSON with the values in place of the references to them: [A4] [A7]."""
    if type(value) is list:
        return [resolved(folder, item) for item in value]
    if type(value) is not dict:
        return value
    if "$list" in value:
        items: list[Any] = []
        for reference in value["$list"]:
            chunk = json.loads(artifact(folder, reference))
            items += resolved(folder, chunk)
        return items + resolved(folder, value.get("tail", []))
    if "$artifact" in value:
        data, name = artifact(folder, value["$artifact"]), value["$artifact"]
        if "base64" in value:
            return value["base64"] + base64.b64encode(data).decode()
        return resolved(folder, json.loads(data)) if ".json" in name else data.decode() if ".txt" in name else data
    return {key: resolved(folder, item) for key, item in value.items()}


def read_writes(folder: Path, checkpoint_ns: str, checkpoint_id: str) -> list[tuple[str, str, Any]]:
    """Return the pending writes of a checkpoint, folded and in order: [L4] [W2] [W3]."""
    prefix = f"{name_of(checkpoint_ns) if checkpoint_ns else '_root'}.{name_of(checkpoint_id)}."
    bucket = hashlib.sha256(prefix.encode()).hexdigest()[0]
    folded: dict[tuple[str, int], tuple[str, int, tuple[str, str, Any]]] = {}
    paths = [path for path in (folder / "writes" / bucket).glob("*.json") if path.name.startswith(prefix)]
    for path in sorted(paths, key=lambda path: int(path.name.split(".")[3])):
        fields = document(path)
        path_of_task, task_id = identifier(fields["task_path"]), identifier(fields["task_id"])
        for write in fields["writes"]:
            if write["idx"] < 0 or (task_id, write["idx"]) not in folded:
                value = (task_id, identifier(write["channel"]), resolved(folder, write["value"]))
                folded[task_id, write["idx"]] = (path_of_task, write["idx"], value)
    return [value for _, _, value in sorted(folded.values(), key=lambda each: (each[0], each[2][0], each[1]))]
