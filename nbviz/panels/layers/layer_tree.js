// A WAI-ARIA tree with a filter. Selection follows the focus; what is unfolded stays in the view.
/**
 * Synced traits of `layer_tree.LayerTree`.
 * @typedef {Front & {
 *   rows: LayerRow[],
 *   selected: string,
 *   target: string,
 *   sprite: DataView,
 *   captions: string[],
 *   ill: Record<string, string>,
 *   edited: string[],
 * }} LayerTreeTraits
 */

export default {
  /** @param {View<LayerTreeTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-layer-tree");
    const note = el("span", "nbviz-note nbviz-right");
    const input = focusable(el("input", "nbviz-input"));
    set(input, {
      type: "text",
      placeholder: "filter: name, kind, shape",
      "aria-label": "Filter layers",
      title: "Shows only layers whose name, kind or shape has these words",
      spellcheck: "false",
      autocomplete: "off",
    });
    const said = set(el("p", "nbviz-caption"), { role: "status" });
    const tree = set(el("ul", "nbviz-tree"), { role: "tree", "aria-label": "Layers" });
    const strip = drawState(model, el("div"), life);
    root.append(el("div", "nbviz-head", el("span", "nbviz-title", "Layers"), note), input, strip, said, tree);

    const view = treeView(tree, uid("layer"));
    const say = (words) => {
      said.textContent = words;
      said.hidden = !words;
    };
    say("");
    life.watch("rows", () => {
      view.build(model.get("rows"));
      view.select(model.get("selected"));
      view.caption(model.get("captions"), model.get("ill"), model.get("edited"));
      view.filter(input.value);
    });
    life.watch("selected", () => {
      say("");
      view.select(model.get("selected"));
    });
    life.watch("captions ill edited", () => view.caption(model.get("captions"), model.get("ill"), model.get("edited")));
    life.watch("target", () => {
      const name = model.get("target");
      runs(note, name ? ["where ", [name, "em"], " is"] : []);
      note.title = note.textContent;
    });
    life.watch("state", () => tree.classList.toggle("nbviz-waiting", model.get("state") === "computing"));
    // Without miniatures the old ones stay: the next are on their way.
    decoded(model, life, "sprite", (url) => url && tree.style.setProperty("--sprite", `url(${url})`));
    stayInSight(tree, life, view);
    filterRows(input, life, view, say);
    chooseRows(model, life, tree, view, say);
    return life.end;
  },
};

/** The chosen row stays in sight when the tree is made lower, unless the reader had scrolled away from it. */
function stayInSight(tree, life, view) {
  let inSight = true,
    height = 0;
  const sized = new ResizeObserver(() => {
    height = tree.clientHeight;
    tree.style.setProperty("--scroll", `${tree.offsetWidth - tree.clientWidth}px`);
    if (inSight) view.reveal();
  });
  sized.observe(tree);
  life.after(() => sized.disconnect());
  life.listen(tree, "scroll", () => {
    // where the tree has just been made lower nobody scrolled: the row is revealed in a moment
    if (tree.clientHeight === height) inSight = view.inSight();
  });
}

function filterRows(input, life, view, say) {
  const search = () =>
    say(view.filter(input.value) || !input.value.trim() ? "" : `no layer matches “${input.value.trim()}”`);
  life.listen(input, "input", search);
  life.listen(input, "keydown", (event) => {
    if (event.key === "Escape" && input.value) {
      input.value = "";
      search();
      view.reveal();
      event.stopPropagation();
    }
    if (event.key === "ArrowDown") {
      const first = view.visible()[0];
      if (first) view.focus(first);
      event.preventDefault();
    }
  });
}

/**
 * A click or a key chooses a row; a click on its triangle, or a second one on the row, folds it.
 * @param {Model<LayerTreeTraits>} model
 */
function chooseRows(model, life, tree, view, say) {
  const send = throttle((layer) => model.send({ event: "choose", layer }), 60);
  const choose = (item) => {
    view.focus(item);
    say(item.row.called ? "" : `${item.row.name} is never called, so it has no output`);
    if (!item.row.called) return;
    view.select(item.row.name);
    send(item.row.name);
  };
  life.listen(tree, "click", (event) => {
    const item = view.at(event.target);
    if (!item) return;
    if (event.target.classList.contains("nbviz-fold")) view.toggle(item);
    else choose(item);
  });
  life.listen(tree, "dblclick", (event) => {
    const item = view.at(event.target);
    if (item && !event.target.classList.contains("nbviz-fold")) view.toggle(item);
  });
  life.listen(tree, "keydown", treeKeys(view, choose));
}
