// The rows of the layer tree: what is unfolded, selected and filtered, and its keys.
/** The rows and what is unfolded, selected, focused and filtered. */
function treeView(tree, id) {
  const folds = foldState(),
    { unfolded, draw } = folds;
  let items = [],
    byName = new Map(),
    selected = null,
    active = null;
  const visible = () => visibleRows(items, unfolded);
  const reveal = (item = selected) => item && scrollToRow(tree, item.line);
  const makeActive = (item) => {
    if (active) active.node.tabIndex = -1;
    active = item;
    item.node.tabIndex = 0;
  };
  const build = (rows) => {
    items = nested(rows).map((item) => Object.assign(item, rowNodes(item.row, item.index, id)));
    byName = new Map(items.map((item) => [item.row.name, item]));
    tree.replaceChildren(...placed(items));
    items.forEach(draw);
    active = null;
    if (items.length) makeActive(items[0]);
  };
  const select = (name) => {
    if (selected) set(selected.node, { "aria-selected": "false" });
    selected = byName.get(name) || null;
    if (!selected) return;
    set(selected.node, { "aria-selected": "true" });
    for (let up = selected.parent; up; up = up.parent) folds.fold(up, true);
    makeActive(selected);
    reveal();
  };
  const filter = (text) => {
    folds.filtering = keepMatches(items, text);
    items.forEach((item) => drawMatch(item, folds.filtering));
    items.forEach(draw);
    const shown = visible();
    if (shown.length && !shown.includes(active)) makeActive(shown[0]);
    return shown.length > 0;
  };
  const fold = (item, wanted) => {
    if (!item.children.length) return;
    folds.fold(item, wanted);
    if (!wanted && active && active !== item && item.node.contains(active.node)) makeActive(item);
  };
  const focus = (item) => {
    makeActive(item);
    item.node.focus({ preventScroll: true });
    reveal(item);
  };
  const toggle = (item) => fold(item, !folds.open(item));
  const at = (node) => items[Number(node.closest("[role=treeitem]")?.dataset.index ?? -1)] ?? null;
  const inSight = () => !selected || rowInSight(tree, selected.line);
  const caption = (words, ill, edited) =>
    items.forEach((item) => captionRow(item, words[item.index], ill[item.row.name], edited.includes(item.row.name)));
  return {
    build,
    select,
    filter,
    visible,
    fold,
    focus,
    reveal,
    inSight,
    unfolded,
    toggle,
    caption,
    at,
    active: () => active,
  };
}

/** What is unfolded: by hand, and while a filter is on all that holds a match. */
function foldState() {
  const names = new Set();
  const state = {
    filtering: false,
    open: (item) => names.has(item.row.name),
    unfolded: (item) =>
      item.children.length > 0 && (state.open(item) || (state.filtering && item.children.some((child) => child.kept))),
    draw: (item) => drawFold(item, state.unfolded(item)),
    fold: (item, wanted) => {
      if (wanted) names.add(item.row.name);
      else names.delete(item.row.name);
      state.draw(item);
    },
  };
  return state;
}

/** Rows in preorder as items that know their parent and children. */
function nested(rows) {
  const parents = [];
  return rows.map((row, index) => {
    const item = { row, index, parent: parents[row.depth - 1] || null, children: [], kept: true, hit: false };
    parents[row.depth] = item;
    if (item.parent) item.parent.children.push(item);
    item.text = `${row.name} ${row.kind} ${row.shape} ${row.tip.split("\n")[0]}`.toLowerCase().replaceAll("×", "x");
    return item;
  });
}

/** Mark the items that hold every word of a text as hits; they and what they are in are kept. False where it has no word. */
function keepMatches(items, text) {
  const words = text.trim().toLowerCase().replaceAll("×", "x").split(/\s+/).filter(Boolean);
  for (const item of items) item.hit = words.every((word) => item.text.includes(word));
  for (const item of [...items].reverse()) item.kept = item.hit || item.children.some((child) => child.kept);
  return words.length > 0;
}

/** The kept items from top to bottom, without those inside a folded one. */
function visibleRows(items, unfolded) {
  const under = (list) =>
    list.filter((item) => item.kept).flatMap((item) => [item, ...(unfolded(item) ? under(item.children) : [])]);
  return under(items.filter((item) => !item.parent));
}

/** Put every item's node into its parent's group; the nodes of the outermost come back. */
function placed(items) {
  const outermost = items.filter((item) => !item.parent);
  for (const item of items) {
    const siblings = item.parent ? item.parent.children : outermost;
    set(item.node, { "aria-posinset": siblings.indexOf(item) + 1, "aria-setsize": siblings.length });
    if (item.parent) item.parent.group.append(item.node);
  }
  return outermost.map((item) => item.node);
}

function drawMatch(item, filtering) {
  item.node.hidden = !item.kept;
  item.line.classList.toggle("nbviz-context", filtering && !item.hit);
}

