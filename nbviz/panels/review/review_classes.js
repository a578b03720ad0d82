// The page Classes: the confusion matrix, or the table of the classes. A click lists the pictures.
/**
 * @typedef {{
 *   names?: string[], classes?: (number | null)[], counts?: number[][], right?: string[], often?: Runs,
 *   table?: (string | number)[][], heads?: string[], shares?: boolean, noun?: string,
 * }} Matrix
 */

const CLASS_HEADS = ["class", "pictures", "recall", "95 %", "precision", "F1"];
const FEW = 12;
const TABLE = "recall, precision, F1";

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewClasses(model, life) {
  const { box, select } = selectBox(
    [
      ["counts", "as they were: rows"],
      ["shares", "shares of the row"],
      ["table", TABLE],
    ],
    "What the classes show",
  );
  const hide = focusable(set(el("input"), { type: "checkbox", checked: true })),
    hiding = el("label", "nbviz-review-check", hide, "hide the diagonal");
  const place = el("div", "nbviz-review-matrix"),
    often = el("p", "nbviz-caption");
  const [counts] = select.options;
  const draw = () => {
    const matrix = model.get("matrix");
    // counts of pixels are too long to stand in a cell
    counts.hidden = counts.disabled = Boolean(matrix.shares);
    if (matrix.shares && select.value === "counts") select.value = "shares";
    select.options[2].textContent = matrix.heads
      ? matrix.heads
          .filter((head) => head !== "95 %")
          .slice(2)
          .join(", ")
      : TABLE;
    const table = select.value === "table" || !matrix.counts;
    hiding.hidden = table;
    box.hidden = !matrix.counts;
    if (!matrix.table) return place.replaceChildren();
    place.replaceChildren(
      table ? classTable(model, matrix) : matrixTable(model, matrix, select.value === "shares", hide.checked),
    );
    runs(often, matrix.often ?? []);
  };
  life.watch("matrix", draw);
  life.listen(select, "change", draw);
  life.listen(hide, "change", draw);
  return el("div", "", el("div", "nbviz-bar", box, hiding), place, often, reviewPair(model, life));
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Matrix} matrix
 * @param {boolean} shares
 * @param {boolean} hidden
 */
function matrixTable(model, { names = [], classes = [], counts = [], right = [], noun = "" }, shares, hidden) {
  const sums = counts.map((row) => row.reduce((sum, count) => sum + count, 0) || 1);
  /** @type {(row: number, column: number) => number} */
  const value = (row, column) => (shares ? counts[row][column] / sums[row] : counts[row][column]);
  const off = counts.flatMap((row, i) => row.map((_, j) => (i === j && hidden ? 0 : value(i, j))));
  const most = Math.max(...off, 1e-9);
  const body = counts.map((row, i) => {
    const cells = row.map((count, j) => {
      const cell = el("td");
      if (i === j && hidden) cell.append(el("span", "nbviz-note", "·"));
      else if (count)
        cell.append(
          matrixCell(model, [names[i], names[j], noun], [classes[i], classes[j]], count, value(i, j), shares),
        );
      cell.style.setProperty("--share", String(i === j && hidden ? 0 : value(i, j) / most));
      return cell;
    });
    // beside many classes there is room for the figure alone
    const [share, ...said] = (right[i] ?? "").split(/(?= [a-z])/);
    return el(
      "tr",
      "",
      className(model, names[i], classes[i], "row"),
      ...cells,
      el("td", "nbviz-note nbviz-num", share, el("span", "", ...said)),
    );
  });
  const foot = names.map((name) => set(el("th", "", el("span", "", name)), { scope: "col", title: name }));
  const many = names.length > FEW ? "nbviz-review-many" : "";
  return el("table", many, el("tbody", "", ...body), el("tfoot", "", el("tr", "", el("th"), ...foot, el("td"))));
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {string[]} names
 * @param {(number | null)[]} pair
 * @param {number} count
 * @param {number} value
 * @param {boolean} shares
 */
function matrixCell(model, [label, prediction, noun], [from, to], count, value, shares) {
  const text = shares ? (100 * value).toFixed(value < 0.1 ? 1 : 0) : String(count);
  const words = `${label} taken for ${prediction}: ${count.toLocaleString("en")} ${noun}`.trim();
  const node = set(button(text, ""), { title: words });
  node.disabled = from === null || to === null;
  node.addEventListener("click", () => model.send({ event: "pair", label: from, prediction: to }));
  return node;
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {string} name
 * @param {number | null} index
 * @param {string} scope
 */
function className(model, name, index, scope) {
  const node = set(button(name, "nbviz-review-class"), { title: `Lists the pictures of ${name}` });
  node.disabled = index === null;
  node.addEventListener("click", () => model.send({ event: "class", label: index }));
  return set(el("th", "", node), { scope });
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Matrix} matrix
 */
function classTable(model, { table = [], heads: names = CLASS_HEADS }) {
  const heads = names.map((name) => set(el("th", "nbviz-note", name), { scope: "col" }));
  const rows = table.map(([index, name, ...figures]) =>
    el(
      "tr",
      "",
      className(model, String(name), Number(index), "row"),
      ...figures.map((figure) => el("td", "nbviz-num nbviz-review-figure", String(figure))),
    ),
  );
  return el("table", "nbviz-review-table", el("thead", "", el("tr", "", ...heads)), el("tbody", "", ...rows));
}
