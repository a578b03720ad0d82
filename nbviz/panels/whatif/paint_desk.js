// A brush over the picture. The stroke is drawn here, at the screen's rate; the kernel hears of it every 60 ms at most,
// and no sooner than the bars of the mask before are there: else each mask would drop the one being answered.
const WAIT = 60,
  PATIENCE = 2000;

/**
 * @typedef {Front & {
 *   picture: DataView,
 *   rows: number,
 *   columns: number,
 *   mask: DataView,
 *   keep: boolean,
 *   fill: string,
 *   fills: any[],
 *   method: string,
 *   lines: any[],
 *   answered: number,
 * }} PaintFrontTraits
 */

export default {
  /** @param {View<PaintFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-desk", "nbviz-paint-desk");
    const modes = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What the brush does" });
    const hide = button("Hide", ""),
      only = button("Keep only", "");
    hide.title = "What is painted is covered";
    only.title = "All but what is painted is covered";
    modes.append(hide, only);
    const fill = selectBox(model.get("fills"), "What it is painted with");
    const size = slider("Size of the brush", 4, 96, 30, "brush");
    const erase = set(button("Erase"), { title: "The brush takes paint away", "aria-pressed": "false" }),
      invert = set(button("Invert"), { title: "Paints all that isn't painted, and the other way round" });
    const stack = focusable(
      set(el("div", "nbviz-paint-stack"), {
        tabindex: 0,
        role: "application",
        "aria-roledescription": "canvas to paint on",
      }),
    );
    const picture = set(el("div", "nbviz-paint-picture"), { role: "img" }),
      over = el("canvas", "nbviz-paint-over"),
      ring = el("div", "nbviz-paint-ring"),
      box = el("div", "nbviz-paint-box");
    const share = slider("Share of the picture, in per cent", 1, 50, 10, "share");
    const marks = button("hide what the map marks"),
      rest = set(button("all but that"), { title: "Hides all but what the map marks" });
    const said = set(el("div", "nbviz-caption nbviz-desk-lines"), { role: "status", "aria-live": "polite" });
    const percent = el("span", "nbviz-small nbviz-num");
    stack.append(picture, over, ring, box);
    root.append(
      el(
        "div",
        "nbviz-head",
        el("span", "nbviz-title", "Explanation"),
        el("span", "nbviz-note", "paint over what you doubt"),
      ),
      el("div", "nbviz-bar", modes, fill.box, el("span", "nbviz-small nbviz-note", "size"), size, erase, invert),
      drawState(model, el("div"), life),
      stack,
      el("div", "nbviz-bar nbviz-desk-foot", marks, rest, share, percent),
      said,
    );
    set(box, { hidden: true });
    set(ring, { hidden: true });
    set(stack, {
      "aria-label":
        "The picture, to paint on. R draws a rectangle: arrows move it, Shift with arrows sizes it, Enter paints it.",
    });
    const mask = maskOf(model, over);
    strokes({
      model,
      life,
      stack,
      over,
      ring,
      mask,
      brush: () => Number(size.value),
      erasing: () => erase.getAttribute("aria-pressed") === "true",
    });
    rectangle({ model, life, stack, box, mask });
    background(model, life, picture, "picture");

    const send = () =>
      model.send({ event: "settings", keep: only.getAttribute("aria-pressed") === "true", fill: fill.select.value });
    const mode = (keep) => {
      set(hide, { "aria-pressed": String(!keep) });
      set(only, { "aria-pressed": String(keep) });
    };
    const choose = (keep) => {
      mode(keep);
      send();
    };
    life.listen(hide, "click", () => choose(false));
    life.listen(only, "click", () => choose(true));
    life.listen(fill.select, "change", send);
    life.listen(erase, "click", () =>
      set(erase, { "aria-pressed": String(erase.getAttribute("aria-pressed") !== "true") }),
    );
    life.listen(invert, "click", () => mask.invert());
    life.listen(marks, "click", () => model.send({ event: "marks", share: Number(share.value) / 100 }));
    life.listen(rest, "click", () => model.send({ event: "rest", share: Number(share.value) / 100 }));
    const words = () => (percent.textContent = `most important ${share.value} %`);
    life.listen(share, "input", words);
    words();
    life.listen(root, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      event.stopPropagation();
      model.send({ event: "close" });
    });
    life.watch("keep", () => mode(model.get("keep")));
    life.watch("fill", () => (fill.select.value = model.get("fill")));
    life.watch("method", () => (marks.title = `Hides the share of the picture that ${model.get("method")} marks most`));
    life.watch("lines", () => said.replaceChildren(...model.get("lines").map((line) => runs(el("div"), line))));
    life.watch("rows columns", () => {
      stack.style.setProperty("--aspect", String(model.get("columns") / Math.max(1, model.get("rows"))));
      mask.resize();
    });
    life.watch("mask", mask.read);
    life.watch("answered", mask.answered);
    return life.end;
  },
};

function slider(label, min, max, value, name) {
  const node = focusable(
    set(el("input", `nbviz-slider nbviz-desk-${name}`), {
      type: "range",
      min,
      max,
      step: 1,
      "aria-label": label,
      title: label,
    }),
  );
  node.value = value;
  return node;
}

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

function strokes({ model, life, stack, over, ring, mask, brush, erasing }) {
  let last = null;
  const at = (event) => {
    const [row, column] = placeAt(stack, event);
    return [column * over.width, row * over.height];
  };
  const draw = (from, to) => {
    const { paint } = mask;
    paint.globalCompositeOperation = erasing() ? "destination-out" : "source-over";
    paint.lineCap = paint.lineJoin = "round";
    paint.strokeStyle = "#000";
    paint.lineWidth = brush();
    paint.beginPath();
    paint.moveTo(...from);
    paint.lineTo(to[0] + 0.01, to[1]);
    paint.stroke();
    paint.globalCompositeOperation = "source-over";
  };
  const follow = (event) => {
    const [row, column] = placeAt(stack, event),
      wide = (100 * brush()) / Math.max(1, model.get("columns"));
    set(ring, { hidden: false, style: `left:${100 * column}%;top:${100 * row}%;width:${wide}%` });
  };
  life.listen(stack, "pointerdown", (event) => {
    if (event.button !== 0) return;
    stack.setPointerCapture(event.pointerId);
    mask.begin();
    const here = at(event);
    draw(event.shiftKey && last ? last : here, here);
    last = here;
    stack.classList.add("nbviz-painting");
    mask.draft();
  });
  life.listen(stack, "pointermove", (event) => {
    follow(event);
    if (!mask.open) return;
    const all = event.getCoalescedEvents?.() || [];
    for (const one of all.length ? all : [event]) {
      const here = at(one);
      draw(last, here);
      last = here;
    }
    mask.draft();
  });
  const end = () => {
    if (!mask.open) return;
    stack.classList.remove("nbviz-painting");
    mask.end();
  };
  life.listen(stack, "pointerup", end);
  life.listen(stack, "pointercancel", end);
  life.listen(stack, "pointerleave", () => set(ring, { hidden: true }));
}

/** A rectangle by keyboard: R begins one, arrows move it, with Shift they size it, Enter paints it. */
function rectangle({ model, life, stack, box, mask }) {
  let area = null;
  const show = () => {
    box.hidden = !area;
    if (!area) return;
    const [rows, columns] = [model.get("rows"), model.get("columns")];
    set(box, {
      style: `left:${(100 * area.x) / columns}%;top:${(100 * area.y) / rows}%;width:${(100 * area.w) / columns}%;height:${(100 * area.h) / rows}%`,
    });
  };
  const steps = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
  life.listen(stack, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [rows, columns] = [model.get("rows"), model.get("columns")];
    const by = Math.max(1, Math.round(Math.min(rows, columns) / 28));
    if (event.key.toLowerCase() === "r" && !area) {
      const side = Math.round(Math.min(rows, columns) / 4);
      area = { x: Math.round((columns - side) / 2), y: Math.round((rows - side) / 2), w: side, h: side };
    } else if (area && steps[event.key]) {
      const [dx, dy] = steps[event.key];
      if (event.shiftKey) {
        area.w = Math.min(columns - area.x, Math.max(by, area.w + dx * by));
        area.h = Math.min(rows - area.y, Math.max(by, area.h + dy * by));
      } else {
        area.x = Math.min(columns - area.w, Math.max(0, area.x + dx * by));
        area.y = Math.min(rows - area.h, Math.max(0, area.y + dy * by));
      }
    } else if (area && event.key === "Enter") {
      mask.paint.fillStyle = "#000";
      mask.paint.fillRect(area.x, area.y, area.w, area.h);
      area = null;
      mask.end();
    } else if (area && event.key === "Escape") area = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
    show();
  });
}
