// A page of channels: one picture as the background of its tiles, which are the options of a listbox.
const SORTS = [
  ["class", "For the class", "Largest contribution to the class first (gradient × activation, summed over places)"],
  ["activation", "By activation", "Largest activation first"],
  ["index", "By number", "In the network's own order"],
];
const RECIPES = [
  ["preview", "Preview", "16 steps: quick and rough"],
  ["default", "Default", "30 steps, or 40 for the last layers"],
  ["high", "High", "80 steps and larger pictures: minutes a page"],
];
const SCALES = [["own", "Own scale", "Each map up to its own peak"], ["shared", "Shared scale", "All maps up to the layer's peak"]];

export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-channel-grid");
    const note = el("span", "nbviz-note");
    const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the tiles show" });
    const sort = selectBox(SORTS, "Order of the channels"), second = selectBox(SCALES, "Scale of the colours");
    const grid = focusable(set(el("div", "nbviz-tiles"), { role: "listbox", tabindex: 0, id: uid("tiles"), "aria-orientation": "horizontal" }));
    const tip = el("div", "nbviz-tip");
    const caption = el("span", "nbviz-grid-caption"), back = pagerButton("‹", "Page before"), range = el("span", "nbviz-num"), on = pagerButton("›", "Next page");
    const further = el("p", "nbviz-caption nbviz-grid-note"), line = el("div", "nbviz-progress", el("div"));
    const how = el("span", "nbviz-num"), cancel = button("Cancel", "nbviz-link"), begin = button("", "nbviz-link");
    const start = button(""), offer = el("div", "nbviz-offer", el("p"), start);
    tip.hidden = true;
    root.append(
      el("div", "nbviz-head", el("span", "nbviz-title", "Channels"), note),
      el("div", "nbviz-bar", segment, sort.box, second.box),
      drawState(model, el("div"), life),
      el("div", "nbviz-sheet", grid, tip),
      offer,
      line,
      el("div", "nbviz-caption nbviz-grid-foot", el("span", "nbviz-grid-said", caption, how, cancel, begin), el("span", "nbviz-tile-pager", back, range, on)),
      further,
    );
    const send = (event, more = {}) => model.send({ event, ...more });
    const tiles = tileView(model, life, grid);
    const turn = (by) => { const page = model.get("page") + by; if (page >= 0 && page < model.get("pages")) send("page", { page }); };

    life.watch("about", () => { note.textContent = model.get("about"); note.title = note.textContent; set(grid, { "aria-label": `Channels of ${note.textContent}` }); });
    life.watch("modes look", () => drawModes(segment, model, send));
    life.watch("look", () => {
      const look = model.get("look");
      sort.select.value = look.sort;
      drawSecond(second, look);
    });
    life.listen(sort.select, "change", () => send("look", { look: { sort: sort.select.value } }));
    life.listen(second.select, "change", () => {
      const value = second.select.value;
      send("look", { look: model.get("look").mode === "made" ? { recipe: value } : { shared: value === "shared" } });
    });
    life.watch("progress share begin offer", () => {
      const asked = model.get("offer");
      offer.hidden = !asked;
      offer.firstChild.textContent = asked;
      start.textContent = model.get("begin");
      start.hidden = !model.get("begin");
      const progress = model.get("progress");
      line.classList.toggle("busy", Boolean(progress));
      line.firstChild.style.width = `${100 * model.get("share")}%`;
      how.textContent = progress;
      how.hidden = cancel.hidden = !progress;
      caption.hidden = Boolean(progress);
      begin.textContent = model.get("begin");
      begin.hidden = Boolean(asked) || !model.get("begin");
    });
    life.listen(cancel, "click", () => send("cancel"));
    [begin, start].forEach((node) => life.listen(node, "click", () => send("begin")));
    life.watch("caption note", () => {
      caption.textContent = model.get("caption");
      further.textContent = model.get("note");
      further.hidden = !model.get("note");
    });
    life.watch("first total page pages channels", () => {
      const first = model.get("first"), page = model.get("page");
      range.textContent = model.get("channels").length ? `${first + 1}–${first + model.get("channels").length} of ${model.get("total")}` : "";
      back.hidden = on.hidden = model.get("pages") < 2 || !model.get("channels").length;
      back.disabled = page <= 0;
      on.disabled = page >= model.get("pages") - 1;
    });
    life.listen(back, "click", () => turn(-1));
    life.listen(on, "click", () => turn(1));
    life.watch("state", () => grid.classList.toggle("nbviz-waiting", model.get("state") === "computing"));

    const choose = (place) => {
      const channel = model.get("channels")[place];
      if (channel === undefined) return;
      if (channel === tiles.chosen()) { send("canvas"); return; }
      tiles.choose(channel);
      send("choose", { channel });
    };
    life.listen(grid, "click", (event) => {
      const place = tiles.at(event.target);
      if (place === null) return;
      tiles.activate(place);
      choose(place);
    });
    life.listen(grid, "keydown", gridKeys(model, tiles, choose, turn, send));
    hovering(grid, tip, life, tiles, model);
    return life.end;
  },
};

function pagerButton(text, label) {
  return set(button(text, "nbviz-tile-turn"), { "aria-label": label, title: label });
}

