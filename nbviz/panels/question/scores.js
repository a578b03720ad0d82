/**
 * Synced traits of `scores.ScoresFront`.
 * @typedef {Front & {
 *   rows: [string, boolean][],
 *   said: string,
 *   measure: string,
 *   before: boolean,
 *   change: string,
 * }} ScoresFrontTraits
 */

export default {
  /** @param {View<ScoresFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    const label = el("span", "nbviz-label", "What the network says"),
      said = el("span", "nbviz-said");
    const measure = el("span", "nbviz-small nbviz-note");
    const tick = el("span", "nbviz-scores-tick"),
      change = el("span", "nbviz-small nbviz-note");
    const before = set(el("span", "nbviz-small nbviz-note", tick, " before"), {
      title: "A tick is the share without the edits; the last figure is the change",
    });
    label.append(" ", measure, " ", before, " ", change);
    root.append(label, said, drawState(model, el("div"), life), rowButtons(model, life));
    life.watch("measure", () => {
      const what = model.get("measure");
      measure.textContent = what && `· ${what}`;
      label.title = `${what ? `Classes by ${what}.` : "Probability (softmax of the scores) of the likeliest classes."} Click a bar to explain that class.`;
    });
    life.watch("before change", () => {
      before.hidden = !model.get("before");
      change.textContent = model.get("change") && `· ${model.get("change")}`;
      change.title = model.get("change") && "The raw score: a probability hides what happens near 0 and 1";
    });
    life.watch("said", () => {
      said.textContent = model.get("said");
    });
    return life.end;
  },
};

/**
 * A button over each bar; arrows move along them, and one is in the order of Tab.
 * @param {Model<ScoresFrontTraits>} model
 */
function rowButtons(model, life) {
  const node = set(el("div", "nbviz-score-rows"), { role: "group", "aria-label": "Likeliest classes" });
  life.watch("rows", () => {
    const focused = nodesIn(node, "button").indexOf(focusedIn(node));
    const rows = model.get("rows"),
      first = Math.max(
        0,
        rows.findIndex(([, chosen]) => chosen),
      );
    node.replaceChildren(
      ...rows.map(([words, chosen], at) =>
        set(button("", "nbviz-score-row"), {
          "aria-label": words,
          "aria-pressed": String(chosen),
          title: `${words}. A click explains this class.`,
          tabindex: at === (focused < 0 ? first : focused) ? 0 : -1,
          "data-row": at,
        }),
      ),
    );
    nodesIn(node, "button")[focused]?.focus({ preventScroll: true });
  });
  life.listen(node, "click", (event) => {
    const row = event.target.closest("button");
    if (row) model.send({ event: "choose", row: Number(row.dataset.row) });
  });
  listenKeys(life, node, {
    ArrowDown: () => moved(node, 1),
    ArrowUp: () => moved(node, -1),
  });
  return node;
}

/** The focus goes to the row before or after. */
function moved(node, by) {
  const rows = nodesIn(node, "button"),
    to = rows[rows.indexOf(focusedIn(node)) + by];
  if (!to) return;
  for (const row of rows) row.tabIndex = row === to ? 0 : -1;
  to.focus();
}
