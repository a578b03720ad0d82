/**
 * Synced traits of `scores.ScoresFront`.
 * @typedef {Front & {
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
    root.append(label, said, drawState(model, el("div"), life));
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
