"""Matching of a data set's classes with a network's, by name where both have names."""

from __future__ import annotations

from collections.abc import Sequence

from nbviz.errors import Refused, nearest


def matched(ours: Sequence[str] | None, theirs: Sequence[str], named: bool) -> tuple[tuple[int, ...] | None, list[str]]:
    """Return the network's class of each of the data set's, −1 where it has none, and notes for a person.

    ours: names in the data set; None for plain numbers. theirs: the network's. named: whether the network has names
    of its own. None for the first where numbers are the same. Raises Refused where neither names nor counts agree.
    """
    if ours is None or tuple(ours) == tuple(theirs):
        return None, []
    # by name first: fifty classes of a thousand in a folder of one's own are taken for what they are called
    places = {name.casefold(): place for place, name in reversed(list(enumerate(theirs)))}
    classes = tuple(places.get(name.casefold(), -1) for name in ours) if named else ()
    missing = [name for name, place in zip(ours, classes, strict=False) if place < 0]
    if classes and len(missing) < len(classes):
        return classes, [_missing(missing, theirs)] if missing else []
    if len(ours) == len(theirs):
        note = f"The data set's classes have other names than the network's: they are taken in order ({ours[0]} is "
        return None, [f"{note}{theirs[0]}, …)."] if named else []
    raise Refused(
        f"The data set has {len(ours)} classes ({_some(ours)}) and the network {len(theirs)} ({_some(theirs)}), and no "
        "name is in both: pass labels= with the network's own class numbers, or InstrumentedModel(…, classes=names)."
    )


def _missing(missing: Sequence[str], theirs: Sequence[str]) -> str:
    close = nearest(missing[0], theirs)
    hint = f" Nearest to '{missing[0]}': '{close}'." if close else ""
    verb = "is" if len(missing) == 1 else "are"
    return (
        f"{len(missing)} of the data set's classes {verb} none of the network's ({_some(missing)}): their pictures "
        f"count as without label.{hint}"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(str, names[:3])) + (", …" if len(names) > 3 else "")
