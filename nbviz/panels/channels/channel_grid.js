// A page of channels: one picture as the background of its tiles, which are the options of a listbox.
/** @type {Option[]} */
const SORTS = [
  [
    "class",
    "For the class",
    "Channels that add most to the class's score first (gradient × activation, summed over places)",
  ],
  [
    "effect",
    "By effect",
    "Measured: what the class loses most without comes first. Measure, on the card below, makes it",
  ],
  ["activation", "By activation", "Largest activation first"],
  ["index", "By number", "In the network's own order"],
];
/** @type {Option[]} */
const RECIPES = [
  ["preview", "Preview", "16 steps: quick and rough"],
  ["default", "Default", "30 steps, or 40 for the last layers"],
  ["high", "High", "80 steps and larger pictures: minutes a page"],
];
/** @type {Option[]} */
const SCALES = [
  ["own", "Own scale", "Each map up to its own peak"],
  ["shared", "Shared scale", "All maps up to the layer's peak"],
];

/**
 * Synced traits of `channel_grid.ChannelGrid`.
 * @typedef {Front & {
 *   about: string,
 *   modes: Choice[],
 *   look: { mode: string, sort: string, shared: boolean, recipe: string, scalable: boolean, measured: boolean },
 *   mosaic: DataView,
 *   bars: number[],
 *   sheet: Sheet & { kind: string, aspect?: number, signed?: boolean, photos?: boolean },
 *   channels: number[],
 *   words: string[],
 *   ill: number[],
 *   edited: number[],
 *   first: number,
 *   total: number,
 *   page: number,
 *   pages: number,
 *   caption: string,
 *   note: string,
 *   held: string,
 *   progress: string,
 *   share: number,
 *   begin: string,
 *   offer: string,
 *   channel: number | null,
 *   group: number[],
 *   on_canvas: boolean,
 *   marked: number[],
 * }} ChannelGridTraits
 */

