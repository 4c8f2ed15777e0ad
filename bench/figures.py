"""One line of the table."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`ratio` compares `ours` with `peers`, measured in the same run; `goal` is what it should reach."""

    what: str
    ours: str
    peer: str
    peers: str
    ratio: float | None
    goal: str


def table(figures: list[Figure]) -> str:
    rows = [("what", "ours", "against", "measured", "ratio", "goal")] + [
        (each.what, each.ours, each.peer, each.peers, "" if each.ratio is None else f"{each.ratio:.2f}", each.goal)
        for each in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
