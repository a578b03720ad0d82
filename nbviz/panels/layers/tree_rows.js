// The rows of the layer tree: what is unfolded, selected and filtered, and its keys.
/** The rows and what is unfolded, selected, focused and filtered. */
function treeView(tree, id) {
  const open = new Set();
  let items = [],
    byName = new Map(),
    selected = null,
    active = null,
    filtering = false;

  const build = (rows) => {
    const parents = [];
    items = rows.map((row, index) => {
      const item = { row, index, parent: parents[row.depth - 1] || null, children: [], kept: true, hit: false };
      parents[row.depth] = item;
      if (item.parent) item.parent.children.push(item);
      item.text = `${row.name} ${row.kind} ${row.shape} ${row.tip.split("\n")[0]}`.toLowerCase().replaceAll("×", "x");
      return Object.assign(item, rowNodes(row, index, id));
    });
    byName = new Map(items.map((item) => [item.row.name, item]));
    const siblings = (item) => (item.parent ? item.parent.children : items.filter((other) => !other.parent));
    for (const item of items) {
      set(item.node, { "aria-posinset": siblings(item).indexOf(item) + 1, "aria-setsize": siblings(item).length });
      if (item.parent) item.parent.group.append(item.node);
    }
    tree.replaceChildren(...items.filter((item) => !item.parent).map((item) => item.node));
    items.forEach(draw);
    active = null;
    if (items.length) makeActive(items[0]);
  };
  const unfolded = (item) =>
    item.children.length > 0 && (open.has(item.row.name) || (filtering && item.children.some((child) => child.kept)));
  const draw = (item) => {
    if (!item.group) return;
    const shown = unfolded(item);
    if (item.shown === shown) return;
    item.shown = shown;
    set(item.node, { "aria-expanded": String(shown) });
    item.group.hidden = !shown;
    item.fold.textContent = shown ? "▾" : "▸";
  };
  const makeActive = (item) => {
    if (active) active.node.tabIndex = -1;
    active = item;
    item.node.tabIndex = 0;
  };
  const unfoldTo = (item) => {
    for (let up = item.parent; up; up = up.parent) {
      open.add(up.row.name);
      draw(up);
    }
  };
  const reveal = (item = selected) => {
    if (!item || !tree.clientHeight) return;
    const box = tree.getBoundingClientRect(),
      row = item.line.getBoundingClientRect();
    if (!row.height) return;
    const over = row.top - box.top - 24,
      under = row.bottom - box.bottom + 24;
    if (over < 0) tree.scrollTop += over;
    else if (under > 0) tree.scrollTop += under;
  };
  const inSight = () => {
    if (!selected) return true;
    const box = tree.getBoundingClientRect(),
      row = selected.line.getBoundingClientRect();
    return row.bottom > box.top && row.top < box.bottom;
  };
  const select = (name) => {
    if (selected) set(selected.node, { "aria-selected": "false" });
    selected = byName.get(name) || null;
    if (!selected) return;
    set(selected.node, { "aria-selected": "true" });
    unfoldTo(selected);
    makeActive(selected);
    reveal();
  };
  const filter = (text) => {
    const words = text.trim().toLowerCase().replaceAll("×", "x").split(/\s+/).filter(Boolean);
    filtering = words.length > 0;
    for (const item of items) item.hit = words.every((word) => item.text.includes(word));
    for (const item of [...items].reverse()) item.kept = item.hit || item.children.some((child) => child.kept);
    for (const item of items) {
      item.node.hidden = !item.kept;
      item.line.classList.toggle("nbviz-context", filtering && !item.hit);
      draw(item);
    }
    const shown = visible();
    if (shown.length && !shown.includes(active)) makeActive(shown[0]);
    return shown.length > 0;
  };
  const visible = () => {
    const shown = [];
    const walk = (list) =>
      list
        .filter((item) => item.kept)
        .forEach((item) => {
          shown.push(item);
          if (unfolded(item)) walk(item.children);
        });
    walk(items.filter((item) => !item.parent));
    return shown;
  };
  const fold = (item, wanted) => {
    if (!item.children.length) return;
    if (wanted) open.add(item.row.name);
    else open.delete(item.row.name);
    draw(item);
    if (!wanted && active && active !== item && item.node.contains(active.node)) makeActive(item);
  };
  const focus = (item) => {
    makeActive(item);
    item.node.focus({ preventScroll: true });
    reveal(item);
  };
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
    toggle: (item) => fold(item, !open.has(item.row.name)),
    caption: (words, ill) =>
      items.forEach((item) => {
        const found = ill[item.row.name] || "",
          caption = [words[item.index], found].filter(Boolean).join("\n");
        item.line.classList.toggle("nbviz-row-ill", Boolean(found));
        item.line.title = caption ? `${item.row.tip}\n${caption}` : item.row.tip;
        set(item.node, { "aria-description": caption || null });
      }),
    at: (node) => {
      const found = node.closest("[role=treeitem]");
      return found ? items[Number(found.dataset.index)] : null;
    },
    active: () => active,
  };
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
    el("span", "nbviz-row-shape", row.shape),
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
