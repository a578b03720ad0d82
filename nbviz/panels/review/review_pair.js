// Below the classes: the maps of a confused pair, one less the other, over the mean picture. What chance explains is empty.
/**
 * @typedef {{
 *   choices?: Option[], chosen?: string, words?: Runs, offer?: string[], progress?: string, done?: number,
 *   cells?: number[][], names?: [string, string],
 * }} PairState
 */

const PAIR_SIDE = 196;

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewPair(model, life) {
  const { box, select } = selectBox([], "The confused pair whose maps are compared"),
    words = el("p", "nbviz-caption"),
    keys = el("p", "nbviz-caption nbviz-review-legend"),
    map = el("div", "nbviz-review-pair-map");
  const drawn = el("div", "nbviz-review-pair", map, el("div", "", keys, words));
  const told = () => {
    const { offer = [], progress = "", done = 1 } = model.get("pair");
    return { offer, progress, done, going: Boolean(progress) };
  };
  const run = longRun(model, life, "pair", told, { begin: "begin", end: "stop", words: "Stop" });
  const bar = el("div", "nbviz-bar", box, run);
  const node = el("section", "nbviz-review-part", el("h4", "", "Maps of a confused pair"), bar, drawn);
  life.listen(select, "change", () => model.send({ event: "compare", pair: select.value }));
  life.watch("pair", () => {
    const { choices = [], chosen = "", words: about = [], cells, names } = model.get("pair");
    node.hidden = !choices.length && !about.length;
    box.hidden = !choices.length;
    fillSelect(select, choices);
    select.value = chosen;
    runs(words, about);
    drawn.hidden = !about.length;
    map.hidden = keys.hidden = !cells;
    map.replaceChildren(...(cells && names ? [pairMap(cells, names)] : []));
    if (names) keys.replaceChildren(...names.map((name, place) => pairKey(name, place)));
  });
  background(model, life, map, "pair_mean");
  return node;
}

/**
 * @param {string} name
 * @param {number} place
 */
function pairKey(name, place) {
  const chip = set(el("span", place ? "chip nbviz-review-label" : "chip nbviz-review-answer"), {
    "aria-hidden": "true",
  });
  return el("span", "", chip, place ? `for its label, ${name}` : `for the answer, ${name}`);
}

/**
 * @param {number[][]} cells −1…1, of the map of the answer less that of the label.
 * @param {[string, string]} names
 */
function pairMap(cells, [answer, label]) {
  const side = PAIR_SIDE / cells.length;
  const marks = cells.flatMap((row, top) =>
    row.map((value, left) =>
      svg("rect", {
        class: value > 0 ? "nbviz-review-answer" : "nbviz-review-label",
        x: left * side,
        y: top * side,
        width: side,
        height: side,
        "fill-opacity": 0.8 * Math.abs(value),
      }),
    ),
  );
  const beyond = cells.flat().filter(Boolean).length;
  const words = `Mean map for ${answer} less that for ${label}: ${beyond} cells are more than chance`;
  return svg("svg", { viewBox: `0 0 ${PAIR_SIDE} ${PAIR_SIDE}`, role: "img", "aria-label": words }, ...marks);
}
