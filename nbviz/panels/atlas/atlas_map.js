// The map of an atlas on its canvas: where its cells lie, what is drawn. Moving on it sends nothing.
/**
 * The map: zoomed and panned, a cell chosen, one pointed at; drawn once a frame.
 * @param {Model<import("./atlas_stage.js").AtlasFrontTraits>} model
 */
function atlasMap(model, life, plane) {
  const shown = { chosen: null, hovered: null, sheet: null, regions: [], byPlace: new Map() };
  let asked = 0;
  const draw = () => {
    if (!asked)
      asked = requestAnimationFrame(() => {
        asked = 0;
        if (plane.isConnected && plane.clientWidth) paintMap(plane, model, view, shown);
      });
  };
  life.after(() => cancelAnimationFrame(asked));
  const view = mapView(model, plane, draw);
  const { zoom, pan, whole, reveal } = view;
  life.watch("cells side classes", () => {
    const cells = model.get("cells");
    shown.byPlace = new Map(cells.map(([row, column], i) => [`${row},${column}`, i]));
    shown.regions = regionsOf(cells, shown.byPlace);
    shown.hovered = null;
    whole();
  });
  const choose = (cell) => {
    shown.chosen = cell;
    draw();
  };
  life.watch("chosen", () => choose(model.get("chosen")));
  life.watch("here marked", draw);
  const paint = (url, picture) => {
    shown.sheet = url ? { picture, ...model.get("sheet") } : null;
    draw();
  };
  decoded(model, life, "sprite sheet", paint, () => model.get("sheet").kind);
  redraw(plane, life, view, draw);
  const hover = (cell) => {
    if (cell === shown.hovered) return;
    shown.hovered = cell;
    draw();
  };
  return {
    zoom,
    pan,
    whole,
    reveal,
    choose,
    hover,
    at: (x, y) => shown.byPlace.get(view.square(x, y).join()) ?? null,
    next: (down, right) => nextCell(model.get("cells"), shown.chosen, down, right),
    chosen: () => shown.chosen,
    words: (cell) => model.get("cells")[cell]?.[3] || "",
  };
}

const MOST_ZOOM = 10;

/**
 * How far the map is zoomed and panned, and where its squares are then, in pixels of the canvas.
 * @param {Model<import("./atlas_stage.js").AtlasFrontTraits>} model
 */
function mapView(model, plane, draw) {
  const view = { zoom: 1, x: 0, y: 0 };
  const width = () => plane.clientWidth,
    step = () => (width() / Math.max(1, model.get("side"))) * view.zoom;
  const corner = (cell) => {
    const [row, column] = model.get("cells")[cell];
    return [view.x + column * step(), view.y + row * step()];
  };
  const clamp = () => {
    const least = width() * (1 - view.zoom);
    view.x = Math.min(0, Math.max(least, view.x));
    view.y = Math.min(0, Math.max(least, view.y));
  };
  const zoom = (by, x = width() / 2, y = width() / 2) => {
    const next = Math.min(MOST_ZOOM, Math.max(1, view.zoom * by)),
      grown = next / view.zoom;
    Object.assign(view, { zoom: next, x: x - (x - view.x) * grown, y: y - (y - view.y) * grown });
    clamp();
    draw();
  };
  const pan = (x, y) => {
    view.x += x;
    view.y += y;
    clamp();
    draw();
  };
  const whole = () => {
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    draw();
  };
  const reveal = (cell) => {
    const [x, y] = corner(cell),
      size = step();
    if (x < 0 || y < 0 || x + size > width() || y + size > width())
      pan(width() / 2 - x - size / 2, width() / 2 - y - size / 2);
  };
  const square = (x, y) => [Math.floor((y - view.y) / step()), Math.floor((x - view.x) / step())];
  return { width, step, corner, clamp, zoom, pan, whole, reveal, square };
}

