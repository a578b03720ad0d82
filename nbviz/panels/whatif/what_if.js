// The strip of edits. In a narrow frame words shorten, then wrap; it never scrolls.
const TOOLS = [
  ["paint", "Paint", "Paint", "Paints over the picture: what is hidden can't speak for the class"],
  ["transform", "Change picture ▾", "Change ▾", "Turns, shifts, darkens, blurs … the picture"],
  ["attack", "Attack ▾", "Attack ▾", "Changes every pixel a little, so that the network says something else"],
];
const HINT = "paint over the picture, turn it, attack it; channels are switched off on their card",
  SHORT_HINT = "paint, turn or attack the picture";

/**
 * @typedef {Front & {
 *   chips: string[],
 *   tips: string[],
 *   tool: string,
 *   undo: boolean,
 *   redo: boolean,
 *   original: boolean,
 *   dropped: string,
 * }} WhatIfFrontTraits
 */

export default {
  /** @param {View<WhatIfFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-what-if");
    const tools = TOOLS.map(([name, text, short, title]) => {
      const node = set(button(""), { title, "data-tool": name });
      node.append(el("span", "nbviz-long", text), set(el("span", "nbviz-short", short), { "aria-hidden": "true" }));
      life.listen(node, "click", () => model.send({ event: "tool", name }));
      return node;
    });
    const chips = set(el("span", "nbviz-chips"), { role: "list", "aria-label": "Edits that are on" });
    const hint = whatIfHint();
    const acts = whatIfActs(model, life);
    const row = el(
      "div",
      "nbviz-what-if-row",
      el("strong", "nbviz-what-if-title", "What if"),
      ...tools,
      el("span", "nbviz-what-if-bar", "|"),
      chips,
      hint,
      el("span", "nbviz-what-if-end", ...acts),
    );
    const dropped = set(el("div", "nbviz-small nbviz-warning nbviz-what-if-dropped"), { role: "status" });
    root.append(row, dropped, drawState(model, el("div"), life));
    life.watch("dropped", () => {
      dropped.textContent = model.get("dropped");
      dropped.hidden = !model.get("dropped");
    });
    life.watch("tool", () => {
      for (const node of tools) set(node, { "aria-pressed": String(node.dataset.tool === model.get("tool")) });
    });
    life.watch("chips tips", () => {
      const words = model.get("chips"),
        tips = model.get("tips");
      const focused = nodesIn(chips, "button").indexOf(focusedIn(chips));
      chips.replaceChildren(...words.map((text, place) => chip(model, text, tips[place] || text, place)));
      // the last chip's focus goes to Undo, which brings it back: out of the frame, its keys would not be heard
      if (focused >= 0) (nodesIn(chips, "button")[Math.min(focused, words.length - 1)] ?? acts[0]).focus();
      hint.hidden = words.length > 0;
    });
    whenAttached(root, life, () => {
      /** @type {HTMLElement | null} */
      const frame = root.closest(".nbviz");
      if (!frame) return;
      const sizes = new ResizeObserver(() => frame.style.setProperty("--nbviz-strip", `${root.offsetHeight}px`));
      sizes.observe(root);
      life.after(() => sizes.disconnect());
      life.listen(frame, "keydown", (event) => keys(model, event));
    });
    return life.end;
  },
};

/**
 * Undo, redo, the original while held, and none at all. None loses the focus: the keys of the frame would go with it.
 * @param {Model<WhatIfFrontTraits>} model
 * @param {Life} life
 */
function whatIfActs(model, life) {
  const act = (text, short, event) => {
    const node = button("");
    node.append(el("span", "nbviz-long", text), set(el("span", "nbviz-short", short), { "aria-hidden": "true" }));
    if (event) life.listen(node, "click", () => node.getAttribute("aria-disabled") || model.send({ event }));
    return node;
  };
  const undo = act("Undo", "Undo", "undo"),
    redo = act("Redo", "Redo", "redo"),
    original = act("Original (hold)", "Original", ""),
    clear = act("Clear", "Clear", "clear");
  life.watch("chips undo redo", () => {
    const some = model.get("chips").length > 0;
    able(undo, model.get("undo"), "Goes back by one change (Ctrl+Z)", "Nothing was changed before");
    able(redo, model.get("redo"), "Takes the last undo back (Ctrl+Shift+Z)", "Nothing was undone");
    able(original, some, "Shows everything without the edits while it is held down", "No edit is on");
    able(clear, some, "Takes all edits away", "No edit is on");
  });
  holdOriginal(model, life, original);
  return [undo, redo, original, clear];
}

/** What can be done, while nothing is. */
function whatIfHint() {
  const short = set(el("span", "nbviz-hint-short", SHORT_HINT), { "aria-hidden": "true", title: HINT });
  return el("span", "nbviz-note nbviz-what-if-hint", el("span", "nbviz-hint-long", HINT), short);
}

function chip(model, text, tip, place) {
  const off = set(button("×", "nbviz-chip-off"), { "aria-label": `Take away: ${text}`, title: "Takes this edit away" });
  off.addEventListener("click", () => model.send({ event: "remove", place }));
  return set(el("span", "nbviz-chip", el("span", "nbviz-chip-words", text), off), { role: "listitem", title: tip });
}

/** The original stands while the button, or its key, is held: letting go anywhere ends it. */
function holdOriginal(model, life, node) {
  let held = false;
  const hold = (on) => {
    if (held === on || (on && node.getAttribute("aria-disabled"))) return;
    held = on;
    model.send({ event: "original", on });
  };
  life.listen(node, "pointerdown", (event) => {
    if (event.button === 0) hold(true);
  });
  for (const name of ["pointerup", "pointercancel", "blur"]) life.listen(window, name, () => hold(false));
  life.listen(node, "keydown", (event) => {
    if (event.key === " " || event.key === "Enter") {
      event.preventDefault();
      hold(true);
    }
  });
  life.listen(node, "keyup", () => hold(false));
  life.listen(node, "blur", () => hold(false));
  life.watch("original", () => set(node, { "aria-pressed": String(model.get("original")) }));
  life.after(() => hold(false));
}

/** Ctrl+Z inside the frame only, and not where text or a number is typed. */
function keys(model, event) {
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return;
  if (event.target.matches("input:not([type=range], [type=checkbox]), textarea")) return;
  // with the caps lock on, letters are capital
  const key = event.key.toLowerCase(),
    redo = key === "y" || (event.shiftKey && key === "z");
  if (!redo && key !== "z") return;
  event.preventDefault();
  event.stopPropagation();
  model.send({ event: redo ? "redo" : "undo" });
}
