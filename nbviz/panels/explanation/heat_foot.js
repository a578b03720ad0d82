export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-foot");
    const fill = el("div"),
      progress = el("div", "nbviz-progress", fill);
    set(progress, { role: "progressbar", "aria-label": "Progress", "aria-valuemin": 0, "aria-valuemax": 100 });
    const slider = focusable(el("input", "nbviz-slider"));
    set(slider, { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "Opacity of the heat" });
    const label = el("label", "nbviz-small nbviz-note", "heat", slider);
    const tick = focusable(el("input")),
      boxed = el("label", "nbviz-small nbviz-note nbviz-box-choice", tick, "box");
    tick.type = "checkbox";
    boxed.title = "Draw the box of the largest part of the evidence that reaches half its maximum.";
    life.watch("box", () => {
      tick.checked = model.get("box");
    });
    life.listen(tick, "change", () => {
      model.set("box", tick.checked);
      model.save_changes();
    });
    const low = el("span"),
      high = el("span"),
      bar = el("img", "nbviz-colour-bar");
    const limits = el("span", "nbviz-limits nbviz-small nbviz-note", low, bar, high);
    const facts = el("div", "nbviz-facts nbviz-caption"),
      said = el("div", "nbviz-said");
    root.append(
      progress,
      el("div", "nbviz-foot-row", label, boxed, limits),
      facts,
      drawState(model, el("div"), life),
      said,
    );
    let url = "";
    life.after(() => bytesUrl(null, url));

    const spread = (value) => root.closest(".nbviz")?.style.setProperty("--nbviz-heat", value);
    life.watch("opacity", () => {
      slider.value = model.get("opacity");
      whenAttached(root, life, () => spread(model.get("opacity")));
    });
    life.listen(slider, "input", () => spread(slider.value));
    life.listen(slider, "change", () => {
      model.set("opacity", Number(slider.value));
      model.save_changes();
    });
    life.watch("bar", () => {
      url = bytesUrl(model.get("bar"), url);
      bar.src = url;
      limits.hidden = !url;
    });
    life.watch("low high scale", () => {
      low.textContent = model.get("low");
      high.textContent = model.get("high");
      bar.alt = model.get("scale");
      limits.title = model.get("scale");
      limits.style.visibility = model.get("high") ? "visible" : "hidden";
    });
    life.watch("done state", () => {
      const busy = ["computing", "partial"].includes(model.get("state"));
      progress.classList.toggle("busy", busy);
      fill.style.width = `${100 * model.get("done")}%`;
      set(progress, { "aria-valuenow": Math.round(100 * model.get("done")), "aria-hidden": busy ? null : "true" });
    });
    life.watch("lines state", () => {
      const busy = ["computing", "partial"].includes(model.get("state"));
      const rows = model.get("lines").map((line) => runs(el("div"), line));
      if (busy && !rows.length) rows.push(el("div"));
      if (busy) rows.at(-1).append(rows.at(-1).textContent ? " · " : "", cancel());
      facts.replaceChildren(...rows);
    });
    life.watch("caption", () => {
      said.textContent = model.get("caption");
    });

    function cancel() {
      const link = button("Cancel", "nbviz-link");
      link.addEventListener("click", () => model.send({ event: "cancel" }));
      return link;
    }
    return life.end;
  },
};
