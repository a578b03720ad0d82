// A map from the whole numbers that it travels as: its values at a place, its colours, its figures.
/**
 * The values of a map as whole numbers, or null where there are none.
 * @param {Model<import("./pin_card.js").PinFrontTraits>} model
 */
function mapValues(model) {
  const bytes = model.get("values");
  if (!bytes?.byteLength) return null;
  return new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

const STEPS = 32767,
  BAD = -32768;

/**
 * The value at [row, column], fractions: of that place, or interpolated between places as torch does it.
 * @param {Model<import("./pin_card.js").PinFrontTraits>} model
 */
function valueAt(values, model, [row, column]) {
  const [rows, columns] = model.get("grid"),
    peak = model.get("peak") / STEPS;
  const at = (r, c) => {
    const code = values[r * columns + c];
    return code === BAD ? NaN : code * peak;
  };
  if (!model.get("smooth"))
    return at(Math.min(rows - 1, Math.floor(row * rows)), Math.min(columns - 1, Math.floor(column * columns)));
  const [top, bottom, down] = between(row, rows),
    [left, right, across] = between(column, columns);
  const mix = (r) => at(r, left) * (1 - across) + at(r, right) * across;
  return mix(top) * (1 - down) + mix(bottom) * down;
}

function between(part, count) {
  const at = Math.min(count - 1, Math.max(0, part * count - 0.5)),
    first = Math.floor(at);
  return [first, Math.min(count - 1, first + 1), at - first];
}

/**
 * Paint a map: its own places as pixels, an interpolated one at the picture's size.
 * @param {Model<import("./pin_card.js").PinFrontTraits>} model
 */
function drawHeat(canvas, values, model) {
  const size = model.get("size"),
    share = Math.min(1, 256 / Math.max(...size));
  const [rows, columns] = model.get("smooth")
    ? size.map((side) => Math.max(1, Math.round(side * share)))
    : model.get("grid");
  const low = model.get("low"),
    high = model.get("high"),
    span = high - low;
  const bytes = model.get("colours"),
    table = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const pixels = new Uint32Array(rows * columns);
  for (let row = 0, i = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1, i += 1) {
      const value = valueAt(values, model, [(row + 0.5) / rows, (column + 0.5) / columns]);
      const part = span > 0 ? Math.min(1, Math.max(0, (value - low) / span)) : low < 0 ? 0.5 : 0;
      pixels[i] = table[Number.isNaN(value) ? 254 : Math.round(part * 252)];
    }
  }
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), columns, rows), 0, 0);
}

/** A number as short as it can be read, as everywhere in the frame. */
function figure(value) {
  if (Number.isNaN(value)) return "not a number";
  const size = Math.abs(value),
    sign = value < 0 ? "−" : "";
  if (size > 0 && size < 0.0005) return sign + size.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
  const digits = size >= 1000 || !size ? 0 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
  return sign + size.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
