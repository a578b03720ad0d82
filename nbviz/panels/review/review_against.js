// Below the corruptions of the page Shift: the same network on another data set.
/**
 * @typedef {{
 *   name: string, tip: string, bar: number[], figure: string, words: string, marked: boolean, channel: number | null,
 * }} AgainstRow
 * @typedef {{ words?: Runs, offer?: string[], progress?: string, done?: number, rows?: AgainstRow[] }} Against
 */

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function reviewAgainst(model, life) {
  const words = el("p", "nbviz-caption"),
    list = el("div", "");
  const told = () => {
    const { offer = [], progress = "", done = 1 } = model.get("against");
    return { offer, progress, done, going: Boolean(progress) };
  };
  const run = longRun(model, life, "against", told, { begin: "compare data", end: "stop data", words: "Stop" });
  const node = el("section", "nbviz-review-part", el("h4", "", "Another data set"), words, run, list);
  life.watch("page", () => {
    node.hidden = model.get("page") !== "shift";
  });
  life.watch("against", () => {
    const { words: about = [], rows = [] } = model.get("against");
    runs(words, about);
    list.replaceChildren(...rows.map((row) => againstRow(model, row)));
  });
  life.watch("against channel", () => markChannel(list, model.get("channel")));
  return node;
}

/**
 * A channel's row is a button that chooses it; a figure of the whole is a line.
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {AgainstRow} row
 */
function againstRow(model, row) {
  const node = row.channel === null ? el("div", "nbviz-review-drift") : button("", "nbviz-review-drift");
  node.append(
    set(el("span", row.marked ? "" : "nbviz-note", row.name), { title: row.tip }),
    signedBar(row.bar),
    el("span", "nbviz-num nbviz-review-figure", row.figure),
    el("span", "nbviz-num nbviz-note nbviz-review-figure", row.words),
  );
  const { channel } = row;
  if (channel !== null) {
    node.dataset.channel = String(channel);
    node.title = "Chooses it in the Explorer";
    node.addEventListener("click", () => model.send({ event: "channel", channel }));
  }
  return node;
}

/**
 * @param {HTMLElement} list
 * @param {number | null} channel
 */
function markChannel(list, channel) {
  for (const node of /** @type {NodeListOf<HTMLElement>} */ (list.querySelectorAll("[data-channel]"))) {
    node.setAttribute("aria-pressed", String(node.dataset.channel === String(channel)));
  }
}
