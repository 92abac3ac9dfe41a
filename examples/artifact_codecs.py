"""Frames as Parquet and pictures as PNG: formats of your own for artifacts.

Needs pandas with pyarrow, and Pillow; run it with a folder: `python examples/artifact_codecs.py FOLDER`.
"""

import io
import sys
from typing import TypedDict

import pandas as pd
from langgraph.graph import START, StateGraph
from PIL import Image

from langgraph_filesaver import ArtifactCodec, FileSaver


def to_png(picture: Image.Image) -> bytes:
    """Return a picture as PNG."""
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def from_png(data: bytes) -> Image.Image:
    """Return the picture in a PNG."""
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


CODECS = [
    ArtifactCodec(pd.DataFrame, ".parquet", pd.DataFrame.to_parquet, lambda data: pd.read_parquet(io.BytesIO(data))),
    ArtifactCodec(Image.Image, ".png", to_png, from_png),
]


class State(TypedDict):
    """What the agent found, and a picture of it."""

    table: pd.DataFrame
    picture: Image.Image


def look(_: State) -> State:
    """Find something."""
    table = pd.DataFrame({"city": ["Oslo", "Bergen"], "rain": [2.5, 7.0]})
    return {"table": table, "picture": Image.new("RGB", (64, 64), "teal")}


with FileSaver(sys.argv[1], artifact_codecs=CODECS) as saver:
    graph = StateGraph(State).add_node(look).add_edge(START, "look").compile(saver)
    graph.invoke({}, {"configurable": {"thread_id": "weather"}})

with FileSaver(sys.argv[1], artifact_codecs=CODECS) as saver:
    graph = StateGraph(State).add_node(look).add_edge(START, "look").compile(saver)
    found = graph.get_state({"configurable": {"thread_id": "weather"}}).values
    print(found["table"])
    print(found["picture"].size)
