// Back and forward through what was on show: two buttons, and Alt with an arrow anywhere in the frame.

/**
 * @param {Model<import("./title_bar.js").TitleFrontTraits>} model
 * @param {Life} life
 * @param {HTMLElement} root
 */
function stepButtons(model, life, root) {
  const back = set(button("‹", "nbviz-button nbviz-step"), { "aria-label": "Back to what was on show before" }),
    forward = set(button("›", "nbviz-button nbviz-step"), { "aria-label": "Forward again" });
  life.watch("back forward", () => {
    able(back, model.get("back"), "Back to what was on show before (Alt+←)", "Nothing was on show before");
    able(forward, model.get("forward"), "Forward again (Alt+→)", "You have not gone back");
  });
  life.listen(back, "click", () => model.get("back") && model.send({ event: "back" }));
  life.listen(forward, "click", () => model.get("forward") && model.send({ event: "forward" }));
  whenAttached(root, life, () => {
    const frame = root.closest(".nbviz");
    if (frame) life.listen(frame, "keydown", stepKeys(model));
  });
  return set(el("span", "nbviz-steps", back, forward), { role: "group", "aria-label": "What was on show" });
}

/**
 * Alt+← and Alt+→, except where they move through a text that is being written.
 * @param {Model<import("./title_bar.js").TitleFrontTraits>} model
 */
function stepKeys(model) {
  return (event) => {
    const step = { ArrowLeft: "back", ArrowRight: "forward" }[event.key];
    if (!step || !event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.matches("input[type=text], textarea") && event.target.value) return;
    event.preventDefault();
    event.stopPropagation();
    if (model.get(step)) model.send({ event: step });
  };
}
