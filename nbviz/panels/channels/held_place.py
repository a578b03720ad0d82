"""Place of the chosen channel on the page: it stays while the order around it changes, until a person follows it."""

from __future__ import annotations

from dataclasses import replace

from nbviz.drawing.numbers import ordinal
from nbviz.panels.scenes.channel_page import ChannelLook, ChannelsPage
from nbviz.session.requests.base import ChannelsAnswer


def held(look: ChannelLook, page: ChannelsPage | None, channel: int | None, first: int | None = None) -> ChannelLook:
    """Return the look that keeps a channel's tile where it is on the page; as it came where there is none.

    channel: None lets go of it. first: rank of the first tile of the page that is drawn next; None for the same page.
    """
    if channel is None or page is None:
        return replace(look, held=None)
    if channel not in page.channels:
        # on another page already: there is no tile to keep in place
        return look if first is None else replace(look, held=None)
    tile = page.channels.index(channel)
    return replace(look, held=(channel, (page.first if first is None else first) + tile))


def held_words(answer: ChannelsAnswer, look: ChannelLook, page: ChannelsPage) -> str:
    """Describe where the held channel belongs: ``"channel 116 is now 130th of 240"``; empty if there."""
    if look.held is None or look.held[0] not in page.channels:
        return ""
    channel, place = look.held
    order = answer.order(look.sort).tolist()
    rank = order.index(channel)
    return "" if rank == place else f"channel {channel} is now {ordinal(rank + 1)} of {len(order)}"
