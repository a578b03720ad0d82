// Carries the shared stylesheet, and makes the frame a place that can have the focus: a key pressed after a
// click on a passive part stays in the frame instead of becoming a shortcut that changes the notebook.
/**
 * Synced traits of `frame.Style`.
 * @typedef {{
 *   label: string,
 * }} StyleTraits
 */

export default {
  /** @param {View<StyleTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-style");
    root.append("Nothing is running here any more. Run the cell again (Shift+Enter) to go on.");
    whenAttached(root, life, () => {
      const frame = root.closest(".nbviz");
      if (frame) focusable(set(frame, { tabindex: -1, role: "group", "aria-label": model.get("label") }));
    });
    return life.end;
  },
};
