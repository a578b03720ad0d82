export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-pointer");
    focusable(set(root, { tabindex: 0, role: "application", "aria-roledescription": "picture" }));
    const id = uid("place"),
      marker = el("div", "nbviz-marker"),
      tip = el("div", "nbviz-tip");
    set(tip, { id, role: "status" });
    set(root, { "aria-describedby": id });
    const lines = el("img", "nbviz-lines"),
      boxes = el("div", "nbviz-outlines");
    set(lines, { alt: "" });
    set(boxes, { "aria-hidden": "true" });
    root.append(lines, boxes, marker, tip);
    let url = "";
    life.after(() => bytesUrl(null, url));
    life.watch("lines", () => {
      url = bytesUrl(model.get("lines"), url);
      lines.hidden = !url;
      if (url) lines.src = url;
    });
    life.watch("outlines", () =>
      boxes.replaceChildren(
        ...model.get("outlines").map(([top, left, bottom, right, kind, text]) => {
          const box = el("div", `nbviz-outline ${kind}`, text ? el("span", "", text) : "");
          set(box, {
            style: `left:${100 * left}%;top:${100 * top}%;width:${100 * (right - left)}%;height:${100 * (bottom - top)}%`,
          });
          return box;
        }),
      ),
    );
    // `here` is where this view points; null when it doesn't, and the pinned place stands, or `there`: where another
    // picture of the frame is pointed at, and what the map says at that place.
    let here = null,
      pinned = false,
      there = null,
      value = "";

    const paint = () => {
      draw();
      tell({ kind: "place", place: here || model.get("place"), pinned });
    };
    const draw = () => {
      const other = !here && !model.get("place") && there;
      const place = other || here || model.get("place");
      pinned = Boolean(model.get("place"));
      const words = other ? value : model.get("tip");
      marker.hidden = !place;
      marker.classList.toggle("pinned", pinned && !here);
      tip.hidden = !place || !words;
      tip.textContent = words;
      if (!place) return;
      const [row, column] = place;
      set(marker, { style: `left:${100 * column}%;top:${100 * row}%` });
      const left = column > 0.5,
        up = row > 0.7,
        from = 100 * (left ? 1 - column : column);
      set(tip, {
        style:
          `${left ? "right" : "left"}:calc(${from}% + 10px);max-width:calc(${100 - from}% - 10px);` +
          `${up ? "bottom" : "top"}:calc(${100 * (up ? 1 - row : row)}% + 6px)`,
      });
    };
    const send = (pin, choose = false) => model.send({ event: "point", place: here, pin, choose });
    const say = throttle(() => send(null), 80);
    const tell = linked(root, life, (told) => {
      if (told.kind === "press") press(told.place, true);
      else if (told.kind === "ask") tell({ kind: "place", place: here || model.get("place"), pinned });
      else {
        if (told.kind === "value") value = told.text;
        else [there, value] = [told.place, ""];
        draw();
      }
    });
    life.listen(root, "pointermove", (event) => {
      if (!pinned) {
        here = placeAt(root, event);
        paint();
        say();
      }
    });
    life.listen(root, "pointerleave", () => {
      if (here && !pinned) {
        here = null;
        paint();
        say();
      }
    });
    // A press on another picture of the frame pins and releases, but chooses nothing here.
    const press = (place, away = false) => {
      const from = model.get("place");
      const near = from && Math.hypot(place[0] - from[0], place[1] - from[1]) < 0.03;
      const pin = model.get("choosing") && !away ? !near : !pinned;
      here = away && !pin ? null : place;
      send(pin, pin && !away);
      pinned = pin;
      if (pin) here = null;
      paint();
    };
    life.listen(root, "click", (event) => press(placeAt(root, event)));
    const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
    life.listen(root, "keydown", (event) => {
      const size = [model.get("rows"), model.get("columns")];
      if (event.key in steps) {
        const from = here || model.get("place") || [0.5, 0.5];
        here = from.map((part, axis) => {
          const step = event.shiftKey ? 1 : Math.max(1, Math.round(size[axis] / 56));
          const pixel = Math.floor(part * size[axis]) + steps[event.key][axis] * step;
          return (Math.min(size[axis] - 1, Math.max(0, pixel)) + 0.5) / size[axis];
        });
        if (pinned) send(true);
        else say();
        if (pinned) here = null;
        paint();
      } else if (event.key === "Enter" || event.key === " ") {
        here = here || model.get("place") || [0.5, 0.5];
        send(!pinned, !pinned);
      } else if (event.key === "Escape") {
        here = null;
        model.send({ event: "escape" });
      } else if (event.key === "p" && !event.ctrlKey && !event.metaKey && !event.altKey) {
        model.send({ event: "pin" });
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
    life.listen(root, "blur", () => {
      if (here && !pinned) {
        here = null;
        paint();
        say();
      }
    });
    // The canvases below are pictures only: the keyboard's way in is this layer.
    whenAttached(root, life, () =>
      root.parentElement.querySelectorAll("canvas").forEach((one) => set(one, { tabindex: -1, "aria-hidden": "true" })),
    );
    life.watch("place", paint);
    life.watch("tip", draw);
    life.watch("caption", () => set(root, { "aria-label": model.get("caption") }));
    life.watch("rows columns", () =>
      whenAttached(root, life, () => {
        root
          .closest(".nbviz-stack")
          ?.style.setProperty("--nbviz-aspect", model.get("columns") / Math.max(1, model.get("rows")));
      }),
    );
    return life.end;
  },
};
