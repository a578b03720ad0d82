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
const SCALES = [
  ["own", "Own scale", "Each map up to its own peak"],
  ["shared", "Shared scale", "All maps up to the layer's peak"],
];

export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-channel-grid");
    const note = el("span", "nbviz-note");
    const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the tiles show" });
    const sort = selectBox(SORTS, "Order of the channels"),
      second = selectBox(SCALES, "Scale of the colours");
    const grid = focusable(
      set(el("div", "nbviz-tiles"), {
        role: "listbox",
        tabindex: 0,
        id: uid("tiles"),
        "aria-orientation": "horizontal",
      }),
    );
    const tip = el("div", "nbviz-tip");
    const caption = el("span", "nbviz-grid-caption"),
      back = pagerButton("‹", "Page before"),
      range = el("span", "nbviz-num"),
      on = pagerButton("›", "Next page");
    const further = el("p", "nbviz-caption nbviz-grid-note"),
      line = el("div", "nbviz-progress", el("div"));
    const how = el("span", "nbviz-num"),
      cancel = button("Cancel", "nbviz-link"),
      begin = button("", "nbviz-link");
    const start = button(""),
      offer = el("div", "nbviz-offer", el("p"), start);
    tip.hidden = true;
    root.append(
      el("div", "nbviz-head", el("span", "nbviz-title", "Channels"), note),
      el("div", "nbviz-bar", segment, sort.box, second.box),
      drawState(model, el("div"), life),
      el("div", "nbviz-sheet", grid, tip),
      offer,
      line,
      el(
        "div",
        "nbviz-caption nbviz-grid-foot",
        el("span", "nbviz-grid-said", caption, how, cancel, begin),
        el("span", "nbviz-tile-pager", back, range, on),
      ),
      further,
    );
    const send = (event, more = {}) => model.send({ event, ...more });
    const tiles = tileView(model, life, grid);
    const turn = (by) => {
      const page = model.get("page") + by;
      if (page >= 0 && page < model.get("pages")) send("page", { page });
    };

    life.watch("about", () => {
      note.textContent = model.get("about");
      note.title = note.textContent;
      set(grid, { "aria-label": `Channels of ${note.textContent}` });
    });
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
      const first = model.get("first"),
        page = model.get("page");
      range.textContent = model.get("channels").length
        ? `${first + 1}–${first + model.get("channels").length} of ${model.get("total")}`
        : "";
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
      tiles.activate(place);
      choose(place);
    });
    life.listen(grid, "keydown", gridKeys(model, tiles, choose, turn, send));
    hoverTiles(grid, tip, life, tiles, model);
    return life.end;
  },
};

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

function drawModes(segment, model, send) {
  const look = model.get("look"),
    kept = segment.contains(document.activeElement) ? document.activeElement.dataset.mode : null;
  segment.replaceChildren(
    ...model.get("modes").map(([key, text, title, enabled]) => {
      const node = set(button(text, ""), { "aria-pressed": String(key === look.mode), "data-mode": key, title });
      node.disabled = !enabled;
      node.addEventListener("click", () => send("look", { look: { mode: key } }));
      return node;
    }),
  );
  if (kept) segment.querySelector(`[data-mode="${kept}"]`)?.focus();
}
