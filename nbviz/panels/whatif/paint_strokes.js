// What paints: the pointer, drawn here at the screen's rate, and a rectangle or ellipse by keyboard.

/** Fill a rectangle or an ellipse between two corners, in the mask's pixels, or take it away. */
function fillForm(paint, form, erases, [x, y], [w, h]) {
  paint.globalCompositeOperation = erases ? "destination-out" : "source-over";
  paint.fillStyle = "#000";
  paint.beginPath();
  if (form === "ellipse") paint.ellipse(x + w / 2, y + h / 2, Math.abs(w / 2), Math.abs(h / 2), 0, 0, 2 * Math.PI);
  else paint.rect(x, y, w, h);
  paint.fill();
  paint.globalCompositeOperation = "source-over";
}

function strokes({ model, life, stack, over, ring, mask, brush, erasing, form }) {
  let last = null,
    corner = null;
  const at = (event) => {
    const [row, column] = placeAt(stack, event);
    return [column * over.width, row * over.height];
  };
  /** The form from the corner where the pointer went down to where it is, over what was painted before. */
  const drag = (to) => {
    const { paint } = mask;
    paint.putImageData(corner.before, 0, 0);
    fillForm(paint, form(), erasing(), corner.at, [to[0] - corner.at[0], to[1] - corner.at[1]]);
  };
  const draw = (from, to) => {
    const { paint } = mask;
    if (corner) {
      drag(to);
      return;
    }
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
    set(ring, { hidden: form() !== "brush", style: `left:${100 * column}%;top:${100 * row}%;width:${wide}%` });
  };
  life.listen(stack, "pointerdown", (event) => {
    if (event.button !== 0) return;
    stack.setPointerCapture(event.pointerId);
    mask.begin();
    const here = at(event);
    corner = form() === "brush" ? null : { at: here, before: mask.paint.getImageData(0, 0, over.width, over.height) };
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

/** A form by keyboard: R or E begins one, arrows move it, with Shift they size it, Enter paints or erases it. */
function rectangle({ model, life, stack, box, mask, erasing }) {
  let area = null;
  const show = () => {
    box.hidden = !area;
    if (!area) return;
    box.classList.toggle("nbviz-paint-round", area.form === "ellipse");
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
    const begun = { r: "rectangle", e: "ellipse" }[event.key.toLowerCase()];
    if (begun && !area) {
      const side = Math.round(Math.min(rows, columns) / 4);
      area = { x: Math.round((columns - side) / 2), y: Math.round((rows - side) / 2), w: side, h: side, form: begun };
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
      fillForm(mask.paint, area.form, erasing(), [area.x, area.y], [area.w, area.h]);
      area = null;
      mask.end();
    } else if (area && event.key === "Escape") area = null;
    else return;
    event.preventDefault();
    event.stopPropagation();
    show();
  });
}
