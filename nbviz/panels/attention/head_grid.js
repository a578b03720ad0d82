// The grid of heads by layers: tiles, keys, the name of the head pointed at.
/** The grid: arrows choose heads, left of the first is the layer's name. */
function headGrid(model, life, send, tip) {
  const grid = focusable(
    set(el("div", "nbviz-heads"), { role: "grid", tabindex: 0, id: uid("heads"), "aria-label": "Heads by layers" }),
  );
  let url = "",
    turn = 0,
    chosen = [0, 0],
    active = [0, 0],
    cells = [],
    names = [];
  life.after(() => URL.revokeObjectURL(url));
  const there = (row, column) => Boolean(model.get("words")[row]?.[column]);
  const node = ([row, column]) => (column < 0 ? names[row] : cells[row]?.[column]);
  const mark = () => {
    cells.flat().forEach((cell) => cell.classList.remove("nbviz-active"));
    names.forEach((name) => name.classList.remove("nbviz-active"));
    cells.forEach((row, i) =>
      row.forEach((cell, j) => set(cell, { "aria-selected": String(i === chosen[0] && j === chosen[1]) })),
    );
    node(active)?.classList.add("nbviz-active");
    set(grid, { "aria-activedescendant": node(active)?.id });
  };
  const choose = (row, column) => {
    active = [row, column];
    if (column >= 0 && String(active) !== String(chosen)) {
      chosen = active;
      send("head", { row, column });
    }
    mark();
  };
  const build = () => {
    const rows = model.get("rows"),
      words = model.get("words"),
      count = model.get("shape").columns || 0;
    const heading = Array.from({ length: count }, (_, i) =>
      el(
        "span",
        `nbviz-heads-number${i === count - 1 ? " nbviz-heads-mean" : ""}`,
        i === count - 1 ? "mean" : String(i),
      ),
    );
    set(heading.at(-1) ?? grid, { title: heading.length ? "The mean over the layer's heads" : null });
    names = rows.map(([text, name], i) =>
      set(el("span", "nbviz-heads-layer", text), {
        role: "rowheader",
        id: `${grid.id}-${i}`,
        "data-row": i,
        title: name,
      }),
    );
    cells = words.map((row, i) =>
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
  };
  const paint = (fresh) => {
    const { columns, tile_height: tall, tile_width: wide, gap, aspect } = model.get("shape"),
      rows = cells.length;
    const width = columns * (wide + gap) - gap,
      height = rows * (tall + gap) - gap;
    const part = (step, each, whole) => (whole > each ? (100 * step) / (whole - each) : 0);
    grid.style.setProperty("--aspect", aspect || 1);
    cells.forEach((row, i) =>
      row.forEach(({ style }, j) => {
        if (!there(i, j)) return;
        style.backgroundImage = `url(${fresh})`;
        style.backgroundSize = `${(100 * width) / wide}% ${(100 * height) / tall}%`;
        style.backgroundPosition = `${part(j * (wide + gap), wide, width)}% ${part(i * (tall + gap), tall, height)}%`;
      }),
    );
  };
  life.watch("sheet shape words", async () => {
    const mine = ++turn;
    await Promise.resolve();
    if (mine !== turn) return;
    const fresh = bytesUrl(model.get("sheet"), "");
    if (fresh) {
      const picture = new Image();
      picture.src = fresh;
      await picture.decode().catch(() => null);
    }
    if (mine !== turn) {
      URL.revokeObjectURL(fresh);
      return;
    }
    build();
    paint(fresh);
    layers();
    mark();
    URL.revokeObjectURL(url);
    url = fresh;
  });
  const layers = () =>
    model.get("rows").forEach(([, , selected], i) => names[i]?.classList.toggle("nbviz-heads-chosen", selected));
  life.watch("rows", layers);
  life.watch("head", () => {
    chosen = model.get("head");
    if (document.activeElement !== grid) active = chosen;
    mark();
  });

  const layer = (row) => send("layer", { name: model.get("rows")[row][1] });
  const at = (target) => {
    const found = target.closest("[data-row]");
    return found && grid.contains(found) ? [Number(found.dataset.row), Number(found.dataset.column ?? -1)] : null;
  };
  life.listen(grid, "click", (event) => {
    const place = at(event.target);
    if (!place) return;
    if (place[1] < 0) {
      active = place;
      mark();
      layer(place[0]);
    } else if (there(...place)) choose(...place);
  });
  const step = (rows, columns) => {
    const count = model.get("shape").columns,
      row = Math.min(cells.length - 1, Math.max(0, active[0] + rows));
    let column = Math.min(count - 1, Math.max(-1, active[1] + columns));
    // a layer with fewer heads has a hole before its mean
    while (column >= 0 && !there(row, column)) column += columns > 0 ? 1 : -1;
    choose(row, column);
  };
  const acts = {
    ArrowRight: () => step(0, 1),
    ArrowLeft: () => step(0, -1),
    ArrowDown: () => step(1, 0),
    ArrowUp: () => step(-1, 0),
    Home: () => choose(active[0], 0),
    End: () => choose(active[0], model.get("shape").columns - 1),
    Enter: () => (active[1] < 0 ? layer(active[0]) : choose(...active)),
    " ": () => (active[1] < 0 ? layer(active[0]) : choose(...active)),
  };
  life.listen(grid, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !acts[event.key] || !cells.length) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  });
  hoverHeads(grid, tip, life, at, node, model);
  return grid;
}

/** Names the tile under the pointer; no message. */
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