export default {
  /** @param {View<ChannelGridTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-channel-grid");
    const send = (event, more = {}) => model.send({ event, ...more });
    const turn = (by) => {
      const page = model.get("page") + by;
      if (page >= 0 && page < model.get("pages")) send("page", { page });
    };
    const note = el("span", "nbviz-note"),
      tip = el("div", "nbviz-tip"),
      further = el("p", "nbviz-caption nbviz-grid-note");
    const grid = focusable(
      set(el("div", "nbviz-tiles"), {
        role: "listbox",
        tabindex: 0,
        "aria-multiselectable": "true",
        id: uid("tiles"),
        "aria-orientation": "horizontal",
      }),
    );
    tip.hidden = true;
    root.append(
      el("div", "nbviz-head", el("span", "nbviz-title", "Channels"), note),
      el("div", "nbviz-bar", ...gridControls(model, life, send)),
      drawState(model, el("div"), life),
      el("div", "nbviz-sheet", grid, tip),
      ...gridFoot(model, life, send, turn),
      further,
    );
    life.watch("about", () => {
      note.textContent = model.get("about");
      note.title = note.textContent;
      set(grid, { "aria-label": `Channels of ${note.textContent}` });
    });
    life.watch("note", () => {
      further.textContent = model.get("note");
      further.hidden = !model.get("note");
    });
    life.watch("state", () => grid.classList.toggle("nbviz-waiting", model.get("state") === "computing"));
    chooseTiles(model, life, grid, tip, send, turn);
    return life.end;
  },
};

/**
 * A click or a key chooses a tile; on the chosen one, it lays its map on the canvas.
 * @param {Model<ChannelGridTraits>} model
 */
function chooseTiles(model, life, grid, tip, send, turn) {
  const tiles = tileView(model, life, grid);
  const choose = (place) => {
    const channel = model.get("channels")[place];
    if (channel === undefined) return;
    if (channel === tiles.chosen()) {
      send("canvas");
      return;
    }
    tiles.choose(channel);
    send("choose", { channel });
  };
  life.listen(grid, "click", (event) => {
    const place = tiles.at(event.target);
    if (place === null) return;
    const from = tiles.active();
    tiles.activate(place);
    if (event.shiftKey) gather(model, send, from, place);
    else if (event.ctrlKey || event.metaKey) toggle(model, send, place);
    else choose(place);
  });
  gridKeys(model, life, grid, tiles, choose, turn, send);
  hoverTiles(grid, tip, life, tiles, model);
}

/**
 * One tile is chosen as well, or no more.
 * @param {Model<ChannelGridTraits>} model
 */
function toggle(model, send, place) {
  const channel = model.get("channels")[place];
  const on = channel !== model.get("channel") && !model.get("group").includes(channel);
  send("gather", { channels: [channel], on });
}

/**
 * What the tiles show, their order, and the scale or the recipe.
 * @param {Model<ChannelGridTraits>} model
 */
function gridControls(model, life, send) {
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the tiles show" });
  const sort = selectBox(SORTS, "Order of the channels"),
    second = selectBox(SCALES, "Scale of the colours");
  life.watch("modes look", () => {
    const look = model.get("look");
    fillSegment(segment, model.get("modes"), look.mode, (mode) => send("look", { look: { mode } }));
    sort.select.value = look.sort;
    for (const option of sort.select.options) option.disabled = option.value === "effect" && !look.measured;
    drawSecond(second, look);
  });
  life.listen(sort.select, "change", () => send("look", { look: { sort: sort.select.value } }));
  life.listen(second.select, "change", () => {
    const value = second.select.value;
    send("look", { look: model.get("look").mode === "made" ? { recipe: value } : { shared: value === "shared" } });
  });
  return [segment, sort.box, second.box];
}

/**
 * Below the tiles: an offer where there are none yet, how far they are, their caption, and the pager.
 * @param {Model<ChannelGridTraits>} model
 */
function gridFoot(model, life, send, turn) {
  const caption = el("span", "nbviz-grid-caption"),
    fill = el("div"),
    line = el("div", "nbviz-progress", fill),
    how = el("span", "nbviz-num"),
    cancel = button("Cancel", "nbviz-link"),
    follow = set(button("show it there", "nbviz-link"), { title: "Turns to the page where this channel belongs now" }),
    begin = button("", "nbviz-link"),
    start = button(""),
    sentence = el("p"),
    offer = el("div", "nbviz-offer", sentence, start);
  const words = el("span", "nbviz-grid-said", caption, follow, how, cancel, begin);
  life.watch("progress share begin offer", () => {
    const asked = model.get("offer"),
      progress = model.get("progress");
    offer.hidden = !asked;
    sentence.textContent = asked;
    start.textContent = begin.textContent = model.get("begin");
    start.hidden = !model.get("begin");
    begin.hidden = Boolean(asked) || !model.get("begin");
    line.classList.toggle("busy", Boolean(progress));
    fill.style.width = `${100 * model.get("share")}%`;
    how.textContent = progress;
    how.hidden = cancel.hidden = !progress;
    caption.hidden = Boolean(progress);
  });
  life.watch("caption held progress", () => {
    const held = model.get("held");
    caption.textContent = held || model.get("caption");
    caption.title = held ? `${held}. A tile that you chose stays when the order changes.` : model.get("caption");
    follow.hidden = !held || Boolean(model.get("progress"));
    words.classList.toggle("nbviz-grid-held", !follow.hidden);
  });
  life.listen(follow, "click", () => send("follow"));
  life.listen(cancel, "click", () => send("cancel"));
  [begin, start].forEach((node) => life.listen(node, "click", () => send("begin")));
  return [offer, line, el("div", "nbviz-caption nbviz-grid-foot", words, gridPager(model, life, turn))];
}

/**
 * @param {Model<ChannelGridTraits>} model
 */
function gridPager(model, life, turn) {
  const back = pagerButton("‹", "Page before"),
    range = el("span", "nbviz-num"),
    on = pagerButton("›", "Next page");
  range.title = "Channels on this page, of all of this layer in the order chosen above";
  life.watch("first total page pages channels", () => {
    const first = model.get("first"),
      page = model.get("page"),
      count = model.get("channels").length;
    range.textContent = count ? `${first + 1}–${first + count} of ${model.get("total")}` : "";
    back.hidden = on.hidden = model.get("pages") < 2 || !count;
    back.disabled = page <= 0;
    on.disabled = page >= model.get("pages") - 1;
  });
  life.listen(back, "click", () => turn(-1));
  life.listen(on, "click", () => turn(1));
  return el("span", "nbviz-tile-pager", back, range, on);
}

function pagerButton(text, label) {
  return set(button(text, "nbviz-tile-turn"), { "aria-label": label, title: label });
}

/** What stands after the order: the scale of maps, the recipe of made pictures, nothing for found ones. */
function drawSecond({ box, select }, look) {
  const made = look.mode === "made",
    options = made ? RECIPES : SCALES;
  if (select.dataset.of !== String(made)) {
    fillSelect(select, options);
    set(select, { "aria-label": made ? "How the pictures are made" : "Scale of the colours", "data-of": String(made) });
  }
  box.hidden = look.mode === "found";
  select.value = made ? look.recipe : look.shared && look.scalable ? "shared" : "own";
  select.disabled = !made && !look.scalable;
}
