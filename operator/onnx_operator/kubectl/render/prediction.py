"""A model's answer: its outputs, and the largest of scores."""

from itertools import islice
from math import prod
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from onnx_operator.kubectl.render.words import QUIET, bar, joined

Object = dict[str, Any]

SHOWN = 12  # values of an output
BEST = 5
# With fewer scores than this one sees the largest anyway.
MANY = 6


def prediction(answer: Object) -> Group:
    """Return which model answered, and its outputs."""
    version = answer.get("model_version")
    lines: list[RenderableType] = [
        Text.assemble((answer.get("model_name", ""), "bold"), f" version {version}" if version else "")
    ]
    for output in answer.get("outputs", []):
        lines.append(_head(output))
        lines.append(_best(output["data"]) if _is_scores(output) else _values(output["data"]))
    return Group(*lines)


def _head(output: Object) -> Text:
    return joined(Text(output["name"], "bold"), Text(f"{output['datatype']} {output['shape']}", QUIET))


def _values(data: list[Any]) -> Text:
    shown = ", ".join(_number(value) for value in islice(data, SHOWN))
    more = f", … {len(data) - SHOWN} more" if len(data) > SHOWN else ""
    return Text(f"  {shown}{more}")


def _is_scores(output: Object) -> bool:
    """Return whether it is one row of many floats: most likely a score for each class."""
    shape = output["shape"]
    one_row = len(shape) > 0 and prod(shape) == shape[-1]
    return one_row and shape[-1] >= MANY and output["datatype"].startswith("FP")


def _best(data: list[float]) -> Group:
    """Return the largest values with their indexes; as bars where they are shares of 1."""
    table = Table.grid(padding=(0, 2, 0, 0))
    shares = all(0 <= value <= 1 for value in data) and abs(sum(data) - 1) < 0.01
    ranked = sorted(range(len(data)), key=lambda index: data[index], reverse=True)
    for index in ranked[:BEST]:
        table.add_row(f"  [{index}]", _number(data[index]), bar(round(100 * data[index]), "green") if shares else "")
    return Group(table, Text(f"  and {len(data) - BEST} smaller ones", QUIET))


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
