// Pages that are lists: slices, cues, channels and shift. A row has words or a name, a bar or a line, and figures.
/**
 * @typedef {{
 *   key: string[], name: string, count: string, share: number, low: number, high: number, beside: number,
 *   figure: string, words: string, marked: boolean,
 * }} SliceRow
 * @typedef {{ words: Runs, marked: boolean }} CueRow
 * @typedef {{ name: string, values: number[], figure: string, marked: boolean }} ShiftRow
 * @typedef {{
 *   kind?: string, rows?: any[], words?: Runs, offer?: string[], progress?: string, done?: number, examples?: number,
 *   orders?: Option[], order?: string,
 * }} Rows
 */

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewRows(model, life) {
  const list = el("div", "nbviz-review-rows"),
    words = el("p", "nbviz-caption");
  let drawn = "";
  life.watch("rows", () => {
    const { kind, rows = [], words: about = [], examples = 0 } = model.get("rows");
    runs(words, about);
    const now = JSON.stringify([kind, rows, examples]);
    // what goes on behind a list must not take the focus from its rows
    if (now === drawn) return;
    drawn = now;
    const lowest = Math.min(1, ...rows.map(({ low = 1 }) => low)),
      from = Math.floor(lowest * 20) / 20;
    const draw = {
      slices: (row) => sliceRow(model, row, from),
      cues: (row, place) => cueRow(row, place, examples),
      channels: (row, place) => channelRow(model, row, place, rows.length),
      shift: shiftRow,
    }[kind];
    list.replaceChildren(...(draw ? rows.map(draw) : []));
  });
  life.watch("rows channel", () => markChannel(list, model.get("channel")));
  background(model, life, list, "examples", "image/jpeg", "--examples");
  background(model, life, list, "driving", "image/jpeg", "--driving");
  return el("div", "", words, beginBar(model, life), channelOrders(model, life), list, reviewAgainst(model, life));
}

/**
 * The button that begins what takes long, how far it is, and Stop.
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function beginBar(model, life) {
  const told = () => {
    const { offer = [], progress = "", done = 1 } = model.get("rows");
    return { offer, progress, done, going: Boolean(progress) };
  };
  return longRun(model, life, "rows", told, { begin: "begin", end: "stop", words: "Stop" });
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
    set(el("span", row.marked ? "nbviz-warning" : "", row.name), { title: row.name }),
    el("span", "nbviz-review-bar", fill, interval, tick),
    el("span", "nbviz-num nbviz-review-figure", row.figure),
    el("span", "nbviz-num nbviz-note nbviz-review-figure", `of ${row.count}`),
    el("span", "nbviz-num nbviz-note nbviz-review-figure", row.words),
  );
  const [column, part] = row.key;
  node.addEventListener("click", () => model.send({ event: "slice", column, part }));
  return node;
}

const EXAMPLE = ["where the window is from", "a picture of another class", "the same with the window put in"];

/**
 * @param {CueRow} row
 * @param {number} place
 * @param {number} examples
 */
function cueRow(row, place, examples) {
  const sheet = { columns: 3, rows: examples, tile_width: 96, tile_height: 96, gap: 4 };
  const tiles = EXAMPLE.map((words, column) => {
    const tile = set(el("span", "nbviz-review-example"), { role: "img", "aria-label": words, title: words });
    Object.assign(tile.style, tileStyle(sheet, place, column));
    return tile;
  });
  const said = runs(el("p", "nbviz-caption"), row.words);
  if (row.marked) said.prepend(el("span", "nbviz-warning", "flagged "));
  return el("div", "nbviz-review-cue", ...(place < examples ? tiles : []), said);
}

/**
 * @param {ShiftRow} row
 */
function shiftRow(row) {
  const wide = 120,
    tall = 24;
  const points = row.values.map(
    (share, i) => `${(i * wide) / (row.values.length - 1)},${1 + (tall - 2) * (1 - share)}`,
  );
  const line = svg(
    "svg",
    { viewBox: `0 0 ${wide} ${tall}`, role: "img", "aria-label": `${row.name}: ${row.figure}` },
    svg("polyline", { class: "curve", points: points.join(" ") }),
  );
  return el(
    "div",
    "nbviz-review-shift",
    el("span", row.marked ? "nbviz-warning" : "", row.name),
    el("span", "nbviz-review-chart", line),
    el("span", "nbviz-num nbviz-review-figure", row.figure),
  );
}
