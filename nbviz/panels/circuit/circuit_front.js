// The way back from a class: breadcrumbs, what was walked, the node, its channels as rows with signed bars.
const OVERVIEW_WIDE = 480,
  OVERVIEW_TALL = 64;

/**
 * @typedef {Front & {
 *   path: any[],
 *   overview: Record<string, any>,
 *   kept: any[],
 *   here: DataView,
 *   spot: number[],
 *   node: any[],
 *   source: string,
 *   sources: any[],
 *   first: boolean,
 *   checked: any[],
 *   rows: any[],
 *   kind: string,
 *   rest: any[],
 *   maps: DataView,
 *   made: DataView,
 *   node_made: DataView,
 *   making: string,
 *   code: string,
 * }} CircuitFrontTraits
 */

/** @typedef {Model<CircuitFrontTraits>} CircuitModel */

export default {
  /** @param {View<CircuitFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-circuit");
    const list = set(el("div", "nbviz-circuit-rows"), { role: "group", "aria-label": "What it is made of" });
    const checked = el("p", "nbviz-circuit-checked");
    const measured = el("span");
    const [copy, code] = asCode(model, life);
    root.append(
      walkCrumbs(model, life),
      walkOverview(model, life),
      keptPaths(model, life),
      drawState(model, el("div"), life),
      walkNode(model, life),
      stepControls(model, life),
      checked,
      list,
      el("p", "nbviz-caption", measured, makeControls(model, life, root), copy),
      code,
    );
    life.watch("first kind rows", () => {
      measured.hidden = !model.get("rows").length;
      measured.textContent = model.get("first")
        ? "each bar: what it would lose to first order, gradient × activation; the line above is measured\u00a0· "
        : `each bar: what it loses when that ${model.get("kind")} is set to 0 everywhere\u00a0· `;
    });
    life.watch("checked", () => runs(checked, model.get("checked")));
    life.watch("rows rest kind", () => drawRows(model, list));
    life.watch("state", () => list.classList.toggle("nbviz-waiting", model.get("state") === "computing"));
    background(model, life, root, "maps", "image/png", "--maps");
    background(model, life, root, "made", "image/jpeg", "--made");
    return life.end;
  },
};

/**
 * The walk so far: a click goes back to that node.
 * @param {CircuitModel} model
 * @param {Life} life
 */
function walkCrumbs(model, life) {
  const crumbs = set(el("nav", "nbviz-crumbs"), { "aria-label": "The walk" });
  const keep = set(button("keep path", "nbviz-link"), {
    title: "Keeps this path below, to be walked again with one click",
  });
  life.listen(keep, "click", () => model.send({ event: "keep" }));
  const choose = el("span", "nbviz-note", "‹ choose one below");
  life.watch("rows kind", () => (choose.hidden = !model.get("rows").length || model.get("kind") !== "channel"));
  life.watch("path", () => {
    const path = model.get("path");
    // a row far down was clicked: what it leads to begins at the top
    if (crumbs.childElementCount) crumbs.scrollIntoView({ block: "nearest" });
    const focused = focusedIn(crumbs);
    crumbs.replaceChildren(
      ...path.flatMap(([words, effect], place) => {
        const crumb = set(button(words), { "aria-current": place === path.length - 1 ? "step" : null, title: words });
        crumb.addEventListener("click", () => model.send({ event: "go", place }));
        return effect ? [el("span", "nbviz-note nbviz-num", `‹ ${effect}`), crumb] : [crumb];
      }),
      choose,
      path.length > 1 ? keep : "",
    );
    if (focused) (crumbs.contains(focused) ? focused : nodeIn(crumbs, "[aria-current]"))?.focus();
  });
  return crumbs;
}

/**
 * All that was walked, the class at the left: edges as wide as their effect, inhibiting ones in the second colour.
 * @param {CircuitModel} model
 * @param {Life} life
 */
function walkOverview(model, life) {
  const graph = set(svg("svg", { role: "group" }), {
    class: "nbviz-circuit-overview",
    "aria-label": "What was walked",
  });
  life.watch("overview", () => {
    const { nodes = [], edges = [] } = model.get("overview");
    const depth = Math.max(1, ...nodes.map(([at]) => at));
    graph.toggleAttribute("hidden", nodes.length < 2);
    set(graph, { viewBox: `0 0 ${OVERVIEW_WIDE} ${OVERVIEW_TALL}` });
    const at = nodes.map(([column, row]) => [
      12 + ((OVERVIEW_WIDE - 24) * column) / Math.max(2, depth),
      OVERVIEW_TALL * row,
    ]);
    const line = ([from, to, wide, inhibits]) => {
      const [[x, y], [ahead, level]] = [at[from], at[to]],
        middle = (x + ahead) / 2;
      const edge = svg("path", { d: `M${x},${y}C${middle},${y},${middle},${level},${ahead},${level}` });
      return set(edge, { class: inhibits ? "against" : "", "stroke-width": (0.5 + 5 * wide).toFixed(2) });
    };
    const dot = ([, , words, on, walked], place) => {
      const [cx, cy] = at[place];
      const node = svg("circle", { cx, cy, r: walked ? 5 : 2 }, svg("title", {}, words));
      set(node, { class: on ? "on" : walked ? "walked" : "" });
      if (!walked) return node;
      focusable(set(node, { tabindex: 0, role: "button", "aria-label": `Goes to ${words}` }));
      const go = () => model.send({ event: "visit", node: place });
      node.addEventListener("click", go);
      node.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") go();
      });
      return node;
    };
    const words = "Walked from the class at the left: an edge is as wide as its effect; the second colour inhibits";
    const focused = focusedIn(graph);
    graph.replaceChildren(svg("title", {}, words), ...edges.map(line), ...nodes.map(dot));
    const here = nodes.length < 2 ? null : nodeIn(graph, "circle.on");
    if (focused) (here ?? nodeIn(graph.parentElement, ".nbviz-crumbs button"))?.focus();
  });
  return graph;
}

