// The stage Review: figures of the whole, and one of its pages. What takes a click only is sent when it is on show.
/**
 * Synced traits of `review_front.ReviewFront`.
 * @typedef {Front & {
 *   empty: string,
 *   offer: string[],
 *   progress: string,
 *   done: number,
 *   figures: [string, string, string][],
 *   notes: [string, string][],
 *   pages: Choice[],
 *   page: string,
 *   listing: Listing,
 *   tiles: [number, string, string, boolean][],
 *   sheet: Sheet,
 *   pictures: DataView,
 *   chosen: number | null,
 *   marked: number[],
 *   matrix: Matrix,
 *   curve: Curve,
 *   rows: Rows,
 *   examples: DataView,
 *   pair: PairState,
 *   pair_mean: DataView,
 *   suspects: Suspects,
 *   suspect_pictures: DataView,
 *   training: Training,
 *   training_pictures: DataView,
 *   against: Against,
 *   driving: DataView,
 *   channel: number | null,
 *   code: string,
 * }} ReviewFrontTraits
 */

export default {
  /** @param {View<ReviewFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-review");
    const empty = el("p", "nbviz-caption nbviz-review-empty");
    const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "Pages of the review" });
    const [copy, code] = asCode(model, life);
    const body = el("div", "nbviz-review-body");
    const pages = {
      pictures: reviewPictures(model, life),
      classes: reviewClasses(model, life),
      calibration: reviewCurve(model, life),
      labels: reviewLabels(model, life),
    };
    const list = reviewRows(model, life);
    body.append(...Object.values(pages), list);
    root.append(
      el("div", "nbviz-review-head", reviewFigures(model, life), copy),
      reviewNotes(model, life),
      el("div", "nbviz-bar nbviz-review-pages", segment),
      code,
      reviewRun(model, life),
      drawState(model, el("div"), life),
      empty,
      body,
    );
    life.watch("pages page", () => {
      const page = model.get("page");
      fillSegment(segment, model.get("pages"), page, (name) => model.send({ event: "page", name }));
      segment.hidden = copy.hidden = !model.get("pages").length;
      for (const [name, node] of Object.entries(pages)) node.hidden = name !== page;
      list.hidden = page in pages;
    });
    life.watch("pages state empty", () => {
      const none = !model.get("pages").length;
      body.hidden = none;
      empty.hidden = !none || model.get("done") < 1;
      empty.textContent = model.get("empty");
    });
    return life.end;
  },
};

/**
 * What always stands there.
 * @param {Model<ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewFigures(model, life) {
  const node = el("div", "nbviz-review-figures");
  life.watch("figures", () => {
    const figures = model.get("figures");
    node.hidden = !figures.length;
    node.replaceChildren(
      ...figures.map(([figure, words, tip]) =>
        set(el("div", "", el("strong", "nbviz-num", figure), figureWords(words)), { title: tip }),
      ),
    );
  });
  return node;
}

/**
 * What a person must know to read the figures: classes matched by order, items left out.
 * @param {Model<ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewNotes(model, life) {
  const node = el("div", "nbviz-review-notes");
  life.watch("notes", () => {
    const notes = model.get("notes");
    node.hidden = !notes.length;
    node.replaceChildren(...notes.map(reviewNote));
  });
  return node;
}

/**
 * A note; what it lists stands folded under it.
 * @param {[string, string]} note
 */
function reviewNote([words, list]) {
  if (!list) return el("p", "nbviz-caption", words);
  return el("details", "nbviz-caption", focusable(el("summary", "", words)), list);
}

/**
 * What stands below a figure; what is in brackets is never broken.
 * @param {string} words
 */
function figureWords(words) {
  const parts = words.split(/(?= \()/);
  return el("span", "nbviz-note", ...parts.flatMap((part) => [" ", el("span", "nbviz-review-whole", part.trim())]));
}

/**
 * The button that reviews, how far it is, and Cancel.
 * @param {Model<ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewRun(model, life) {
  const told = () => {
    const going = model.get("done") < 1 && busy(model);
    return { offer: model.get("offer"), progress: model.get("progress"), done: model.get("done"), going };
  };
  return longRun(model, life, "offer progress done state", told, { begin: "run", end: "cancel", words: "Cancel" });
}
