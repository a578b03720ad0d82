const SVG = "http://www.w3.org/2000/svg";

/**
 * Synced traits of `trust_line.TrustFront`.
 * @typedef {Front & {
 *   dots: [string, string, string][],
 *   sentences: string[],
 *   progress: string,
 *   opened: boolean,
 *   curves: [string, string, [string, number[], number[], number][]][],
 *   figures: [string, string, string][],
 *   reading: string,
 * }} TrustFrontTraits
 */

export default {
  /** @param {View<TrustFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-trust");
    const title = el("span", "nbviz-title", "Can you trust it?");
    const words = set(el("div", "nbviz-trust-words nbviz-caption"), { "aria-live": "polite" });
    const { opener, more } = curvesPart(model, life, root);
    root.append(
      el("div", "nbviz-head", title, el("span", "nbviz-note", "on this picture"), opener),
      dotsPart(model, life, root),
      words,
      more,
      edgePart(life, root),
    );
    life.watch("sentences progress", () => {
      const lines = model.get("sentences").map((text) => el("div", "nbviz-warning", text));
      if (model.get("progress")) lines.push(el("div", "", `${model.get("progress")} …`));
      words.replaceChildren(...lines);
    });
    return life.end;
  },
};

/**
 * One dot per test: its name, and what it found when pointed at.
 * @param {Model<TrustFrontTraits>} model
 */
function dotsPart(model, life, root) {
  const title = "Tests of this map on this picture; full: passed, ring: not passed, dotted: can't tell";
  const dots = set(el("div", "nbviz-dots"), { role: "list", title });
  life.watch("dots", () => {
    root.hidden = !model.get("dots").length;
    dots.replaceChildren(
      ...model.get("dots").map(([name, state, sentence]) => {
        const dot = set(el("span", "nbviz-dot"), { "data-state": state });
        const item = el("span", "nbviz-dot-item", dot, name, el("span", "nbviz-said", `: ${state}`));
        return set(item, { role: "listitem", title: sentence });
      }),
    );
  });
  return dots;
}

/** Where the column is too low for all of it, its lower edge says that there is more. */
function edgePart(life, root) {
  const below = set(button("more ▾", "nbviz-link"), { title: "There is more below" }),
    edge = el("div", "nbviz-trust-edge nbviz-caption", below);
  edge.hidden = true;
  whenAttached(root, life, () => {
    const column = root.closest(".nbviz-column");
    if (!column) return;
    const look = () => {
      edge.hidden = column.scrollHeight - column.clientHeight - column.scrollTop < 8;
    };
    const sized = new ResizeObserver(look);
    [column, root].forEach((node) => sized.observe(node));
    life.after(() => sized.disconnect());
    life.listen(column, "scroll", look);
    life.listen(below, "click", () => {
      column.scrollTop = column.scrollHeight;
    });
  });
  return edge;
}

/**
 * Curves and figures, and the button that opens them.
 * @param {Model<TrustFrontTraits>} model
 */
function curvesPart(model, life, root) {
  const opener = button("curves ▸", "nbviz-link nbviz-right"),
    more = set(el("div", "nbviz-trust-more"), { id: uid("trust") });
  set(opener, { "aria-controls": more.id, title: "The measurements behind the dots, as curves and figures" });
  life.listen(opener, "click", () => {
    model.set("opened", !model.get("opened"));
    model.save_changes();
    model.send({ event: "open", opened: model.get("opened") });
  });
  life.watch("opened curves figures reading", () => {
    const open = model.get("opened"),
      curves = model.get("curves"),
      column = root.closest(".nbviz-column");
    opener.textContent = open ? "curves ▾" : "curves ▸";
    set(opener, { "aria-expanded": String(open) });
    more.hidden = !open;
    const figures = model
      .get("figures")
      .map(([name, value, sentence]) =>
        set(el("span", "", `${name} `, el("strong", "nbviz-num", value)), { title: sentence }),
      );
    const caution = "No verdict: on one picture alone, curves don't tell a good map from a random one.";
    more.replaceChildren(
      el("div", "nbviz-caption", model.get("reading")),
      el("div", "nbviz-plots", ...curves.map(plot)),
      el("div", "nbviz-trust-figures", ...figures),
      ...(curves.length ? [el("div", "nbviz-small nbviz-note", caution)] : []),
    );
    if (open && column) column.scrollTop = column.scrollHeight;
  });
  return { opener, more };
}

/** One kind of curve: the map's in the accent, the controls in gray; areas in the legend. */
function plot([title, best, maps]) {
  const width = 180,
    height = 84,
    all = maps.flatMap(([, , scores]) => scores);
  const low = Math.min(...all),
    high = Math.max(...all),
    span = high - low || 1;
  const place = (x, y) => `${(x * width).toFixed(1)},${((1 - (y - low) / span) * (height - 4) + 2).toFixed(1)}`;
  const svg = document.createElementNS(SVG, "svg");
  const areas = maps.map(([name, , , area]) => `${name} ${area.toFixed(2)}`).join(", ");
  set(svg, { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `${title}, ${best}. Areas: ${areas}` });
  for (const [name, shares, scores] of [...maps].reverse()) {
    const line = document.createElementNS(SVG, "polyline");
    set(line, {
      points: shares.map((x, i) => place(x, scores[i])).join(" "),
      class: name === "this map" ? "own" : name,
    });
    svg.append(line);
  }
  const mean = new Map();
  for (const [name, , , area] of maps) mean.set(name, [...(mean.get(name) ?? []), area]);
  const legend = [...mean].map(([name, found]) => {
    const value = found.reduce((sum, area) => sum + area, 0) / found.length;
    const item = el("span", "nbviz-num", el("i"), `${name} ${value.toFixed(2)}`);
    item.dataset.map = name === "this map" ? "own" : name;
    return item;
  });
  return el(
    "figure",
    "nbviz-plot",
    el("figcaption", "", title, el("span", "nbviz-note", ` ${best}`)),
    svg,
    el("div", "nbviz-legend nbviz-small", ...legend),
  );
}
