// A stage that could not be made: its sentence, and what is folded under it.
/** @typedef {Front & {
 * }} FailedFrontTraits
 */

export default {
  /** @param {View<FailedFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    const strip = drawState(model, el("div"), life);
    // no Retry: a stage is made once per Explorer
    nodeIn(strip, ".nbviz-button")?.remove();
    root.append(strip);
    return life.end;
  },
};
