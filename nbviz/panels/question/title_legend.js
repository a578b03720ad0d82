// The legend: what each part of the frame shows, and the keys, on one page inside the frame.
const PARTS = [
  ["Picture", "The pictures to ask about. + adds your own; drop one anywhere, or paste it."],
  ["Class", "Whose score is explained: what the network predicts, or any class you search for."],
  ["What the network says", "The likeliest classes. A bar's length is the probability; a click explains that class."],
  ["What if", "Changes the picture or the network, to see whether its answer changes."],
  ["Layers", "The network's steps, first to last. The small picture shows where evidence for the class lies there."],
  ["Channels", "One tile for each channel of the chosen layer, bright where that channel responds to the picture."],
  [
    "Channel card",
    "The chosen channel: where it responds here, a picture made to excite it, and real pictures that do.",
  ],
  ["Explanation", "Which places of the picture speak for the class. The bar below says what each colour stands for."],
  ["Can you trust it?", "Tests of this map. Full dot: passed. Ring: not passed. Dotted: the test can't tell."],
];
const KEYS = [
  ["Tab", "from part to part"],
  ["Arrows", "along pictures, classes, layers, channels, tabs; over the picture, a place at a time"],
  [", .", "the picture before, and the next, from anywhere; List beside Picture shows all of them"],
  ["Enter", "chooses; on the picture it pins the place; on a channel it shows its map large"],
  ["Esc", "closes what is open; gives the explanation back"],
  ["Alt+← Alt+→", "back to what was on show before, and forward"],
  ["p", "on the picture: keeps this map to look at others beside it"],
  ["+ − 0", "on the picture: nearer, farther, all of it; the wheel does it too, and dragging moves it"],
  ["Space", "on the picture: the photograph in colour while it is held"],
  ["Ctrl+Z, Ctrl+Shift+Z", "undo and redo a change of What if"],
  ["?", "this page"],
];

/**
 * @param {Life} life
 * @param {HTMLElement} root
 */
function legend(life, root) {
  const opener = set(button("?", "nbviz-button nbviz-step"), {
    title: "What each part shows, and the keys (?)",
    "aria-label": "Legend",
    "aria-expanded": "false",
  });
  const shut = set(button("close", "nbviz-link"), { title: "Esc does it too" }),
    page = el("div", "nbviz-legend-page", shut, part("What is what", PARTS), part("Keys", KEYS));
  focusable(set(page, { id: uid("legend"), role: "region", "aria-label": "Legend", tabindex: -1 }));
  set(opener, { "aria-controls": page.id });
  let before = opener;
  const open = (yes) => {
    if (yes) before = /** @type {any} */ (document.activeElement) ?? opener;
    page.hidden = !yes;
    set(opener, { "aria-expanded": String(yes) });
    (yes ? page : before.isConnected ? before : opener).focus({ preventScroll: true });
  };
  page.hidden = true;
  life.listen(opener, "click", () => open(page.hidden));
  life.listen(shut, "click", () => open(false));
  life.listen(page, "keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    open(false);
  });
  whenAttached(root, life, () => {
    const frame = root.closest(".nbviz");
    if (!frame) return;
    life.listen(frame, "keydown", (event) => {
      if (event.key !== "?" || event.target.matches("input, textarea, select")) return;
      event.preventDefault();
      event.stopPropagation();
      open(page.hidden);
    });
  });
  return { opener, page };
}

function part(title, rows) {
  const list = el(
    "dl",
    "nbviz-legend-list",
    ...rows.flatMap(([name, words]) => [el("dt", "", name), el("dd", "", words)]),
  );
  return el("section", "", el("strong", "", title), list);
}