/** The nearest cell in a direction from the chosen one; a middle one where none is chosen, null where none is there. */
function nextCell(cells, chosen, down, right) {
  if (!cells.length) return null;
  if (chosen === null) return Math.floor(cells.length / 2);
  const [row, column] = cells[chosen];
  let best = null,
    cost = Infinity;
  cells.forEach(([r, c], i) => {
    const along = (r - row) * down + (c - column) * right,
      aside = Math.abs((r - row) * right) + Math.abs((c - column) * down);
    if (along > 0 && along + 3 * aside < cost) {
      best = i;
      cost = along + 3 * aside;
    }
  });
  return best;
}

/** Draw again when the canvas has another size or the notebook another theme. */
function redraw(plane, life, view, draw) {
  const sized = new ResizeObserver(() => {
    view.clamp();
    draw();
  });
  sized.observe(plane);
  const theme = new MutationObserver(draw);
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  life.after(() => {
    sized.disconnect();
    theme.disconnect();
  });
}

function paintMap(plane, model, { width, step, corner }, { chosen, hovered, sheet, regions, byPlace }) {
  const ratio = window.devicePixelRatio || 1,
    size = width(),
    ctx = plane.getContext("2d"),
    ink = mapInk(plane);
  if (plane.width !== Math.round(size * ratio)) plane.width = plane.height = Math.round(size * ratio);
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, size, size);
  const s = step(),
    cells = model.get("cells"),
    snap = (v) => Math.round(v * ratio) / ratio;
  paintTiles(ctx, model, sheet, cells, s, corner, snap, size);
  paintBorders(ctx, cells, regions, byPlace, s, corner, snap, ink);
  paintHere(ctx, model.get("here"), s, corner, ink);
  if (hovered !== null) outline(ctx, corner(hovered), s, ink.text, 1.5);
  for (const cell of [model.get("marked"), chosen])
    if (cell !== null && cells[cell]) outline(ctx, corner(cell), s, ink.accent, 3, ink.paper);
  paintLabels(ctx, regions, model.get("classes"), s, corner, size, ink);
}

function mapInk(plane) {
  const style = getComputedStyle(plane),
    value = (name) => style.getPropertyValue(name).trim();
  return {
    text: style.color,
    paper: value("--nbviz-paper") || "#fff",
    accent: value("--nbviz-accent") || "#1976d2",
    line: value("--nbviz-sunk") || "#eee",
    font: `11px ${style.fontFamily}`,
  };
}

/**
 * @param {Model<import("./atlas_stage.js").AtlasFrontTraits>} model
 */
function paintTiles(ctx, model, sheet, cells, s, corner, snap, size) {
  const shown = sheet ? (sheet.ready ?? cells.length) : 0;
  // pixels stay pixels when they grow; what shrinks is averaged
  ctx.imageSmoothingEnabled = Boolean(sheet) && s * (window.devicePixelRatio || 1) < sheet.tile;
  ctx.imageSmoothingQuality = "high";
  ctx.fillStyle = mapInk(ctx.canvas).line;
  cells.forEach((_cell, i) => {
    const [x, y] = corner(i);
    if (x + s < 0 || y + s < 0 || x > size || y > size) return;
    const left = snap(x),
      top = snap(y),
      wide = snap(x + s) - left - 1,
      high = snap(y + s) - top - 1;
    if (!sheet || (i >= shown && model.get("look") === "patches")) {
      ctx.fillRect(left, top, wide, high);
      return;
    }
    ctx.drawImage(
      sheet.picture,
      (i % sheet.across) * sheet.tile,
      Math.floor(i / sheet.across) * sheet.tile,
      sheet.tile,
      sheet.tile,
      left,
      top,
      wide,
      high,
    );
  });
}

function paintHere(ctx, here, s, corner, ink) {
  const top = Math.max(1, ...here.map(([, places]) => places));
  here.forEach(([cell, places]) => {
    const [x, y] = corner(cell),
      radius = Math.min(s / 6, 1.5 + 4.5 * Math.sqrt(places / top));
    ctx.beginPath();
    ctx.arc(x + s - radius - 2.5, y + s - radius - 2.5, radius, 0, 2 * Math.PI);
    ctx.fillStyle = ink.accent;
    ctx.fill();
    ctx.strokeStyle = ink.paper;
    ctx.lineWidth = 1.5;
    ctx.stroke();
  });
}