/** What stands after the order: the scale of maps, the recipe of made pictures, nothing for found ones. */
function drawSecond({ box, select }, look) {
  const made = look.mode === "made", options = made ? RECIPES : SCALES;
  if (select.dataset.of !== String(made)) {
    fillSelect(select, options);
    set(select, { "aria-label": made ? "How the pictures are made" : "Scale of the colours", "data-of": String(made) });
  }
  box.hidden = look.mode === "found";
  select.value = made ? look.recipe : look.shared && look.scalable ? "shared" : "own";
  select.disabled = !made && !look.scalable;
}

function drawModes(segment, model, send) {
  const look = model.get("look"), kept = segment.contains(document.activeElement) ? document.activeElement.dataset.mode : null;
  segment.replaceChildren(...model.get("modes").map(([key, text, title, enabled]) => {
    const node = set(button(text, ""), { "aria-pressed": String(key === look.mode), "data-mode": key, title });
    node.disabled = !enabled;
    node.addEventListener("click", () => send("look", { look: { mode: key } }));
    return node;
  }));
  if (kept) segment.querySelector(`[data-mode="${kept}"]`)?.focus();
}

/** The tiles: painted all at once, when the new picture is decoded; chosen, marked and active among them. */
function tileView(model, life, grid) {
  let url = "", turn = 0, chosen = null, active = 0, page = null, shown = [], wanted = null;
  const nodes = [];
  life.after(() => URL.revokeObjectURL(url));

  const paint = (fresh, sheet, channels, words, bars) => {
    while (nodes.length < channels.length) nodes.push(set(el("div", "nbviz-tile", el("span")), { role: "option", id: `${grid.id}-${nodes.length}` }));
    grid.classList.toggle("nbviz-bars", bars.length > 0);
    grid.classList.toggle("nbviz-signed", Boolean(sheet.signed));
    grid.classList.toggle("nbviz-photos", Boolean(sheet.photos));
    grid.style.setProperty("--columns", sheet.columns || 1);
    grid.style.setProperty("--aspect", sheet.aspect || 1);
    grid.replaceChildren(...nodes.slice(0, channels.length));
    const width = sheet.columns * (sheet.tile_width + sheet.gap) - sheet.gap, height = sheet.rows * (sheet.tile_height + sheet.gap) - sheet.gap;
    const size = `${(100 * width) / sheet.tile_width}% ${(100 * height) / sheet.tile_height}%`;
    const part = (step, each, whole) => (whole > each ? (100 * step) / (whole - each) : 0);
    channels.forEach((channel, i) => {
      const column = i % sheet.columns, row = Math.floor(i / sheet.columns), style = nodes[i].style;
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
    const marked = new Set(model.get("marked")), ill = new Set(model.get("ill"));
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
  const choosePlace = (place) => { choose(shown[place]); model.send({ event: "choose", channel: shown[place] }); };
  const choose = (channel) => { chosen = channel; mark(); };

  life.watch("mosaic bars sheet channels words", async () => {
    // one update changes several traits: paint once, after the last
    const mine = ++turn;
    await Promise.resolve();
    if (mine !== turn) return;
    const fresh = bytesUrl(model.get("mosaic"), "", model.get("sheet").kind), sheet = model.get("sheet"), channels = model.get("channels"), words = model.get("words");
    if (fresh) {
      const picture = new Image();
      picture.src = fresh;
      await picture.decode().catch(() => null);
    }
    if (mine !== turn) { URL.revokeObjectURL(fresh); return; }
    paint(fresh, sheet, channels, words, model.get("bars"));
    URL.revokeObjectURL(url);
    url = fresh;
  });
  life.watch("channel", () => { chosen = model.get("channel"); mark(); });
  life.watch("marked on_canvas ill", mark);
  return {
    choose,
    chosen: () => chosen,
    active: () => active,
    activate: (place) => { active = place; mark(); },
    at: (node) => { const tile = node.closest(".nbviz-tile"); return tile ? Number(tile.dataset.place) : null; },
    node: (place) => nodes[place],
    count: () => shown.length,
    /** After the page has turned, choose its first or last tile. */
    chooseNext: (which) => { wanted = which; },
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
  const go = (place) => { tiles.activate(place); if (model.get("channels")[place] !== tiles.chosen()) choose(place); };
  const step = (by) => {
    const place = tiles.active() + by;
    if (place >= 0 && place < tiles.count()) { go(place); return; }
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
function hovering(grid, tip, life, tiles, model) {
  const hide = () => { tip.hidden = true; };
  life.listen(grid, "pointermove", (event) => {
    const place = tiles.at(event.target);
    if (place === null) { hide(); return; }
    tip.textContent = model.get("words")[place] || "";
    tip.hidden = false;
    const box = grid.getBoundingClientRect(), tile = tiles.node(place).getBoundingClientRect();
    const left = Math.min(Math.max(0, tile.left - box.left), Math.max(0, box.width - tip.offsetWidth));
    const below = tile.bottom - box.top + 4, above = tile.top - box.top - tip.offsetHeight - 4;
    tip.style.left = `${left}px`;
    tip.style.top = `${above >= 0 || below + tip.offsetHeight > box.height + 30 ? above : below}px`;
  });
  life.listen(grid, "pointerleave", hide);
  life.listen(grid, "pointerdown", hide);
}
