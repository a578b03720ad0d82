// Pages that are lists: a row has a name, a bar with its interval, and figures. A click goes to its pictures.
/**
 * @typedef {{
 *   key: string[], name: string, count: string, share: number, low: number, high: number, beside: number,
 *   figure: string, words: string, marked: boolean,
 * }} SliceRow
 * @typedef {{ kind?: string, rows?: SliceRow[], words?: Runs }} Rows
 */

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewRows(model, life) {
  const list = el("div", "nbviz-review-rows"),
    words = el("p", "nbviz-caption");
  life.watch("rows", () => {
    const { rows = [], words: about = [] } = model.get("rows");
    runs(words, about);
    const lowest = Math.min(1, ...rows.map(({ low }) => low)),
      from = Math.floor(lowest * 20) / 20;
    list.replaceChildren(...rows.map((row) => sliceRow(model, row, from)));
  });
  return el("div", "", words, list);
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {SliceRow} row
 * @param {number} from
 */
function sliceRow(model, row, from) {
  /** @type {(share: number) => number} */
  const at = (share) => (100 * (share - from)) / Math.max(1 - from, 1e-9);
  const fill = set(el("span", "fill"), { style: `width:${at(row.share)}%` }),
    interval = set(el("span", "interval"), { style: `left:${at(row.low)}%;width:${at(row.high) - at(row.low)}%` }),
    tick = set(el("span", "tick"), { style: `left:${at(row.beside)}%` });
  const node = set(button("", "nbviz-review-row"), {
    "aria-label": `${row.name}: ${row.figure} right of ${row.count} pictures, ${row.words}. Lists them.`,
  });
  node.append(
    el("span", row.marked ? "nbviz-warning" : "", row.name),
    el("span", "nbviz-review-bar", fill, interval, tick),
    el("span", "nbviz-num nbviz-review-figure", row.figure),
    el("span", "nbviz-num nbviz-note nbviz-review-figure", `of ${row.count}`),
    el("span", "nbviz-num nbviz-note nbviz-review-figure", row.words),
  );
  const [column, part] = row.key;
  node.addEventListener("click", () => model.send({ event: "slice", column, part }));
  return node;
}
