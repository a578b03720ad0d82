// The grid of heads by layers: tiles, keys, the name of the head pointed at.
/**
 * The grid: arrows choose heads, left of the first is the layer's name.
 * @param {Model<import("./attention_stage.js").AttentionFrontTraits>} model
 */
function headGrid(model, life, send, tip) {
  const grid = focusable(
    set(el("div", "nbviz-heads"), { role: "grid", tabindex: 0, id: uid("heads"), "aria-label": "Heads by layers" }),
  );
  const view = headView(model, life, grid, send);
  const at = (target) => {
    const found = target.closest("[data-row]");
    return found && grid.contains(found) ? [Number(found.dataset.row), Number(found.dataset.column ?? -1)] : null;
  };
  const layer = (row) => send("layer", { name: model.get("rows")[row][1] });
  life.listen(grid, "click", (event) => {
    const place = at(event.target);
    if (!place) return;
    if (place[1] < 0) {
      view.activate(place);
      layer(place[0]);
    } else if (view.there(...place)) view.choose(...place);
  });
  headKeys(model, life, grid, view, layer);
  hoverHeads(grid, tip, life, at, view.node, model);
  return grid;
}

/**
 * The tiles: painted when the sheet is decoded, one chosen, one active for the keys.
 * @param {Model<import("./attention_stage.js").AttentionFrontTraits>} model
 */
function headView(model, life, grid, send) {
  let chosen = [0, 0],
    active = [0, 0],
    cells = [],
    names = [];
  const there = (row, column) => Boolean(model.get("words")[row]?.[column]);
  /** @param {number[]} place */
  const node = ([row, column]) => (column < 0 ? names[row] : cells[row]?.[column]);
  const mark = () => {
    [...names, ...cells.flat()].forEach((one) => one.classList.remove("nbviz-active"));
    cells.forEach((row, i) =>
      row.forEach((cell, j) => set(cell, { "aria-selected": String(i === chosen[0] && j === chosen[1]) })),
    );
    node(active)?.classList.add("nbviz-active");
    set(grid, { "aria-activedescendant": node(active)?.id });
  };
  const activate = (place) => {
    active = place;
    mark();
  };
  const choose = (row, column) => {
    active = [row, column];
    if (column >= 0 && String(active) !== String(chosen)) {
      chosen = active;
      send("head", { row, column });
    }
    mark();
  };
  const layers = () =>
    model.get("rows").forEach(([, , selected], i) => names[i]?.classList.toggle("nbviz-heads-chosen", selected));
  decoded(model, life, "sheet shape words", (url) => {
    [names, cells] = buildHeads(model, grid);
    paintHeads(grid, cells, model.get("shape"), url, there);
    layers();
    mark();
  });
  life.watch("rows", layers);
  life.watch("head", () => {
    chosen = model.get("head");
    if (document.activeElement !== grid) active = chosen;
    mark();
  });
  return { there, node, choose, activate, active: () => active, rows: () => cells.length };
}

/**
 * Fill the grid with one row per layer; its rows' names and its cells come back.
 * @param {Model<import("./attention_stage.js").AttentionFrontTraits>} model
 */
function buildHeads(model, grid) {
  const rows = model.get("rows"),
    count = model.get("shape").columns || 0;
  const heading = Array.from({ length: count }, (_, i) => {
    const mean = i === count - 1;
    return set(el("span", `nbviz-heads-number${mean ? " nbviz-heads-mean" : ""}`, mean ? "mean" : String(i)), {
      title: mean ? "The mean over the layer's heads" : null,
    });
  });
  const names = rows.map(([text, name], i) =>
    set(el("span", "nbviz-heads-layer", text), {
      role: "rowheader",
      id: `${grid.id}-${i}`,
      "data-row": i,
      title: name,
    }),
  );
  const cells = model.get("words").map((row, i) =>
    row.map((said, j) =>
      set(el("div", said ? "nbviz-tile" : "nbviz-heads-none"), {
        role: "gridcell",
        id: `${grid.id}-${i}-${j}`,
        "data-row": i,
        "data-column": j,
        "aria-label": said || null,
      }),
    ),
  );
  grid.replaceChildren(
    el("span", "nbviz-heads-number", "layer"),
    ...heading,
    ...names.map((name, i) => set(el("div", "nbviz-heads-row", name, ...(cells[i] || [])), { role: "row" })),
  );
  grid.classList.toggle("nbviz-heads-many", count > 17);
  grid.style.setProperty("--heads", Math.max(1, count - 1));
  grid.style.setProperty("--rows", rows.length);
  return [names, cells];
}

function paintHeads(grid, cells, shape, url, there) {
  const { columns, tile_height, tile_width, gap } = shape;
  const sheet = { columns, rows: cells.length, tile_height, tile_width, gap };
  grid.style.setProperty("--aspect", shape.aspect || 1);
  cells.forEach((row, i) =>
    row.forEach(({ style }, j) => {
      if (!there(i, j)) return;
      style.backgroundImage = `url(${url})`;
      Object.assign(style, tileStyle(sheet, i, j));
    }),
  );
}

/**
 * @param {Model<import("./attention_stage.js").AttentionFrontTraits>} model
 */
function headKeys(model, life, grid, view, layer) {
  const step = (rows, columns) => {
    const [at, from] = view.active(),
      last = model.get("shape").columns - 1,
      row = Math.min(view.rows() - 1, Math.max(0, at + rows));
    let column = Math.min(last, Math.max(-1, from + columns));
    // a layer with fewer heads has a hole before its mean
    while (column >= 0 && !view.there(row, column)) column += columns > 0 ? 1 : -1;
    view.choose(row, column);
  };
  const press = () => {
    const [row, column] = view.active();
    if (column < 0) layer(row);
    else view.choose(row, column);
  };
  const acts = {
    ArrowRight: () => step(0, 1),
    ArrowLeft: () => step(0, -1),
    ArrowDown: () => step(1, 0),
    ArrowUp: () => step(-1, 0),
    Home: () => view.choose(view.active()[0], 0),
    End: () => view.choose(view.active()[0], model.get("shape").columns - 1),
    Enter: press,
    " ": press,
  };
  listenKeys(life, grid, acts, () => view.rows() > 0);
}

/**
 * Names the tile under the pointer; no message.
 * @param {Model<import("./attention_stage.js").AttentionFrontTraits>} model
 */
function hoverHeads(grid, tip, life, at, node, model) {
  const hide = () => {
    tip.hidden = true;
  };
  life.listen(grid, "pointermove", (event) => {
    const place = at(event.target),
      words = place && (place[1] < 0 ? model.get("rows")[place[0]][1] : model.get("words")[place[0]][place[1]]);
    if (!words) {
      hide();
      return;
    }
    tip.textContent = words;
    tip.hidden = false;
    const box = grid.getBoundingClientRect(),
      tile = node(place).getBoundingClientRect();
    tip.style.left = `${Math.min(Math.max(0, tile.left - box.left), Math.max(0, box.width - tip.offsetWidth))}px`;
    tip.style.top = `${tile.bottom - box.top + 4}px`;
  });
  life.listen(grid, "pointerleave", hide);
  life.listen(grid, "pointerdown", hide);
}
