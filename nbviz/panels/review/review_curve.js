// The page Calibration: what was said against what was right, and how often it is wrong among the surest.
/**
 * @typedef {{
 *   bins?: [number, number, number, number, string][], words?: Runs, risk?: [number, number][], risk_words?: Runs,
 *   classes?: [string, string, string, string, string, boolean][],
 * }} Curve
 */

const CHART = 280,
  EDGE = 24;

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewCurve(model, life) {
  const chart = el("div", "nbviz-review-chart"),
    words = el("p", "nbviz-caption"),
    risk = el("div", "nbviz-review-chart"),
    riskWords = el("p", "nbviz-caption"),
    classes = el("div", "nbviz-review-matrix");
  life.watch("curve", () => {
    const curve = model.get("curve");
    chart.replaceChildren(...(curve.bins?.length ? [reliabilityChart(curve.bins)] : []));
    risk.replaceChildren(...(curve.risk?.length ? [riskChart(curve.risk)] : []));
    runs(words, curve.words ?? []);
    runs(riskWords, curve.risk_words ?? []);
    classes.replaceChildren(...(curve.classes?.length ? [calibrationTable(curve.classes)] : []));
  });
  const page = el("div", "", el("div", "nbviz-review-charts", chart), words, classes);
  page.append(el("div", "nbviz-review-charts", risk, riskWords));
  return page;
}

/**
 * A square with its axes' names; `words` is what it shows, for those who can't see it.
 * @param {number} side
 * @param {string} across
 * @param {string} up
 * @param {string} words
 * @param {...Node} marks
 */
function chartFrame(side, across, up, words, ...marks) {
  const size = side + 2 * EDGE,
    middle = EDGE + side / 2;
  return svg(
    "svg",
    { viewBox: `0 ${EDGE - 10} ${size} ${size - EDGE + 10}`, width: size, role: "img", "aria-label": words },
    svg("rect", { class: "frame", x: EDGE, y: EDGE, width: side, height: side }),
    svg("text", { x: middle, y: size - 4, "text-anchor": "middle" }, across),
    svg("text", { transform: `translate(14 ${middle}) rotate(-90)`, "text-anchor": "middle" }, up),
    ...marks,
  );
}

/**
 * @param {[number, number, number, number, string][]} bins
 */
function reliabilityChart(bins) {
  /** @type {(share: number) => number} */
  const x = (share) => EDGE + share * CHART;
  /** @type {(share: number) => number} */
  const y = (share) => EDGE + (1 - share) * CHART;
  const marks = bins.map(([said, right, low, high, words]) =>
    svg(
      "g",
      {},
      svg("title", {}, words),
      svg("line", { class: "interval", x1: x(said), x2: x(said), y1: y(low), y2: y(high) }),
      svg("circle", { class: "point", cx: x(said), cy: y(right), r: 3 }),
    ),
  );
  const even = svg("line", { class: "even", x1: x(0), y1: y(0), x2: x(1), y2: y(1) });
  const words = `What was said against what was right. ${bins.map((bin) => bin[4]).join("; ")}`;
  return chartFrame(CHART, "said probability", "was right", words, even, ...marks);
}

/**
 * @param {[number, number][]} risk
 */
function riskChart(risk) {
  const side = 140,
    most = Math.max(...risk.map(([, wrong]) => wrong), 1e-9);
  const path = risk
    .map(([share, wrong], i) => `${i ? "L" : "M"}${EDGE + share * side} ${EDGE + (1 - wrong / most) * side}`)
    .join("");
  const words = `Share of wrong answers among the surest, up to ${(100 * most).toFixed(1)} % where all are answered`;
  return chartFrame(
    side,
    "share answered",
    `wrong, to ${(100 * most).toFixed(1)} %`,
    words,
    svg("path", { class: "curve", d: path }),
  );
}

/**
 * Mean probability of the answers that name a class, beside how many of them are right.
 * @param {[string, string, string, string, string, boolean][]} rows
 */
function calibrationTable(rows) {
  const heads = ["answer", "pictures", "said", "was right", "95 %", ""];
  const head = heads.map((name) => set(el("th", "nbviz-note", name), { scope: "col" }));
  const body = rows.map(([name, ...cells]) => {
    const beyond = cells.pop();
    const row = cells.map((cell) => el("td", "nbviz-num nbviz-review-figure", String(cell)));
    const verdict = beyond ? (Number(cells[1]) > Number(cells[2]) ? "too sure" : "not sure enough") : "";
    return el("tr", "", set(el("th", "", name), { scope: "row" }), ...row, el("td", "nbviz-warning", verdict));
  });
  const title = "Calibration of the answers that name each class; marked: beyond chance, corrected for all classes";
  const table = el("table", "nbviz-review-table", el("thead", "", el("tr", "", ...head)), el("tbody", "", ...body));
  return set(table, { "aria-label": title, title });
}
