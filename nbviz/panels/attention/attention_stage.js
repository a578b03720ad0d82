// Heads (columns) by layers (rows): one picture behind all tiles; the chosen head large, over the picture.
/** @type {Option[]} */
const SCALES = [
  ["own", "Own scale", "Each map from 0 to its own peak"],
  ["shared", "Shared scale", "All maps from 0 to the peak of all heads"],
];

/**
 * Synced traits of `attention_stage.AttentionFront`.
 * @typedef {Front & {
 *   about: string,
 *   queries: Option[],
 *   query: string,
 *   weighings: Choice[],
 *   attention: string,
 *   shared: boolean,
 *   rows: [string, string, boolean][],
 *   sheet: DataView,
 *   shape: Sheet & { aspect?: number },
 *   words: string[][],
 *   caption: Runs,
 *   note: string,
 *   head: [number, number],
 *   title: Runs,
 *   map: DataView,
 *   backdrop: DataView,
 *   grid: [number, number],
 *   place: Place | null,
 *   alt: string,
 *   bar: DataView,
 *   high: string,
 *   figures: [string, string, string][],
 *   rollout: boolean,
 *   no_rollout: string,
 * }} AttentionFrontTraits
 */

export default {
  /** @param {View<AttentionFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-attention");
    const send = (event, more = {}) => model.send({ event, ...more });
    const about = el("span", "nbviz-note"),
      caption = el("p", "nbviz-caption"),
      further = el("p", "nbviz-caption"),
      wait = el("p", "nbviz-caption nbviz-heads-wait");
    const body = el("div", "nbviz-heads-body"),
      tip = el("div", "nbviz-tip");
    tip.hidden = true;
    body.append(
      el("div", "nbviz-bar", ...controls(model, life, send)),
      el("div", "nbviz-heads-box", headGrid(model, life, send, tip), tip),
      caption,
      further,
      card(model, life, send),
    );
    root.append(
      el("div", "nbviz-head", el("span", "nbviz-title", "Attention"), about),
      drawState(model, el("div"), life),
      wait,
      body,
    );
    life.watch("about", () => {
      about.textContent = about.title = model.get("about");
    });
    life.watch("caption note", () => {
      runs(caption, model.get("caption"));
      further.textContent = model.get("note");
      further.hidden = !model.get("note");
    });
    life.watch("state message rows", () => {
      body.hidden = !model.get("rows").length;
      body.classList.toggle("nbviz-waiting", model.get("state") === "computing");
      wait.hidden = !busy(model) || (model.get("state") === "computing" && !body.hidden);
      wait.textContent = model.get("message") || "computing";
    });
    return life.end;
  },
};

/**
 * Who looks, whether the class weighs in, and the scale.
 * @param {Model<AttentionFrontTraits>} model
 */
function controls(model, life, send) {
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What each map is" });
  const from = selectBox([], "Who looks"),
    scale = selectBox(SCALES, "Scale of the colours");
  life.watch("weighings attention", () =>
    fillSegment(segment, model.get("weighings"), model.get("attention"), (name) => send("attention", { name })),
  );
  life.watch("queries query", () => {
    fillSelect(from.select, model.get("queries"));
    from.select.value = model.get("query");
  });
  life.watch("shared", () => {
    scale.select.value = model.get("shared") ? "shared" : "own";
  });
  life.listen(from.select, "change", () => send("query", { name: from.select.value }));
  life.listen(scale.select, "change", () => send("look", { shared: scale.select.value === "shared" }));
  return [from.box, segment, scale.box];
}

/**
 * The chosen head over the picture, who looks marked in it, and its figures.
 * @param {Model<AttentionFrontTraits>} model
 */
function card(model, life, send) {
  const title = el("span", "nbviz-note"),
    figures = el("dl", "nbviz-figures");
  const hint = el(
    "p",
    "nbviz-caption nbviz-small",
    "Click a patch, here or in the explanation, to see what it looks at.",
  );
  life.watch("title", () => {
    runs(title, model.get("title"));
    title.title = title.textContent;
  });
  life.watch("figures", () =>
    figures.replaceChildren(
      ...model
        .get("figures")
        .flatMap(([name, value, meaning]) =>
          [el("dt", "", name), el("dd", "", value)].map((node) => set(node, { title: meaning })),
        ),
    ),
  );
  const [segment, why] = rolloutSwitch(model, life, send);
  return el(
    "div",
    "nbviz-heads-card",
    el("div", "nbviz-head", title),
    el(
      "div",
      "nbviz-parts",
      el("div", "nbviz-part", headPicture(model, life, send), headScale(model, life)),
      el("div", "nbviz-part nbviz-part-figures", segment, figures, hint, why),
    ),
  );
}

/**
 * Head or rollout, and why there is no rollout.
 * @param {Model<AttentionFrontTraits>} model
 */
function rolloutSwitch(model, life, send) {
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What is shown large" }),
    why = el("p", "nbviz-caption nbviz-small");
  life.watch("rollout no_rollout", () => {
    const refused = model.get("no_rollout"),
      on = model.get("rollout") && !refused;
    const sentence = "All heads of all layers up to this one, followed back to the picture (Abnar and Zuidema 2020)";
    /** @type {Choice[]} */
    const choices = [
      ["head", "Head", "What this head alone looks at"],
      ["rollout", "Rollout", sentence, !refused],
    ];
    fillSegment(segment, choices, on ? "rollout" : "head", (key) => send("look", { rollout: key === "rollout" }));
    why.textContent = refused;
    why.hidden = !refused;
  });
  return [segment, why];
}

/**
 * @param {Model<AttentionFrontTraits>} model
 */
function headScale(model, life) {
  const high = el("span"),
    bar = el("img", "nbviz-colour-bar");
  let url = "";
  life.after(() => URL.revokeObjectURL(url));
  life.watch("bar", () => {
    url = bytesUrl(model.get("bar"), url);
    bar.src = url;
  });
  life.watch("high", () => {
    high.textContent = model.get("high");
    bar.alt = `black is 0, brightest is ${model.get("high")}`;
  });
  return el("span", "nbviz-limits nbviz-small nbviz-note", "0", bar, high);
}

/**
 * The map over the picture; a click or the arrows pin the patch that looks.
 * @param {Model<AttentionFrontTraits>} model
 */
function headPicture(model, life, send) {
  const backdrop = el("span", "nbviz-backdrop"),
    map = el("span", "nbviz-map"),
    marker = el("span", "nbviz-heads-place");
  const here = set(el("div", "nbviz-here", backdrop, map, marker), {
    role: "application",
    tabindex: 0,
    "aria-roledescription": "picture",
  });
  focusable(here);
  life.watch("alt", () =>
    set(here, { "aria-label": `${model.get("alt")}. Arrow keys move the patch that looks, Escape releases it.` }),
  );
  life.watch("shape", () => here.style.setProperty("--aspect", String(model.get("shape").aspect || 1)));
  background(model, life, backdrop, "backdrop", "image/jpeg");
  background(model, life, map, "map", "image/png");
  const patch = (place) => patchOf(model.get("grid"), place);
  life.watch("place grid", () => {
    const place = model.get("place");
    marker.hidden = !place;
    if (!place) return;
    const [row, column] = patch(place),
      [rows, columns] = model.get("grid");
    marker.style.cssText = `left:${(100 * column) / columns}%;top:${(100 * row) / rows}%;width:${100 / columns}%;height:${100 / rows}%`;
  });
  const pin = (cell) =>
    send("place", { place: cell?.map((part, axis) => (part + 0.5) / model.get("grid")[axis]) ?? null });
  life.listen(here, "click", (event) => {
    const cell = patch(placeAt(here, event)),
      place = model.get("place");
    pin(place && String(patch(place)) === String(cell) ? null : cell);
  });
  const step = (down, right) => {
    const grid = model.get("grid"),
      [row, column] = patch(model.get("place") || [0.5, 0.5]);
    pin([row + down, column + right].map((part, axis) => Math.min(grid[axis] - 1, Math.max(0, part))));
  };
  listenKeys(life, here, {
    ArrowUp: () => step(-1, 0),
    ArrowDown: () => step(1, 0),
    ArrowLeft: () => step(0, -1),
    ArrowRight: () => step(0, 1),
    Escape: () => model.get("place") !== null && pin(null),
  });
  return here;
}

/** [row, column] of the patch at a place given as fractions. */
function patchOf(grid, place) {
  return place.map((part, axis) => Math.min(grid[axis] - 1, Math.floor(part * grid[axis])));
}