/**
 * Paths that were kept: a click walks them again.
 * @param {CircuitModel} model
 * @param {Life} life
 */
function keptPaths(model, life) {
  const list = set(el("div", "nbviz-circuit-kept"), { role: "list", "aria-label": "Paths that are kept" });
  life.watch("kept", () => {
    const kept = model.get("kept");
    list.hidden = !kept.length;
    list.replaceChildren(
      ...kept.map(([words, now], place) => {
        const open = set(button(words, "nbviz-link"), {
            title: `Walks it again: ${words}`,
            "aria-current": String(now),
          }),
          drop = set(button("×", "nbviz-link"), { title: "Keeps it no more", "aria-label": `Keeps no more: ${words}` });
        open.addEventListener("click", () => model.send({ event: "open", place }));
        drop.addEventListener("click", () => model.send({ event: "drop", place }));
        return set(el("span", "nbviz-circuit-path", open, drop), { role: "listitem" });
      }),
    );
  });
  return list;
}

/**
 * The node on show: its map here, and the lines on it.
 * @param {CircuitModel} model
 * @param {Life} life
 */
function walkNode(model, life) {
  const spot = el("span", "nbviz-circuit-spot"),
    map = set(el("div", "nbviz-circuit-here", spot), { role: "img", "aria-label": "The channel's map here" }),
    box = el("div", "", el("span", "nbviz-label", "here"), map),
    picture = set(el("div", "nbviz-circuit-here"), { role: "img", "aria-label": "The picture made for it" }),
    made = el("div", "", el("span", "nbviz-label", "made"), picture),
    node = el("div", "nbviz-caption nbviz-circuit-node");
  life.watch("node", () => node.replaceChildren(...model.get("node").map((line) => runs(el("div"), line))));
  life.watch("here", () => (box.hidden = !model.get("here")?.byteLength));
  life.watch("spot", () => {
    const [left, top, width, height] = model.get("spot").map((share) => `${100 * share}%`);
    set(spot, { hidden: left === undefined, style: `left:${left};top:${top};width:${width};height:${height}` });
  });
  box.title = "A click on the picture at the right pins another place for it";
  life.watch("node_made", () => (made.hidden = !model.get("node_made")?.byteLength));
  background(model, life, map, "here");
  background(model, life, picture, "node_made", "image/jpeg");
  return el("div", "nbviz-circuit-top", made, box, node);
}

/**
 * The layer that the step leads to, and what its bars are.
 * @param {CircuitModel} model
 * @param {Life} life
 */
function stepControls(model, life) {
  const source = selectBox([], "The earlier layer whose channels, or heads, drive it");
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the bars are" });
  life.watch("source sources", () => {
    fillSelect(source.select, model.get("sources"));
    source.select.value = model.get("source");
  });
  life.listen(source.select, "change", () => model.send({ event: "source", layer: source.select.value }));
  life.watch("first kind", () => {
    const heads = model.get("kind") === "head";
    const first = heads
      ? "Heads have none: they are mixed before anything that they put out can be read"
      : "Gradient × activation: quick, and near the input it foretells little";
    /** @type {Choice[]} */
    const orders = [
      ["off", "Switched off", `What it loses when the ${model.get("kind")} is set to 0 everywhere: measured`],
      ["first", "First order", first, !heads],
    ];
    fillSegment(segment, orders, model.get("first") ? "first" : "off", (order) =>
      model.send({ event: "order", first: order === "first" }),
    );
  });
  const bar = el("div", "nbviz-bar", el("span", "nbviz-small nbviz-note", "driven by"), source.box, segment);
  life.watch("sources", () => (bar.hidden = !model.get("sources").length));
  return bar;
}

/**
 * Making a picture for each channel of the step.
 * @param {CircuitModel} model
 * @param {Life} life
 * @param {HTMLElement} root
 */
function makeControls(model, life, root) {
  const make = set(button("make pictures", "nbviz-link"), {
      title: "Makes a picture for each channel: what drives it most (seconds; kept on disk)",
    }),
    making = el("span", "nbviz-small nbviz-note"),
    node = el("span", "", make, making, " · ");
  life.listen(make, "click", () => model.send({ event: "make" }));
  life.watch("made making rows kind", () => {
    const any = Boolean(model.get("made")?.byteLength);
    root.classList.toggle("nbviz-circuit-made", any);
    make.hidden = any || Boolean(model.get("making")) || !model.get("rows").length || model.get("kind") !== "channel";
    making.textContent = model.get("making");
    node.hidden = make.hidden && !making.textContent;
  });
  return node;
}
