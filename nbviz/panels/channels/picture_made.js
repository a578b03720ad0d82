// This picture, made again by the layer: a line that opens into pictures and a slider over depth.
export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-picture-made");
    const toggle = button("", "nbviz-link"),
      line = el("div", "nbviz-progress", el("div")),
      row = el("div", "nbviz-remade");
    const slider = focusable(
      set(document.createElement("input"), {
        type: "range",
        min: 0,
        step: 1,
        class: "nbviz-slider",
        "aria-label": "Depth: the layer that makes the pictures",
      }),
    );
    const name = el("span", "nbviz-num"),
      how = el("span", "nbviz-num nbviz-right");
    const depth = el("label", "nbviz-depth nbviz-caption", "depth", slider, name, how),
      body = el("div", "", drawState(model, el("div"), life), row, line, depth);
    root.append(toggle, body);
    let url = "",
      turn = 0;
    life.after(() => URL.revokeObjectURL(url));
    life.watch("shown", () => {
      root.hidden = !model.get("shown");
    });
    life.watch("opened", () => {
      const opened = model.get("opened");
      toggle.textContent = opened
        ? "this picture, made again by the layer ▾"
        : "this picture, made again by the layer ▸";
      toggle.title = "What the layer keeps of it, more of what it says of it, and what it dreams into it";
      set(toggle, { "aria-expanded": String(opened) });
      body.hidden = !opened;
    });
    life.watch("stops at layer", () => {
      slider.max = Math.max(0, model.get("stops").length - 1);
      slider.value = model.get("at");
      slider.disabled = model.get("stops").length < 2;
      name.textContent = model.get("layer");
    });
    life.watch("progress share", () => {
      line.classList.toggle("busy", Boolean(model.get("progress")));
      line.firstChild.style.width = `${100 * model.get("share")}%`;
      how.textContent = model.get("progress");
    });
    life.watch("pictures tiles sheet", async () => {
      const mine = ++turn;
      await Promise.resolve();
      if (mine !== turn) return;
      const fresh = bytesUrl(model.get("pictures"), "", "image/jpeg"),
        sheet = model.get("sheet"),
        tiles = model.get("tiles");
      if (fresh) {
        const picture = new Image();
        picture.src = fresh;
        await picture.decode().catch(() => null);
      }
      if (mine !== turn) {
        URL.revokeObjectURL(fresh);
        return;
      }
      const width = tiles.length * (sheet.side + sheet.gap) - sheet.gap;
      row.replaceChildren(
        ...tiles.map(([label, words], i) => {
          const picture = set(el("div", "nbviz-remade-picture"), { role: "img", "aria-label": words, title: words });
          Object.assign(picture.style, {
            backgroundImage: `url(${fresh})`,
            backgroundSize: `${(100 * width) / sheet.side}% 100%`,
            backgroundPositionX: `${(100 * i * (sheet.side + sheet.gap)) / Math.max(1, width - sheet.side)}%`,
          });
          return el("figure", "", picture, el("figcaption", "nbviz-label", label));
        }),
      );
      URL.revokeObjectURL(url);
      url = fresh;
    });
    life.watch("state", () => row.classList.toggle("nbviz-dimmed", model.get("state") === "computing"));
    life.listen(toggle, "click", () => model.send({ event: "open", opened: !model.get("opened") }));
    life.listen(slider, "input", () => {
      name.textContent = model.get("stops")[slider.value];
    });
    life.listen(slider, "change", () => model.send({ event: "layer", at: Number(slider.value) }));
    return life.end;
  },
};
