// The painted pixels, and when the kernel hears of them: every 60 ms at most, and no sooner than the bars of the mask
// before are there: else each mask would drop the one being answered.
const WAIT = 60,
  PATIENCE = 2000;

/** The painted pixels, at the network's own resolution: a canvas, read as bits. */
function maskOf(model, over) {
  const paint = over.getContext("2d", { willReadFrequently: true });
  const bits = () => {
    const { data } = paint.getImageData(0, 0, over.width, over.height);
    const packed = new Uint8Array(Math.ceil((over.width * over.height) / 8));
    for (let i = 0; i < over.width * over.height; i += 1) if (data[4 * i + 3] > 127) packed[i >> 3] |= 128 >> (i & 7);
    return packed;
  };
  const send = (end) => model.send({ event: "stroke", end }, undefined, [bits().buffer]);
  let since = 0,
    wanted = false;
  const next = () => {
    wanted = self.open && since > 0 && performance.now() - since < PATIENCE;
    if (!self.open || wanted) return;
    since = performance.now();
    send(false);
  };
  const draft = throttle(next, WAIT);
  const self = {
    open: false,
    paint,
    draft,
    begin() {
      self.open = true;
    },
    /** The bars of the last mask are there: the next one goes out, if the stroke has gone on. */
    answered() {
      since = 0;
      if (wanted) draft();
    },
    end() {
      self.open = false;
      send(true);
    },
    invert() {
      paint.globalCompositeOperation = "xor";
      paint.fillStyle = "#000";
      paint.fillRect(0, 0, over.width, over.height);
      paint.globalCompositeOperation = "source-over";
      send(true);
    },
    resize() {
      const [rows, columns] = [model.get("rows"), model.get("columns")];
      if (over.height === rows && over.width === columns) return;
      over.height = rows;
      over.width = columns;
      self.read();
    },
    /** Take over what Python says is painted: after undo, or what the map marks. A stroke under way is not disturbed. */
    read() {
      if (self.open) return;
      const told = model.get("mask"),
        image = paint.createImageData(over.width, over.height);
      if (told?.byteLength)
        for (let i = 0; i < over.width * over.height; i += 1)
          if (told.getUint8(i >> 3) & (128 >> (i & 7))) image.data[4 * i + 3] = 255;
      paint.putImageData(image, 0, 0);
    },
  };
  return self;
}
