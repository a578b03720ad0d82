/** The map on its canvas: what lies where, and what is drawn. Moving on it sends nothing. */
function atlasMap(model, life, plane) {
  const view = { zoom: 1, x: 0, y: 0 },
    most = 10;
  let chosen = null,
    hovered = null,
    sheet = null,
    regions = [],
    byPlace = new Map(),
    asked = 0;
  const width = () => plane.clientWidth,
    step = () => (width() / Math.max(1, model.get("side"))) * view.zoom;
  const cells = () => model.get("cells");
  const corner = (cell) => [view.x + cells()[cell][1] * step(), view.y + cells()[cell][0] * step()];
  const draw = () => {
    if (!asked)
      asked = requestAnimationFrame(() => {
        asked = 0;
        if (plane.isConnected && width()) paint();
      });
  };
  life.after(() => cancelAnimationFrame(asked));

  const clamp = () => {
    const least = width() * (1 - view.zoom);
    view.x = Math.min(0, Math.max(least, view.x));
    view.y = Math.min(0, Math.max(least, view.y));
  };
  const zoom = (by, x = width() / 2, y = width() / 2) => {
    const next = Math.min(most, Math.max(1, view.zoom * by)),
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
  const at = (x, y) => byPlace.get(`${Math.floor((y - view.y) / step())},${Math.floor((x - view.x) / step())}`) ?? null;
  const reveal = (cell) => {
    const [x, y] = corner(cell),
      size = step();
    if (x < 0 || y < 0 || x + size > width() || y + size > width())
      pan(width() / 2 - x - size / 2, width() / 2 - y - size / 2);
  };
  /** The nearest cell in a direction from the chosen one; the first cell if none is chosen. */
  const next = (down, right) => {
    if (!cells().length) return null;
    if (chosen === null) return Math.floor(cells().length / 2);
    const [row, column] = cells()[chosen];
    let best = null,
      cost = Infinity;
    cells().forEach(([r, c], i) => {
      const along = (r - row) * down + (c - column) * right,
        aside = Math.abs((r - row) * right) + Math.abs((c - column) * down);
      if (along > 0 && along + 3 * aside < cost) {
        best = i;
        cost = along + 3 * aside;
      }
    });
    return best;
  };

  const paint = () => {
    const ratio = window.devicePixelRatio || 1,
      size = width(),
      ctx = plane.getContext("2d"),
      ink = mapInk(plane);
    if (plane.width !== Math.round(size * ratio)) plane.width = plane.height = Math.round(size * ratio);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, size, size);
    const s = step(),
      snap = (v) => Math.round(v * ratio) / ratio;
    paintTiles(ctx, model, sheet, cells(), s, corner, snap, size);
    paintBorders(ctx, cells(), regions, byPlace, s, corner, snap, ink);
    paintHere(ctx, model.get("here"), s, corner, ink);
    if (hovered !== null) outline(ctx, corner(hovered), s, ink.text, 1.5);
    const marked = model.get("marked");
    if (marked !== null && cells()[marked]) outline(ctx, corner(marked), s, ink.accent, 3, ink.paper);
    if (chosen !== null && cells()[chosen]) outline(ctx, corner(chosen), s, ink.accent, 3, ink.paper);
    paintLabels(ctx, regions, model.get("classes"), s, corner, size, ink);
  };

  life.watch("cells side classes", () => {
    byPlace = new Map(cells().map(([row, column], i) => [`${row},${column}`, i]));
    regions = regionsOf(cells(), byPlace);
    hovered = null;
    whole();
  });
  life.watch("chosen", () => {
    chosen = model.get("chosen");
    draw();
  });
  life.watch("here marked", draw);
  let url = "",
    turn = 0;
  life.after(() => URL.revokeObjectURL(url));
  life.watch("sprite sheet", async () => {
    const mine = ++turn;
    await Promise.resolve();
    if (mine !== turn) return;
    const about = model.get("sheet"),
      fresh = bytesUrl(model.get("sprite"), "", about.kind);
    if (!fresh) {
      sheet = null;
      draw();
      return;
    }
    const picture = new Image();
    picture.src = fresh;
    await picture.decode().catch(() => null);
    if (mine !== turn) {
      URL.revokeObjectURL(fresh);
      return;
    }
    URL.revokeObjectURL(url);
    url = fresh;
    sheet = { picture, ...about };
    draw();
  });
  const sized = new ResizeObserver(() => {
    clamp();
    draw();
  });
  sized.observe(plane);
  const theme = new MutationObserver(draw);
  theme.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name"] });
  life.after(() => {
    sized.disconnect();
    theme.disconnect();
  });
  return {
    zoom,
    pan,
    whole,
    at,
    reveal,
    next,
    chosen: () => chosen,
    choose: (cell) => {
      chosen = cell;
      draw();
    },
    hover: (cell) => {
      if (cell !== hovered) {
        hovered = cell;
        draw();
      }
    },
    words: (cell) => cells()[cell]?.[3] || "",
  };
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
