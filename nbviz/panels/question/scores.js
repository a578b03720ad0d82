/**
 * Synced traits of `scores.ScoresFront`.
 * @typedef {Front & {
 *   said: string,
 *   measure: string,
 * }} ScoresFrontTraits
 */

export default {
  /** @param {View<ScoresFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    const label = el("span", "nbviz-label", "What the network says"),
      said = el("span", "nbviz-said");
    const measure = el("span", "nbviz-small nbviz-note");
    label.append(" ", measure);
    root.append(label, said, drawState(model, el("div"), life));
    life.watch("measure", () => {
      const what = model.get("measure");
      measure.textContent = what && `· ${what}`;
      label.title = `${what ? `Classes by ${what}.` : "Probability (softmax of the scores) of the likeliest classes."} Click a bar to explain that class.`;
    });
    life.watch("said", () => {
      said.textContent = model.get("said");
    });
    return life.end;
  },
};
