// The page Labels: the training pictures that speak loudest for the answer to the picture on show, and suspect labels.
/**
 * @typedef {{ words?: Runs, rows?: [number, Runs][] }} Suspects
 * @typedef {{
 *   words?: Runs, offer?: string[], progress?: string, done?: number, tiles?: [string, string, string][],
 * }} Training
 */

const LOUDEST = 10,
  LABEL_SIDE = { tile_width: 96, tile_height: 96, gap: 4 };

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewLabels(model, life) {
  return el("div", "", trainingPictures(model, life), suspectLabels(model, life));
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function trainingPictures(model, life) {
  const words = el("p", "nbviz-caption"),
    tiles = el("div", "nbviz-review-training");
  const told = () => {
    const { offer = [], progress = "", done = 1 } = model.get("training");
    return { offer, progress, done, going: Boolean(progress) };
  };
  const run = longRun(model, life, "training", told, { begin: "begin", end: "stop", words: "Stop" });
  life.watch("training", () => {
    const { words: about = [], tiles: loud = [] } = model.get("training");
    runs(words, about);
    tiles.replaceChildren(...loud.map(trainingTile));
    tiles.hidden = !loud.length;
  });
  background(model, life, tiles, "training_pictures", "image/jpeg", "--examples");
  return el("section", "nbviz-review-part", el("h4", "", "Behind an answer"), words, run, tiles);
}

/**
 * @param {[string, string, string]} tile
 * @param {number} place
 */
function trainingTile([label, factors, tip], place) {
  const picture = el("div", "nbviz-review-picture");
  Object.assign(picture.style, tileStyle({ columns: LOUDEST, rows: 1, ...LABEL_SIDE }, 0, place));
  const node = el(
    "div",
    "nbviz-review-tile",
    picture,
    el("div", "", label),
    el("div", "nbviz-note nbviz-num", factors),
  );
  return set(node, { role: "img", title: tip, "aria-label": tip });
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function suspectLabels(model, life) {
  const words = el("p", "nbviz-caption"),
    list = el("div", "nbviz-review-suspects");
  life.watch("suspects", () => {
    const { words: about = [], rows = [] } = model.get("suspects");
    runs(words, about);
    list.replaceChildren(...rows.map((row, place) => suspectRow(model, row, place, rows.length)));
  });
  life.watch("suspects chosen", () => {
    const rows = model.get("suspects").rows ?? [];
    [...list.children].forEach((node, place) => {
      node.setAttribute("aria-pressed", String(rows[place]?.[0] === model.get("chosen")));
    });
  });
  background(model, life, list, "suspect_pictures", "image/jpeg", "--examples");
  return el("section", "nbviz-review-part", el("h4", "", "Suspect labels"), words, list);
}

/**
 * A click opens the picture in the Explorer.
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {[number, Runs]} row
 * @param {number} place
 * @param {number} rows
 */
function suspectRow(model, [item, about], place, rows) {
  const picture = el("span", "nbviz-review-example");
  Object.assign(picture.style, tileStyle({ columns: 1, rows, ...LABEL_SIDE }, place, 0));
  const node = set(button("", "nbviz-review-suspect"), { title: "Opens it in the Explorer" });
  node.append(picture, runs(el("span", ""), about));
  node.addEventListener("click", () => model.send({ event: "open", item }));
  return node;
}
