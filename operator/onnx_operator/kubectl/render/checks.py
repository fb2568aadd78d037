"""What each check says of the candidate: a line each in a table, and below it the words of those that have some."""

from typing import Any

from rich.table import Table
from rich.text import Text

from onnx_operator.kubectl.render.words import BAD, QUIET, VERDICTS, WAITING, joined

Object = dict[str, Any]


def checks_table(checks: list[Object]) -> Table:
    """Return verdict, name, value, interval, samples and sparkline of each check; no column that would be empty."""
    columns = {
        "check": [_name(check) for check in checks],
        "value": [Text(check.get("value") or "") for check in checks],
        "interval": [Text(check.get("interval") or "", QUIET) for check in checks],
        "samples": [_samples(check) for check in checks],
        "over time": [Text(check.get("trend") or "", _sign(check)[1]) for check in checks],
    }
    kept = {head: cells for head, cells in columns.items() if any(cells)}
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style=QUIET)
    for head in kept:
        table.add_column(
            head, justify="right" if head == "samples" else "left", overflow="fold", no_wrap=head == "check"
        )
    for row in zip(*kept.values(), strict=True):
        table.add_row(*row)
    return table


def check_notes(checks: list[Object]) -> list[Text]:
    """Return what checks say in words, those that fail first."""
    said = sorted((check for check in checks if check.get("message")), key=lambda check: check["verdict"] != "Fail")
    styles = {"Fail": BAD}
    return [joined(_name(check), Text(check["message"], styles.get(check["verdict"], QUIET))) for check in said]


def _sign(check: Object) -> tuple[str, str]:
    return VERDICTS.get(check["verdict"], ("?", WAITING))


def _name(check: Object) -> Text:
    sign, style = _sign(check)
    return Text(f"{sign} {check['check']}", style)


def _samples(check: Object) -> Text:
    """Return how many samples there are of how many that a Pass takes, ``50/100``."""
    samples, needed = check.get("samples"), check.get("needed")
    if samples is None and needed is None:
        return Text()
    has = samples or 0
    return Text(f"{has}/{needed}" if needed else str(has), WAITING if needed and has < needed else QUIET)
