// A layer in parts: the picture in their colours, one row per part. Which one is alone is the view's own affair.
/**
 * Synced traits of `parts_stage.PartsFront`.
 * @typedef {Front & {
 *   about: string,
 *   count: number,
 *   counts: number[],
 *   backdrop: DataView,
 *   aspect: number,
 *   sheet: DataView,
 *   grid: [number, number],
 *   strongest: DataView,
 *   rows: PartRow[],
 *   target: string,
 *   caption: Runs,
 *   note: string,
 *   made: DataView,
 *   making: boolean,
 *   progress: string,
 *   marked: number | null,
 * }} PartsFrontTraits
 */

export default {
  /** @param {View<PartsFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-parts-stage");
    const note = el("span", "nbviz-note"),
      tip = el("div", "nbviz-tip");
    tip.hidden = true;
    const backdrop = el("span", "nbviz-parts-backdrop"),
      lay = el("span", "nbviz-parts-lay"),
      picture = focusable(set(el("div", "nbviz-parts-picture", backdrop, lay), { role: "img" }));
    const list = set(el("div", "nbviz-parts-list"), { role: "list", "aria-label": "Parts, the largest first" });
    const [said, further] = partWords(model, life);
    const { choose, rows } = choosing(model, life, list, (part) => layPart(model, lay, picture, part, said));
    root.append(
      el("div", "nbviz-head", el("span", "nbviz-title", "Parts"), note),
      el("div", "nbviz-bar", ...partControls(model, life, choose)),
      drawState(model, el("div"), life),
      el(
        "div",
        "nbviz-parts-top",
        el("div", "nbviz-parts-frame", picture, tip),
        el("div", "nbviz-parts-words", said, further),
      ),
      list,
    );
    life.watch("about", () => {
      note.textContent = model.get("about");
      note.title = note.textContent;
    });
    life.watch("aspect", () => root.style.setProperty("--aspect", String(model.get("aspect"))));
    background(model, life, backdrop, "backdrop", "image/png");
    background(model, life, root, "sheet", "image/png", "--sheet");
    background(model, life, root, "made", "image/jpeg", "--made");
    life.watch("sheet", () => root.classList.toggle("nbviz-parts-none", !model.get("sheet")?.byteLength));
    life.watch("made", () => root.classList.toggle("nbviz-parts-made", Boolean(model.get("made")?.byteLength)));
    life.watch("state", () => root.classList.toggle("nbviz-waiting", model.get("state") === "computing"));
    partPointer(model, life, picture, tip, rows, choose);
    return life.end;
  },
};

/**
 * Which part is alone, if one is: the rows and the picture show it.
 * @param {Model<PartsFrontTraits>} model
 */
function choosing(model, life, list, show) {
  let chosen = null;
  const rows = partRows(model, list, (part) => choose(part === chosen ? null : part));
  const choose = (part) => {
    chosen = part;
    show(part);
    rows.choose(part);
  };
  life.watch("rows target", () => {
    rows.draw();
    choose(chosen !== null && chosen >= model.get("rows").length ? null : chosen);
  });
  life.watch("marked", () => rows.mark(model.get("marked")));
  return { choose, rows };
}

/**
 * Lay one part alone over the picture, or all of them.
 * @param {Model<PartsFrontTraits>} model
 */
function layPart(model, lay, picture, part, said) {
  const total = model.get("rows").length,
    row = model.get("rows")[part];
  lay.style.backgroundSize = `100% ${100 * (total + 1)}%`;
  lay.style.backgroundPosition = `0 ${total ? (100 * (part === null ? 0 : part + 1)) / total : 0}%`;
  set(picture, { "aria-label": row ? `${row.words}; brightest where it is strongest` : said.textContent });
}

/**
 * @param {Model<PartsFrontTraits>} model
 */
function partWords(model, life) {
  const said = el("p", "nbviz-caption nbviz-parts-said"),
    further = el("p", "nbviz-caption nbviz-small nbviz-parts-said");
  life.watch("caption note", () => {
    runs(said, model.get("caption"));
    further.textContent = model.get("note");
    further.hidden = !model.get("note");
  });
  return [said, further];
}

/**
 * How many parts, the button that makes pictures, and how far those are.
 * @param {Model<PartsFrontTraits>} model
 */
function partControls(model, life, choose) {
  const counts = model.get("counts").map((n) => /** @type {Option} */ ([String(n), `${n} parts`])),
    count = selectBox(counts, "How many parts");
  const make = button("Make pictures"),
    progress = el("span", "nbviz-caption nbviz-num");
  make.title = "Makes a picture for each part: what goes far along its direction (some seconds; kept on disk)";
  life.watch("count", () => {
    count.select.value = String(model.get("count"));
  });
  life.listen(count.select, "change", () => {
    choose(null);
    model.send({ event: "count", count: Number(count.select.value) });
  });
  life.watch("making made progress rows", () => {
    make.hidden = model.get("making") || !model.get("rows").length;
    progress.textContent = model.get("progress");
    progress.hidden = !model.get("progress");
  });
  life.listen(make, "click", () => model.send({ event: "make" }));
  return [count.box, make, progress];
}

/**
 * The legend. A row's head chooses the part; its channels open in the grid; arrows go from row to row.
 * @param {Model<PartsFrontTraits>} model
 */
function partRows(model, list, toggle) {
  let heads = [],
    names = "";
  const draw = () => {
    const rows = model.get("rows"),
      total = rows.length;
    const focused = [...list.children].findIndex((row) => focusedIn(row));
    // figures come after the parts: what is there is filled, so that a key is never lost
    const now = rows.map((row) => row.words).join();
    if (now === names && heads.length === total) return;
    names = now;
    list.replaceChildren(...rows.map((row, place) => partRow(model, row, place, total, toggle)));
    heads = [...list.querySelectorAll(".nbviz-part-head")];
    heads.forEach((head, place) =>
      head.addEventListener("keydown", (event) => {
        const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: total - 1 }[event.key];
        if (event.key === "Escape" && head.getAttribute("aria-pressed") === "true") toggle(place);
        else if (heads[next]) heads[next].focus();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }),
    );
    heads[focused]?.focus();
  };
  const choose = (part) =>
    heads.forEach((head, place) => {
      set(head, { "aria-pressed": String(place === part) });
      head.closest(".nbviz-part-row").classList.toggle("nbviz-chosen", place === part);
    });
  const mark = (part) =>
    [...list.children].forEach((row, place) => row.classList.toggle("nbviz-marked", place === part));
  return { draw, choose, mark };
}

