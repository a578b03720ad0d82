// Regions of an atlas that speak for one class: their borders and their names.
/** Lines around regions that speak for one class; single cells that differ are left, or the map is all lines. */
function paintBorders(ctx, cells, regions, byPlace, s, corner, snap, ink) {
  const lines = new Path2D(),
    large = new Map();
  regions
    .filter((region) => region.cells.length > 2)
    .forEach((region, place) => region.cells.forEach((cell) => large.set(cell, place)));
  const apart = (one, other) =>
    other !== undefined && (large.has(one) || large.has(other)) && large.get(one) !== large.get(other);
  cells.forEach(([row, column], i) => {
    const [x, y] = corner(i),
      right = byPlace.get(`${row},${column + 1}`),
      below = byPlace.get(`${row + 1},${column}`);
    if (apart(i, right)) {
      lines.moveTo(snap(x + s) - 0.5, y - 1);
      lines.lineTo(snap(x + s) - 0.5, y + s);
    }
    if (apart(i, below)) {
      lines.moveTo(x - 1, snap(y + s) - 0.5);
      lines.lineTo(x + s, snap(y + s) - 0.5);
    }
  });
  ctx.lineCap = "square";
  ctx.strokeStyle = ink.paper;
  ctx.lineWidth = 4;
  ctx.stroke(lines);
  ctx.strokeStyle = ink.text;
  ctx.lineWidth = 1.5;
  ctx.stroke(lines);
}

function outline(ctx, [x, y], s, colour, thick, halo) {
  if (halo) {
    ctx.strokeStyle = halo;
    ctx.lineWidth = thick + 2;
    ctx.strokeRect(x, y, s - 1, s - 1);
  }
  ctx.strokeStyle = colour;
  ctx.lineWidth = thick;
  ctx.strokeRect(x, y, s - 1, s - 1);
}

/** Neighbouring cells of one class, the largest region first: {index, cells, middle}. */
function regionsOf(cells, byPlace) {
  const seen = new Set(),
    found = [];
  cells.forEach(([, , index], first) => {
    if (seen.has(first) || index < 0) return;
    const members = [],
      stack = [first];
    seen.add(first);
    while (stack.length) {
      const i = stack.pop(),
        [row, column] = cells[i];
      members.push(i);
      [
        [0, 1],
        [1, 0],
        [0, -1],
        [-1, 0],
      ].forEach(([down, right]) => {
        const other = byPlace.get(`${row + down},${column + right}`);
        if (other !== undefined && !seen.has(other) && cells[other][2] === index) {
          seen.add(other);
          stack.push(other);
        }
      });
    }
    const mean = (axis) => members.reduce((sum, i) => sum + cells[i][axis], 0) / members.length;
    const row = mean(0),
      column = mean(1),
      far = (i) => Math.hypot(cells[i][0] - row, cells[i][1] - column);
    found.push({ index, cells: members, middle: members.reduce((best, i) => (far(i) < far(best) ? i : best)) });
  });
  return found.sort((a, b) => b.cells.length - a.cells.length);
}

/** A name in each region that has room; small regions get theirs as they grow. */
function paintLabels(ctx, regions, classes, s, corner, size, ink) {
  const taken = [];
  ctx.font = ink.font;
  ctx.textBaseline = "middle";
  regions.forEach(({ index, cells, middle }) => {
    if (cells.length * s * s < 3600) return;
    const name = classes[index],
      text = name.length > 22 ? `${name.slice(0, 21)}…` : name,
      [x, y] = corner(middle);
    const wide = ctx.measureText(text).width + 8,
      left = Math.min(Math.max(2, x + (s - wide) / 2), size - wide - 2),
      top = y + s / 2 - 8;
    if (x + s < 0 || y + s < 0 || x > size || y > size) return;
    if (taken.some(([l, t, w]) => left < l + w + 4 && l < left + wide + 4 && Math.abs(t - top) < 18)) return;
    taken.push([left, top, wide]);
    ctx.globalAlpha = 0.88;
    ctx.fillStyle = ink.paper;
    ctx.beginPath();
    ctx.roundRect(left, top, wide, 16, 3);
    ctx.fill();
    ctx.globalAlpha = 1;
    ctx.fillStyle = ink.text;
    ctx.fillText(text, left + 4, top + 8.5);
  });
}
