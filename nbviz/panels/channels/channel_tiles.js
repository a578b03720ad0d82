// The tiles of a page of channels: painting, keys, the name of the channel pointed at.
/** The tiles: painted all at once, when the new picture is decoded; chosen, marked and active among them. */
function tileView(model, life, grid) {
  let url = "",
    turn = 0,
    chosen = null,
    active = 0,
    page = null,
    shown = [],
    wanted = null;
  const nodes = [];
  life.after(() => URL.revokeObjectURL(url));

  const paint = (fresh, sheet, channels, words, bars) => {
    while (nodes.length < channels.length)
      nodes.push(set(el("div", "nbviz-tile", el("span")), { role: "option", id: `${grid.id}-${nodes.length}` }));
    grid.classList.toggle("nbviz-bars", bars.length > 0);
    grid.classList.toggle("nbviz-signed", Boolean(sheet.signed));
    grid.classList.toggle("nbviz-photos", Boolean(sheet.photos));
    grid.style.setProperty("--columns", sheet.columns || 1);
    grid.style.setProperty("--aspect", sheet.aspect || 1);
    grid.replaceChildren(...nodes.slice(0, channels.length));
    const width = sheet.columns * (sheet.tile_width + sheet.gap) - sheet.gap,
      height = sheet.rows * (sheet.tile_height + sheet.gap) - sheet.gap;
    const size = `${(100 * width) / sheet.tile_width}% ${(100 * height) / sheet.tile_height}%`;
    const part = (step, each, whole) => (whole > each ? (100 * step) / (whole - each) : 0);
    channels.forEach((_channel, i) => {
      const column = i % sheet.columns,
        row = Math.floor(i / sheet.columns),
        style = nodes[i].style;
      style.backgroundImage = fresh ? `url(${fresh})` : "none";
      drawBar(nodes[i].firstChild.style, bars[i] || 0, sheet.signed);
      style.backgroundSize = size;
      style.backgroundPosition = `${part(column * (sheet.tile_width + sheet.gap), sheet.tile_width, width)}% ${part(row * (sheet.tile_height + sheet.gap), sheet.tile_height, height)}%`;
      set(nodes[i], { "aria-label": words[i], "data-place": i });
    });
    shown = channels;
    if (page !== model.get("page") || active >= channels.length) active = wanted === "last" ? channels.length - 1 : 0;
    page = model.get("page");
    if (wanted && channels.length) choosePlace(active);
    wanted = null;
    mark();
  };
  const mark = () => {
    const marked = new Set(model.get("marked")),
      ill = new Set(model.get("ill"));
    if (shown.includes(chosen) && document.activeElement !== grid) active = shown.indexOf(chosen);
    shown.forEach((channel, i) => {
      set(nodes[i], { "aria-selected": String(channel === chosen) });
      nodes[i].classList.toggle("nbviz-marked", marked.has(channel));
      nodes[i].classList.toggle("nbviz-ill", ill.has(channel));
      nodes[i].classList.toggle("nbviz-active", i === active);
      nodes[i].classList.toggle("nbviz-lies", channel === chosen && model.get("on_canvas"));
    });
    set(grid, { "aria-activedescendant": shown.length ? nodes[active].id : null });
  };
  const choosePlace = (place) => {
    choose(shown[place]);
    model.send({ event: "choose", channel: shown[place] });
  };
  const choose = (channel) => {
    chosen = channel;
    mark();
  };

  life.watch("mosaic bars sheet channels words", async () => {
    // one update changes several traits: paint once, after the last
    const mine = ++turn;
    await Promise.resolve();
    if (mine !== turn) return;
    const fresh = bytesUrl(model.get("mosaic"), "", model.get("sheet").kind),
      sheet = model.get("sheet"),
      channels = model.get("channels"),
      words = model.get("words");
    if (fresh) {
      const picture = new Image();
      picture.src = fresh;
      await picture.decode().catch(() => null);
    }
    if (mine !== turn) {
      URL.revokeObjectURL(fresh);
      return;
    }
    paint(fresh, sheet, channels, words, model.get("bars"));
    URL.revokeObjectURL(url);
    url = fresh;
  });
  life.watch("channel", () => {
    chosen = model.get("channel");
    mark();
  });
  life.watch("marked on_canvas ill", mark);
  return {
    choose,
    chosen: () => chosen,
    active: () => active,
    activate: (place) => {
      active = place;
      mark();
    },
    at: (node) => {
      const tile = node.closest(".nbviz-tile");
      return tile ? Number(tile.dataset.place) : null;
    },
    node: (place) => nodes[place],
    count: () => shown.length,
    /** After the page has turned, choose its first or last tile. */
    chooseNext: (which) => {
      wanted = which;
    },
  };
}

/** A bar from the ground, or from the middle where numbers have both signs. */
function drawBar(style, share, signed) {
  const half = signed ? 50 : 100;
  style.height = `${Math.abs(share) * half}%`;
  style.bottom = `${signed ? 50 - (share < 0 ? -share * 50 : 0) : 0}%`;
}

/** Arrows choose, beyond the page's end on the next page; PageUp and PageDown only turn. */
function gridKeys(model, tiles, choose, turn, send) {
  const go = (place) => {
    tiles.activate(place);
    if (model.get("channels")[place] !== tiles.chosen()) choose(place);
  };
  const step = (by) => {
    const place = tiles.active() + by;
    if (place >= 0 && place < tiles.count()) {
      go(place);
      return;
    }
    const on = place > 0;
    if (on ? model.get("page") >= model.get("pages") - 1 : model.get("page") <= 0) return;
    tiles.chooseNext(on ? "first" : "last");
    turn(on ? 1 : -1);
  };
  const acts = {
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    ArrowDown: () => step(model.get("sheet").columns),
    ArrowUp: () => step(-model.get("sheet").columns),
    Home: () => go(0),
    End: () => go(tiles.count() - 1),
    PageDown: () => turn(1),
    PageUp: () => turn(-1),
    Enter: () => choose(tiles.active()),
    " ": () => choose(tiles.active()),
    Escape: () => send("explanation"),
  };
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key] || !tiles.count()) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  };
}

/** Names the tile under the pointer; no message. */
function hoverTiles(grid, tip, life, tiles, model) {
  const hide = () => {
    tip.hidden = true;
  };
  life.listen(grid, "pointermove", (event) => {
    const place = tiles.at(event.target);
    if (place === null) {
      hide();
      return;
    }
    tip.textContent = model.get("words")[place] || "";
    tip.hidden = false;
    const box = grid.getBoundingClientRect(),
      tile = tiles.node(place).getBoundingClientRect();
    const left = Math.min(Math.max(0, tile.left - box.left), Math.max(0, box.width - tip.offsetWidth));
    const below = tile.bottom - box.top + 4,
      above = tile.top - box.top - tip.offsetHeight - 4;
    tip.style.left = `${left}px`;
    tip.style.top = `${above >= 0 || below + tip.offsetHeight > box.height + 30 ? above : below}px`;
  });
  life.listen(grid, "pointerleave", hide);
  life.listen(grid, "pointerdown", hide);
}