/**
 * @param {Model<PartsFrontTraits>} model
 */
function partRow(model, row, place, total, toggle) {
  const at = `0 ${(100 * (place + 1)) / total}%`;
  const map = el("span", "nbviz-part-map"),
    made = el("span", "nbviz-part-picture");
  map.style.backgroundSize = `100% ${100 * (total + 1)}%`;
  map.style.backgroundPosition = at;
  made.style.backgroundSize = `100% ${100 * total}%`;
  made.style.backgroundPosition = `0 ${total > 1 ? (100 * place) / (total - 1) : 0}%`;
  set(made, { role: "img", "aria-label": `Picture made for part ${row.letter}` });
  const letter = el("span", "nbviz-part-letter", row.letter);
  letter.style.borderColor = row.colour;
  const head = set(button("", "nbviz-part-head"), {
    "aria-label": `${row.words}. Shows it alone.`,
    title: "Shows this part alone; again, all of them (Esc)",
  });
  head.append(letter, map);
  head.addEventListener("click", () => toggle(place));
  const share = set(el("span", "nbviz-num nbviz-part-share", el("strong", "", row.share), " of the parts"), {
    title: row.tips[0],
  });
  const gain = set(
    el(
      "span",
      "nbviz-num nbviz-part-gain",
      row.gain ? `${row.gain} for ` : "",
      row.gain ? el("em", "", model.get("target")) : "",
    ),
    { title: row.tips[1] },
  );
  const chips = row.channels.map((channel) => {
    const chip = set(button(String(channel), "nbviz-link nbviz-num"), {
      title: `Opens channel ${channel} in the grid`,
      "aria-label": `channel ${channel}`,
    });
    chip.addEventListener("click", () => model.send({ event: "channel", channel }));
    return chip;
  });
  const first = el("span", "", share, row.gain ? " · " : "", gain);
  const words = el("div", "nbviz-part-words", first, el("span", "nbviz-part-channels", "channels ", ...chips));
  return set(el("div", "nbviz-part-row", head, made, words), { role: "listitem" });
}

/**
 * Over the picture: names the part there, and a click shows it alone. No message.
 * @param {Model<PartsFrontTraits>} model
 */
function partPointer(model, life, picture, tip, rows, choose) {
  const at = (event) => {
    const [height, width] = model.get("grid"),
      box = picture.getBoundingClientRect(),
      bytes = model.get("strongest");
    const row = Math.floor(((event.clientY - box.top) / box.height) * height),
      column = Math.floor(((event.clientX - box.left) / box.width) * width);
    if (!bytes || row < 0 || column < 0 || row >= height || column >= width) return null;
    const part = bytes.getUint8(row * width + column);
    return part === 255 ? null : part;
  };
  let last = null;
  const leave = () => {
    tip.hidden = true;
    last = null;
    rows.mark(model.get("marked"));
  };
  life.listen(picture, "pointermove", (event) => {
    const part = at(event),
      row = model.get("rows")[part];
    if (part !== last) {
      last = part;
      rows.mark(part);
    }
    tip.hidden = !row;
    if (!row) return;
    tip.textContent = row.words;
    const box = picture.getBoundingClientRect(),
      x = event.clientX - box.left,
      y = event.clientY - box.top;
    tip.style.left = `${Math.min(x + 12, Math.max(0, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${y + 16 + tip.offsetHeight > box.height ? y - tip.offsetHeight - 8 : y + 16}px`;
  });
  life.listen(picture, "pointerleave", leave);
  life.listen(picture, "click", (event) => {
    const part = at(event);
    if (part !== null) choose(part);
  });
}
