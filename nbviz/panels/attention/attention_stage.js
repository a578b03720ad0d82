// Heads (columns) by layers (rows): one picture behind all tiles; the chosen head large, over the picture.
const SCALES = [
  ["own", "Own scale", "Each map from 0 to its own peak"],
  ["shared", "Shared scale", "All maps from 0 to the peak of all heads"],
];

export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-attention");
    const send = (event, more = {}) => model.send({ event, ...more });
    const about = el("span", "nbviz-note"),
      caption = el("p", "nbviz-caption"),
      further = el("p", "nbviz-caption");
    const body = el("div", "nbviz-heads-body"),
      tip = el("div", "nbviz-tip");
    tip.hidden = true;
    body.append(
      el("div", "nbviz-bar", ...controls(model, life, send)),
      el("div", "nbviz-heads-box", headGrid(model, life, send, tip), tip),
      caption,
      further,
      card(model, life, send),
    );
    root.append(
      el("div", "nbviz-head", el("span", "nbviz-title", "Attention"), about),
      drawState(model, el("div"), life),
      el("p", "nbviz-caption nbviz-heads-wait"),
      body,
    );
    life.watch("about", () => {
      about.textContent = about.title = model.get("about");
    });
    life.watch("caption note", () => {
      runs(caption, model.get("caption"));
      further.textContent = model.get("note");
      further.hidden = !model.get("note");
    });
    life.watch("state message rows", () => {
      const busy = ["computing", "partial"].includes(model.get("state")),
        wait = root.querySelector(".nbviz-heads-wait");
      body.hidden = !model.get("rows").length;
      body.classList.toggle("nbviz-waiting", model.get("state") === "computing");
      wait.hidden = !busy || (model.get("state") === "computing" && !body.hidden);
      wait.textContent = model.get("message") || "computing";
    });
    return life.end;
  },
};

/** Who looks, whether the class weighs in, and the scale. */
function controls(model, life, send) {
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What each map is" });
  const from = selectBox([], "Who looks"),
    scale = selectBox(SCALES, "Scale of the colours");
  life.watch("weighings attention", () => {
    const kept = segment.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    segment.replaceChildren(
      ...model.get("weighings").map(([key, text, title]) => {
        const node = set(button(text, ""), {
          "aria-pressed": String(key === model.get("attention")),
          "data-key": key,
          title,
        });
        node.addEventListener("click", () => send("attention", { name: key }));
        return node;
      }),
    );
    if (kept) segment.querySelector(`[data-key="${kept}"]`)?.focus();
  });
  life.watch("queries query", () => {
    fillSelect(from.select, model.get("queries"));
    from.select.value = model.get("query");
  });
  life.watch("shared", () => {
    scale.select.value = model.get("shared") ? "shared" : "own";
  });
  life.listen(from.select, "change", () => send("query", { name: from.select.value }));
  life.listen(scale.select, "change", () => send("look", { shared: scale.select.value === "shared" }));
  return [from.box, segment, scale.box];
}

/** The chosen head over the picture, who looks marked in it, and its figures. */
function card(model, life, send) {
  const title = el("span", "nbviz-note"),
    figures = el("dl", "nbviz-figures"),
    high = el("span"),
    bar = el("img", "nbviz-colour-bar");
  const here = focusable(
    set(
      el("div", "nbviz-here", el("span", "nbviz-backdrop"), el("span", "nbviz-map"), el("span", "nbviz-heads-place")),
      { role: "application", tabindex: 0, "aria-roledescription": "picture" },
    ),
  );
  const hint = el(
    "p",
    "nbviz-caption nbviz-small",
    "Click a patch, here or in the explanation, to see what it looks at.",
  );
  const why = el("p", "nbviz-caption nbviz-small");
  const segment = set(el("div", "nbviz-segment"), { role: "group", "aria-label": "What is shown large" });
  const both = [
    ["Head", false],
    ["Rollout", true],
  ].map(([text, rollout]) => {
    const node = button(text, "");
    node.addEventListener("click", () => send("look", { rollout }));
    segment.append(node);
    return node;
  });
  both[0].title = "What this head alone looks at";
  both[1].title = "All heads of all layers up to this one, followed back to the picture (Abnar and Zuidema 2020)";
  let url = "";
  life.after(() => URL.revokeObjectURL(url));
  life.watch("bar", () => {
    url = bytesUrl(model.get("bar"), url);
    bar.src = url;
  });
  life.watch("high", () => {
    high.textContent = model.get("high");
    bar.alt = `black is 0, brightest is ${model.get("high")}`;
  });
  life.watch("title", () => {
    runs(title, model.get("title"));
    title.title = title.textContent;
  });
  life.watch("alt", () =>
    set(here, { "aria-label": `${model.get("alt")}. Arrow keys move the patch that looks, Escape releases it.` }),
  );
  life.watch("shape", () => here.style.setProperty("--aspect", model.get("shape").aspect || 1));
  life.watch("rollout no_rollout", () => {
    const refused = model.get("no_rollout"),
      on = model.get("rollout") && !refused;
    both.forEach((node, i) => set(node, { "aria-pressed": String(Boolean(i) === on) }));
    both[1].disabled = Boolean(refused);
    why.textContent = refused;
    why.hidden = !refused;
  });
  life.watch("figures", () =>
    figures.replaceChildren(
      ...model
        .get("figures")
        .flatMap(([name, value, meaning]) =>
          [el("dt", "", name), el("dd", "", value)].map((node) => set(node, { title: meaning })),
        ),
    ),
  );
  background(model, life, here.children[0], "backdrop", "image/jpeg");
  background(model, life, here.children[1], "map", "image/png");

  const size = () => model.get("grid");
  const patch = (place) => place.map((part, axis) => Math.min(size()[axis] - 1, Math.floor(part * size()[axis])));
  const middle = (cell) => cell.map((part, axis) => (part + 0.5) / size()[axis]);
  life.watch("place grid", () => {
    const place = model.get("place"),
      marker = here.children[2];
    marker.hidden = !place;
    if (!place) return;
    const [row, column] = patch(place),
      [rows, columns] = size();
    marker.style.cssText = `left:${(100 * column) / columns}%;top:${(100 * row) / rows}%;width:${100 / columns}%;height:${100 / rows}%`;
  });
  const pin = (cell) => send("place", { place: cell && middle(cell) });
  life.listen(here, "click", (event) => {
    const box = here.getBoundingClientRect();
    const cell = patch(
      [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width].map((part) =>
        Math.min(0.9999, Math.max(0, part)),
      ),
    );
    const place = model.get("place");
    pin(place && String(patch(place)) === String(cell) ? null : cell);
  });
  const steps = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  life.listen(here, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      const from = patch(model.get("place") || [0.5, 0.5]);
      pin(from.map((part, axis) => Math.min(size()[axis] - 1, Math.max(0, part + steps[event.key][axis]))));
    } else if (event.key === "Escape" && model.get("place")) pin(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  const scale = el("span", "nbviz-limits nbviz-small nbviz-note", "0", bar, high);
  return el(
    "div",
    "nbviz-heads-card",
    el("div", "nbviz-head", title),
    el(
      "div",
      "nbviz-parts",
      el("div", "nbviz-part", here, scale),
      el("div", "nbviz-part nbviz-part-figures", segment, figures, hint, why),
    ),
  );
}
