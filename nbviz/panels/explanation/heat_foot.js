/**
 * Synced traits of `heat_foot.FootFront`.
 * @typedef {Front & {
 *   opacity: number,
 *   box: boolean,
 *   clear: boolean,
 *   bar: DataView,
 *   low: string,
 *   high: string,
 *   scale: string,
 *   lines: Runs[],
 *   done: number,
 *   instead: string[][],
 *   caption: string,
 * }} FootFrontTraits
 */

const BOX = "Draw a box around the largest spot that counts at least half as much as the strongest place.",
  CLEAR = "Leave the picture as it is where there is no evidence: only what counts is coloured.";

export default {
  /** @param {View<FootFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-foot");
    const said = el("div", "nbviz-said");
    const controls = el(
      "div",
      "nbviz-foot-row",
      opacity(model, life, root),
      tickOf(model, life, "clear", CLEAR),
      tickOf(model, life, "box", BOX),
      limits(model, life),
    );
    root.append(
      progressLine(model, life),
      controls,
      facts(model, life),
      drawState(model, el("div"), life),
      ways(model, life),
      said,
    );
    life.watch("caption", () => {
      said.textContent = model.get("caption");
    });
    return life.end;
  },
};

/**
 * @param {Model<FootFrontTraits>} model
 */
function progressLine(model, life) {
  const fill = el("div"),
    line = el("div", "nbviz-progress", fill);
  set(line, { role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 });
  life.watch("done state", () => {
    const done = 100 * model.get("done");
    line.classList.toggle("busy", busy(model));
    fill.style.width = `${done}%`;
    set(line, { "aria-valuenow": Math.round(done), "aria-hidden": busy(model) ? null : "true" });
  });
  return line;
}

/**
 * The slider sets the frame's style at once, and the trait when it is let go.
 * @param {Model<FootFrontTraits>} model
 */
function opacity(model, life, root) {
  const slider = focusable(el("input", "nbviz-slider"));
  set(slider, { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Opacity of the heat" });
  slider.title = "How strongly the colours cover the picture";
  const spread = (value) => root.closest(".nbviz")?.style.setProperty("--nbviz-heat", value);
  life.watch("opacity", () => {
    slider.value = String(model.get("opacity"));
    whenAttached(root, life, () => spread(model.get("opacity")));
  });
  life.listen(slider, "input", () => spread(slider.value));
  life.listen(slider, "change", () => {
    model.set("opacity", Number(slider.value));
    model.save_changes();
  });
  return el("label", "nbviz-small nbviz-note", "heat", slider);
}

/**
 * A tick that sets a trait of its own.
 * @param {Model<FootFrontTraits>} model
 * @param {Life} life
 * @param {"box" | "clear"} name
 * @param {string} title
 */
function tickOf(model, life, name, title) {
  const tick = focusable(el("input")),
    label = el("label", "nbviz-small nbviz-note nbviz-box-choice", tick, name);
  tick.type = "checkbox";
  label.title = title;
  life.watch(name, () => {
    tick.checked = model.get(name);
  });
  life.listen(tick, "change", () => {
    model.set(name, tick.checked);
    model.save_changes();
  });
  return label;
}

/**
 * The colour bar between the values of its ends.
 * @param {Model<FootFrontTraits>} model
 */
function limits(model, life) {
  const low = el("span"),
    high = el("span"),
    bar = el("img", "nbviz-colour-bar"),
    node = el("span", "nbviz-limits nbviz-small nbviz-note", low, bar, high);
  let url = "";
  life.after(() => bytesUrl(null, url));
  life.watch("bar", () => {
    url = bytesUrl(model.get("bar"), url);
    bar.src = url;
    node.hidden = !url;
  });
  life.watch("low high scale", () => {
    low.textContent = model.get("low");
    high.textContent = model.get("high");
    bar.alt = node.title = model.get("scale");
    node.style.visibility = model.get("high") ? "visible" : "hidden";
  });
  return node;
}

/**
 * Facts of the map, or how far it is and a way to stop.
 * @param {Model<FootFrontTraits>} model
 */
function facts(model, life) {
  const node = el("div", "nbviz-facts nbviz-caption");
  life.watch("lines state", () => {
    const rows = model.get("lines").map(factRow);
    if (busy(model)) {
      const stop = button("Cancel", "nbviz-link");
      stop.addEventListener("click", () => model.send({ event: "cancel" }));
      if (!rows.length) rows.push(el("div"));
      rows.at(-1).append(rows.at(-1).textContent ? " · " : "", stop);
    }
    node.replaceChildren(...rows);
  });
  return node;
}

/**
 * The methods that work where the chosen one was refused, each a click away.
 * @param {Model<FootFrontTraits>} model
 */
function ways(model, life) {
  const node = el("div", "nbviz-small nbviz-ways");
  life.watch("instead", () => {
    const links = model.get("instead").map(([name, title]) => {
      const link = button(title, "nbviz-link");
      link.addEventListener("click", () => model.send({ event: "method", name }));
      return link;
    });
    node.replaceChildren(
      ...(links.length ? ["Draw it by "] : []),
      ...links.flatMap((link, at) => (at ? [", ", link] : [link])),
    );
    node.hidden = !links.length;
  });
  return node;
}

/**
 * What a fact means, by how it begins or ends.
 * @type {[RegExp, string][]}
 */
const FACTS = [
  [/^explains the/, "The score is what the network puts out for this class before it becomes a probability."],
  [
    /^does not depend/,
    "This map would be the same for any class: it shows where the network looks, not why it says this.",
  ],
  [/^what this channel/, "How strongly this one channel answers, at its strongest place."],
  [/^map within/, "How far this map may still be from the exact one, as a share of all of it."],
  [/^residual/, "The map should add up to the change of the score; by this share it does not."],
  [/evaluations?$/, "How often the network was run to draw this map."],
  [/ (m?s)$/, "How long it took."],
  [/^for /, "About what the score would lose without this channel, and its rank among all channels."],
];

/** A line of facts; each one says what it means when pointed at. A size stays on one line. */
function factRow(line) {
  const parts = [[]];
  for (const run of line) {
    if (run === " · ") parts.push([]);
    else parts.at(-1).push(typeof run === "string" ? run.replaceAll(" × ", "\u00a0×\u00a0") : run);
  }
  const nodes = parts.map((part) => {
    const node = runs(el("span"), part);
    node.title = FACTS.find(([begins]) => begins.test(node.textContent.trim()))?.[1] ?? "";
    return node;
  });
  return el("div", "", ...nodes.flatMap((node, at) => (at ? [" · ", node] : [node])));
}
