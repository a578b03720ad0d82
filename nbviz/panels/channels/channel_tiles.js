// The tiles of a page of channels: painting, keys, the name of the channel pointed at.
/**
 * The tiles: painted all at once, when the new picture is decoded; chosen, marked and active among them.
 * @param {Model<import("./channel_grid.js").ChannelGridTraits>} model
 */
function tileView(model, life, grid) {
  let chosen = null,
    active = 0,
    page = null,
    shown = [],
    wanted = null;
  const nodes = [];
  const mark = () => {
    if (shown.includes(chosen) && document.activeElement !== grid) active = shown.indexOf(chosen);
    markTiles(model, nodes, shown, chosen, active);
    set(grid, { "aria-activedescendant": shown.length ? nodes[active].id : null });
  };
  const choose = (channel) => {
    chosen = channel;
    mark();
  };
  const activate = (place) => {
    active = place;
    mark();
  };
  decoded(
    model,
    life,
    "mosaic bars sheet channels words",
    (url) => {
      paintPage(model, grid, nodes, url);
      shown = model.get("channels");
      if (page !== model.get("page") || active >= shown.length) active = wanted === "last" ? shown.length - 1 : 0;
      page = model.get("page");
      if (wanted && shown.length) {
        choose(shown[active]);
        model.send({ event: "choose", channel: chosen });
      }
      wanted = null;
      mark();
    },
    () => model.get("sheet").kind,
  );
  life.watch("channel", () => choose(model.get("channel")));
  life.watch("marked on_canvas ill edited group", mark);
  return {
    choose,
    activate,
    chosen: () => chosen,
    active: () => active,
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

/**
 * Put a node into the grid for each channel of the page, with its tile of the mosaic and its bar.
 * @param {Model<import("./channel_grid.js").ChannelGridTraits>} model
 */
function paintPage(model, grid, nodes, url) {
  const sheet = model.get("sheet"),
    channels = model.get("channels"),
    words = model.get("words"),
    bars = model.get("bars");
  while (nodes.length < channels.length)
    nodes.push(set(el("div", "nbviz-tile", el("span")), { role: "option", id: `${grid.id}-${nodes.length}` }));
  grid.classList.toggle("nbviz-bars", bars.length > 0);
  grid.classList.toggle("nbviz-signed", Boolean(sheet.signed));
  grid.classList.toggle("nbviz-photos", Boolean(sheet.photos));
  grid.style.setProperty("--columns", sheet.columns || 1);
  grid.style.setProperty("--columns-broad", String(columnsFor(channels.length, sheet, 0.28)));
  grid.style.setProperty("--columns-beside", String(columnsFor(channels.length, sheet, 1.1)));
  grid.style.setProperty("--aspect", sheet.aspect || 1);
  grid.replaceChildren(...nodes.slice(0, channels.length));
  channels.forEach((_channel, i) => {
    const { style, firstChild } = nodes[i];
    style.backgroundImage = url ? `url(${url})` : "none";
    Object.assign(style, tileStyle(sheet, Math.floor(i / sheet.columns), i % sheet.columns));
    drawBar(firstChild.style, bars[i] || 0, sheet.signed);
    set(nodes[i], { "aria-label": words[i], "data-place": i });
  });
}

/**
 * @param {Model<import("./channel_grid.js").ChannelGridTraits>} model
 */
function markTiles(model, nodes, shown, chosen, active) {
  const marked = new Set(model.get("marked")),
    group = new Set(model.get("group")),
    ill = new Set(model.get("ill")),
    edited = new Set(model.get("edited"));
  shown.forEach((channel, i) => {
    const { classList } = set(nodes[i], { "aria-selected": String(channel === chosen || group.has(channel)) });
    classList.toggle("nbviz-first", channel === chosen && group.size > 0);
    classList.toggle("nbviz-marked", marked.has(channel));
    classList.toggle("nbviz-ill", ill.has(channel));
    classList.toggle("nbviz-edited", edited.has(channel));
    classList.toggle("nbviz-active", i === active);
    classList.toggle("nbviz-lies", channel === chosen && model.get("on_canvas"));
  });
}

/**
 * All tiles from one to another are chosen as well.
 * @param {Model<import("./channel_grid.js").ChannelGridTraits>} model
 */
function gather(model, send, from, to) {
  const channels = model.get("channels").slice(Math.min(from, to), Math.max(from, to) + 1);
  send("gather", { channels, on: true });
}

/**
 * The fewest columns whose rows of tiles are together no taller than `share` of the grid's width; bars keep theirs.
 * @param {number} count
 * @param {{ aspect?: number, columns?: number }} sheet
 * @param {number} share
 */
function columnsFor(count, { aspect = 1, columns = 1 }, share) {
  if (aspect < 0.8) return columns;
  let across = 1;
  while (Math.ceil(count / across) / aspect / across > share) across += 1;
  return across;
}

/** A bar from the ground, or from the middle where numbers have both signs. */
function drawBar(style, share, signed) {
  const half = signed ? 50 : 100;
  style.height = `${Math.abs(share) * half}%`;
  style.bottom = `${signed ? 50 - (share < 0 ? -share * 50 : 0) : 0}%`;
}

/**
 * Arrows choose, beyond the page's end on the next page, and with Shift choose as well; PageUp and PageDown only turn.
 * @param {Model<import("./channel_grid.js").ChannelGridTraits>} model
 */
function gridKeys(model, life, grid, tiles, choose, turn, send) {
  const go = (place) => {
    tiles.activate(place);
    if (model.get("channels")[place] !== tiles.chosen()) choose(place);
  };
  const step = (by, event) => {
    const place = tiles.active() + by;
    if (place >= 0 && place < tiles.count()) {
      if (event.shiftKey) {
        gather(model, send, tiles.active(), place);
        tiles.activate(place);
      } else go(place);
      return;
    }
    const on = place > 0;
    if (on ? model.get("page") >= model.get("pages") - 1 : model.get("page") <= 0) return;
    tiles.chooseNext(on ? "first" : "last");
    turn(on ? 1 : -1);
  };
  const acts = {
    ArrowRight: (event) => step(1, event),
    ArrowLeft: (event) => step(-1, event),
    ArrowDown: (event) => step(tilesInRow(grid), event),
    ArrowUp: (event) => step(-tilesInRow(grid), event),
    Home: () => go(0),
    End: () => go(tiles.count() - 1),
    PageDown: () => turn(1),
    PageUp: () => turn(-1),
    Enter: () => choose(tiles.active()),
    " ": () => choose(tiles.active()),
    Escape: () => send("explanation"),
  };
  listenKeys(life, grid, acts, () => tiles.count() > 0);
}

/**
 * Names the tile under the pointer; no message.
 * @param {Model<import("./channel_grid.js").ChannelGridTraits>} model
 */
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

/**
 * How many tiles stand in a row now: the frame's width decides.
 * @param {HTMLElement} grid
 */
function tilesInRow(grid) {
  return getComputedStyle(grid).gridTemplateColumns.split(" ").length;
}
