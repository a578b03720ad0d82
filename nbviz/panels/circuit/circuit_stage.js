// The way back from a class: breadcrumbs, the node, its channels as rows with signed bars.
/**
 * @typedef {Front & {
 *   path: any[],
 *   here: DataView,
 *   node: any[],
 *   source: string,
 *   sources: any[],
 *   first: boolean,
 *   checked: any[],
 *   rows: any[],
 *   rest: any[],
 *   maps: DataView,
 *   made: DataView,
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
    const list = set(el("div", "nbviz-circuit-rows"), { role: "list" });
    const checked = el("p", "nbviz-circuit-checked");
    const measured = "each bar: what it loses when that channel is set to 0 everywhere · ";
    const [copy, code] = asCode(model, life);
    root.append(
      walkCrumbs(model, life),
      drawState(model, el("div"), life),
      walkNode(model, life),
      stepControls(model, life),
      checked,
      list,
      el("p", "nbviz-caption", measured, ...makeControls(model, life, root), " · ", copy),
      code,
    );
    life.watch("checked", () => runs(checked, model.get("checked")));
    life.watch("rows rest", () => drawRows(model, list));
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
  life.watch("path", () => {
    const path = model.get("path");
    crumbs.replaceChildren(
      ...path.flatMap(([words, effect], place) => {
        const crumb = set(button(words), { "aria-current": place === path.length - 1 ? "step" : null, title: words });
        crumb.addEventListener("click", () => model.send({ event: "go", place }));
        return [el("span", "nbviz-note nbviz-num", effect && `‹ ${effect}`), crumb];
      }),
      el("span", "nbviz-note", "‹ choose one below"),
    );
  });
  return crumbs;
}

/**
 * The node on show: its map here, and the lines on it.
 * @param {CircuitModel} model
 * @param {Life} life
 */
function walkNode(model, life) {
  const map = set(el("div", "nbviz-circuit-here"), { role: "img", "aria-label": "The channel's map here" }),
    box = el("div", "", el("span", "nbviz-label", "here"), map),
    node = el("div", "nbviz-caption nbviz-circuit-node");
  life.watch("node", () => node.replaceChildren(...model.get("node").map((line) => runs(el("div"), line))));
  life.watch("here", () => (box.hidden = !model.get("here")?.byteLength));
  background(model, life, map, "here");
  return el("div", "nbviz-circuit-top", box, node);
}

/**
 * The layer that the step leads to, and what its bars are.
 * @param {CircuitModel} model
 * @param {Life} life
 */
function stepControls(model, life) {
  const source = selectBox([], "The earlier layer whose channels drive it");
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the bars are" });
  life.watch("source sources", () => {
    fillSelect(source.select, model.get("sources"));
    source.select.value = model.get("source");
    source.box.hidden = !model.get("sources").length;
  });
  life.listen(source.select, "change", () => model.send({ event: "source", layer: source.select.value }));
  /** @type {Choice[]} */
  const orders = [
    ["off", "Switched off", "What it loses when the channel is set to 0 everywhere: measured"],
    ["first", "First order", "Gradient × activation: quick, and near the input it foretells little"],
  ];
  life.watch("first", () =>
    fillSegment(segment, orders, model.get("first") ? "first" : "off", (order) =>
      model.send({ event: "order", first: order === "first" }),
    ),
  );
  return el("div", "nbviz-bar", el("span", "nbviz-small nbviz-note", "driven by the channels of"), source.box, segment);
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
    making = el("span", "nbviz-small nbviz-note");
  life.listen(make, "click", () => model.send({ event: "make" }));
  life.watch("made making rows", () => {
    const any = Boolean(model.get("made")?.byteLength);
    root.classList.toggle("nbviz-circuit-made", any);
    make.hidden = any || Boolean(model.get("making")) || !model.get("rows").length;
    making.textContent = model.get("making");
  });
  return [make, " ", making];
}

/** Rows are buttons: a click, or Enter, goes there; arrows go from row to row. */
function drawRows(model, list) {
  const rows = model.get("rows"),
    rest = model.get("rest"),
    count = rows.length;
  const focused = [...list.children].indexOf(document.activeElement);
  const nodes = rows.map(([channel, effect, share, bar], place) => {
    const at = `0 ${count > 1 ? (100 * place) / (count - 1) : 0}%`;
    const map = el("span", "nbviz-circuit-map"),
      made = el("span", "nbviz-circuit-picture");
    for (const tile of [map, made]) {
      tile.style.backgroundPosition = at;
      tile.style.backgroundSize = `100% ${100 * count}%`;
    }
    const row = set(button("", "nbviz-circuit-row"), {
      role: "listitem",
      "aria-label": `channel ${channel}: ${effect}. Goes there.`,
      title: "Goes there",
    });
    const name = el("span", "", "channel ", el("strong", "", String(channel)));
    row.append(
      made,
      map,
      name,
      barOf(bar, false),
      el("span", "nbviz-num nbviz-circuit-figure", effect, " ", el("span", "nbviz-note", share)),
    );
    row.addEventListener("click", () => model.send({ event: "into", channel }));
    row.addEventListener("keydown", (event) => {
      const next = { ArrowDown: place + 1, ArrowUp: place - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      nodes[next]?.focus();
    });
    return row;
  });
  list.replaceChildren(...nodes);
  if (rest.length) {
    const last = el("span", "nbviz-num nbviz-circuit-figure nbviz-note", rest[1]);
    list.append(
      el(
        "div",
        "nbviz-circuit-row nbviz-circuit-rest",
        el("span", "nbviz-note nbviz-circuit-words", rest[0]),
        barOf(rest[2], true),
        last,
      ),
    );
  }
  nodes[focused]?.focus();
}

function barOf(share, rest) {
  const fill = el("span", rest ? "rest" : share < 0 ? "against" : "");
  const wide = Math.min(50, 42 * Math.abs(share));
  set(fill, { style: `width:${wide}%;left:${share < 0 ? 50 - wide : 50}%` });
  return el("span", "nbviz-circuit-bar", fill);
}