function drawFold(item, shown) {
  if (!item.group || item.shown === shown) return;
  item.shown = shown;
  set(item.node, { "aria-expanded": String(shown) });
  item.group.hidden = !shown;
  item.fold.textContent = shown ? "▾" : "▸";
}

function captionRow(item, words, finding = "", edited = false) {
  const caption = [words, finding, edited && "edited: channels are switched off or scaled"].filter(Boolean).join("\n");
  item.line.classList.toggle("nbviz-row-edited", edited);
  item.line.classList.toggle("nbviz-row-ill", Boolean(finding));
  item.line.title = caption ? `${item.row.tip}\n${caption}` : item.row.tip;
  set(item.node, { "aria-description": caption || null });
}

/** Scroll the tree, never the page, until a row has another above and below it. */
function scrollToRow(tree, line) {
  if (!tree.clientHeight) return;
  const box = tree.getBoundingClientRect(),
    row = line.getBoundingClientRect();
  if (!row.height) return;
  const over = row.top - box.top - 24,
    under = row.bottom - box.bottom + 24;
  if (over < 0) tree.scrollTop += over;
  else if (under > 0) tree.scrollTop += under;
}

function rowInSight(tree, line) {
  const box = tree.getBoundingClientRect(),
    row = line.getBoundingClientRect();
  return row.bottom > box.top && row.top < box.bottom;
}

function rowNodes(row, index, id) {
  const fold = el("span", "nbviz-fold", row.kids ? "▸" : "");
  const mini = el("span", "nbviz-mini");
  mini.style.backgroundPositionY = `${-22 * index}px`;
  const line = el(
    "div",
    "nbviz-row",
    fold,
    el("span", "nbviz-row-name", row.text),
    el("span", "nbviz-row-kind", row.kind),
    el("span", "nbviz-row-shape", el("span", "nbviz-shape-long", row.shape), shortShape(row.shape)),
    mini,
  );
  line.style.setProperty("--depth", row.depth);
  line.classList.toggle("nbviz-uncalled", !row.called);
  const node = focusable(el("li", "", line));
  const words = [row.text, row.kind, row.shape, row.called ? "" : "not called"].filter(Boolean).join(", ");
  set(node, {
    role: "treeitem",
    id: `${id}-${index}`,
    tabindex: -1,
    "aria-level": row.depth + 1,
    "aria-selected": "false",
    "aria-label": words,
    "data-index": index,
    "aria-disabled": row.called ? null : "true",
  });
  const group = row.kids ? set(el("ul"), { role: "group" }) : null;
  if (group) node.append(group);
  return { node, line, fold, group };
}

/** Arrows, Home, End, Enter, Space, `*` and type-ahead. */
function treeKeys(view, choose) {
  let typed = "",
    last = 0;
  const step = (by) => {
    const shown = view.visible(),
      next = shown[shown.indexOf(view.active()) + by];
    if (next) choose(next);
  };
  const ahead = (key) => {
    typed = Date.now() - last > 700 ? key : typed + key;
    last = Date.now();
    const shown = view.visible(),
      from = shown.indexOf(view.active()) + (typed.length > 1 ? 0 : 1);
    const text = typed.toLowerCase();
    const found = [...shown.slice(from), ...shown.slice(0, from)].find((item) =>
      [item.row.text, item.row.kind].some((words) => words.toLowerCase().startsWith(text)),
    );
    if (found) choose(found);
  };
  const acts = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    Home: () => choose(view.visible()[0]),
    End: () => choose(view.visible().at(-1)),
    Enter: () => choose(view.active()),
    " ": () => choose(view.active()),
    "*": () => {
      const item = view.active(),
        level = item.row.depth;
      view
        .visible()
        .filter((other) => other.row.depth === level && other.parent === item.parent)
        .forEach((other) => view.fold(other, true));
    },
    ArrowRight: () => {
      const item = view.active();
      if (!view.unfolded(item)) view.fold(item, true);
      else choose(item.children.find((child) => child.kept));
    },
    ArrowLeft: () => {
      const item = view.active();
      if (view.unfolded(item)) view.fold(item, false);
      else if (item.parent) choose(item.parent);
    },
  };
  return (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !view.active()) return;
    const act = acts[event.key];
    if (!act && event.key.length !== 1) return;
    event.preventDefault();
    event.stopPropagation();
    if (act) act();
    else ahead(event.key);
  };
}

/** A shape in a narrow tree: 240×28² for 240×28×28. */
function shortShape(shape) {
  const sides = shape.split("×"),
    last = sides.length - 1,
    square = last > 0 && sides[last] === sides[last - 1];
  const words = square ? `${sides.slice(0, last).join("×")}²` : shape;
  return set(el("span", "nbviz-shape-short", words), { "aria-hidden": "true" });
}
