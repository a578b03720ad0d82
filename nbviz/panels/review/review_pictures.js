// The page Pictures: what is listed and how, tiles, and pages of them. Arrows go from tile to tile, space marks.
/**
 * @typedef {{
 *   order?: string, answers?: string, label?: string,
 *   orders?: Option[], answer_choices?: Option[], labels?: Option[],
 *   filters?: [string, string][], first?: number, total?: number, shown?: number,
 *   about?: string, legend?: [string, string][],
 * }} Listing
 */

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewPictures(model, life) {
  const grid = set(el("div", "nbviz-review-tiles"), { role: "listbox", "aria-label": "Pictures of the review" });
  const none = el("p", "nbviz-caption", "No picture is like that.");
  /** @type {HTMLElement[]} */
  let tiles = [];
  life.watch("tiles", () => {
    const focused = tiles.indexOf(focusedIn(grid) ?? grid);
    tiles = model.get("tiles").map((tile, place) => reviewTile(model, tile, () => tiles, place));
    grid.replaceChildren(...tiles);
    none.hidden = tiles.length > 0;
    tiles[focused]?.focus();
  });
  life.watch("tiles chosen marked", () => {
    const marked = new Set(model.get("marked")),
      chosen = model.get("chosen");
    const known = model.get("tiles").some(([item]) => item === chosen);
    tiles.forEach((tile, place) => {
      const [item] = model.get("tiles")[place];
      set(tile, { "aria-selected": String(item === chosen), tabindex: (known ? item === chosen : !place) ? 0 : -1 });
      tile.classList.toggle("nbviz-review-marked", marked.has(item));
    });
  });
  decoded(
    model,
    life,
    "pictures sheet tiles",
    (url) => {
      const sheet = model.get("sheet");
      tiles.forEach((tile, place) => {
        const picture = /** @type {HTMLElement} */ (tile.firstElementChild);
        picture.style.backgroundImage = url ? `url(${url})` : "none";
        if (!sheet.columns) return;
        const at = tileStyle(sheet, Math.floor(place / sheet.columns), place % sheet.columns);
        Object.assign(picture.style, at);
      });
    },
    () => "image/jpeg",
  );
  return el("div", "", ...listingBar(model, life), drawnLegend(model, life), grid, none);
}

/**
 * What is drawn over the pictures, where anything is: a sentence, and the colour of each class.
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function drawnLegend(model, life) {
  const line = el("p", "nbviz-caption nbviz-review-legend");
  life.watch("listing", () => {
    const { about = "", legend = [] } = model.get("listing");
    line.hidden = !about;
    line.replaceChildren(
      `${about} `,
      ...legend.map(([name, colour]) =>
        el("span", "", set(el("span", "chip"), { style: `background:${colour}`, "aria-hidden": "true" }), name),
      ),
    );
  });
  return line;
}

/**
 * A tile: a click, or Enter, opens its picture in the Explorer.
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {[number, string, string, boolean]} tile
 * @param {() => HTMLElement[]} all
 * @param {number} place
 */
function reviewTile(model, [item, answer, label, wrong], all, place) {
  const node = set(
    focusable(
      el(
        "div",
        "nbviz-review-tile",
        el("div", "nbviz-review-picture"),
        el("div", wrong ? "nbviz-review-wrong" : "", answer),
        el("div", "nbviz-note", label),
      ),
    ),
    {
      role: "option",
      title: "Opens it in the Explorer; space marks it",
      "aria-label": `item ${item}: ${answer}, ${label}`,
    },
  );
  const across = () => {
    const tops = all().map((one) => one.offsetTop);
    return tops.filter((top) => top === tops[0]).length || 1;
  };
  /** @type {Record<string, () => unknown>} */
  const acts = {
    Enter: () => model.send({ event: "open", item }),
    " ": () => model.send({ event: "mark", item }),
    ArrowRight: () => all()[place + 1]?.focus(),
    ArrowLeft: () => all()[place - 1]?.focus(),
    ArrowDown: () => all()[place + across()]?.focus(),
    ArrowUp: () => all()[place - across()]?.focus(),
  };
  node.addEventListener("click", () => model.send({ event: "open", item }));
  node.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  });
  return node;
}

/**
 * Order, filters, and which page of the pictures is on show.
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function listingBar(model, life) {
  const boxes = {
    answers: selectBox([], "Which answers are listed"),
    order: selectBox([], "In which order they are listed"),
    label: selectBox([], "The class that they are labelled as"),
  };
  const chips = el("span", "nbviz-review-chips"),
    count = el("span", "nbviz-num nbviz-note"),
    back = set(button("‹", "nbviz-link"), { "aria-label": "Pictures before these" }),
    on = set(button("›", "nbviz-link"), { "aria-label": "More pictures" });
  /** @param {number} first */
  const ask = (first) => {
    const { answers, order, label } = boxes;
    const values = { answers: answers.select.value, order: order.select.value, label: label.select.value };
    model.send({ event: "list", ...values, first });
  };
  for (const { select } of Object.values(boxes)) life.listen(select, "change", () => ask(0));
  life.listen(back, "click", () => ask((model.get("listing").first ?? 0) - (model.get("listing").shown ?? 0)));
  life.listen(on, "click", () => ask((model.get("listing").first ?? 0) + (model.get("listing").shown ?? 0)));
  life.watch("listing", () => {
    const { first = 0, total = 0, shown = 1, filters = [], ...listing } = model.get("listing");
    fillSelect(boxes.answers.select, [...(listing.answer_choices ?? []), ["marked", "marked"]]);
    fillSelect(boxes.order.select, listing.orders ?? []);
    fillSelect(boxes.label.select, listing.labels ?? []);
    boxes.answers.select.value = listing.answers ?? "all";
    boxes.order.select.value = listing.order ?? "item";
    boxes.label.select.value = listing.label ?? "";
    boxes.label.box.hidden = (listing.labels ?? []).length < 2;
    chips.replaceChildren(...filters.map(([what, words]) => reviewChip(model, what, words)));
    count.textContent = total ? `${first + 1}–${Math.min(total, first + shown)} of ${total.toLocaleString("en")}` : "";
    back.disabled = !first;
    on.disabled = first + shown >= total;
    back.hidden = on.hidden = total <= shown;
  });
  const pager = el("span", "nbviz-review-pager", back, count, on);
  return [el("div", "nbviz-bar", ...Object.values(boxes).map(({ box }) => box), chips, pager)];
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {string} what
 * @param {string} words
 */
function reviewChip(model, what, words) {
  const chip = set(button(`${words} ×`, "nbviz-link"), { title: "Take this filter away" });
  chip.addEventListener("click", () => model.send({ event: "clear", what }));
  return chip;
}
