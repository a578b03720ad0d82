// Until it flips: the share of the answer as more and more is hidden, where the map says, at random, along edges.
const FLIP_WIDE = 360,
  FLIP_TALL = 90;

/**
 * The curves, what they say, and a link that hides what flips it.
 * @param {Model<Front & {flip: Record<string, any>, flip_words: any[], flip_share: number}>} model
 * @param {Life} life
 */
function untilItFlips(model, life) {
  const chart = set(
    svg("svg", { viewBox: `0 0 ${FLIP_WIDE} ${FLIP_TALL}`, preserveAspectRatio: "none", role: "img" }),
    {
      class: "nbviz-flip-curve",
      "aria-label": "Share of the answer as more and more of the picture is hidden",
    },
  );
  const legend = el("div", "nbviz-small nbviz-note nbviz-transform-legend");
  legend.append(
    el("span", "class-0", "where the map says"),
    el("span", "band", "at random"),
    el("span", "class-1", "along edges"),
  );
  const words = set(el("span"), { role: "status", "aria-live": "polite" }),
    hide = button("", "nbviz-link");
  life.listen(hide, "click", () => model.send({ event: "marks", share: model.get("flip_share") }));
  const drawn = shareChart(chart, "Share of the picture that is hidden");
  drawn.box.append(legend);
  const box = el("div", "nbviz-caption", words, " ", hide, drawn.box);
  life.watch("flip", () => {
    drawn.box.hidden = !model.get("flip").map?.length;
    drawn.across([
      [0, "0 % hidden"],
      [1, `${Math.round(100 * (model.get("flip").most ?? 1))} %`],
    ]);
    chart.replaceChildren(...flipMarks(model.get("flip")));
  });
  life.watch("flip_words flip_share", () => {
    runs(words, model.get("flip_words"));
    const share = model.get("flip_share");
    hide.textContent = share ? `hide these ${Math.round(100 * share)} %` : "";
    hide.hidden = !share;
    box.hidden = !model.get("flip_words").length;
  });
  let tall = 0;
  life.watch("flip flip_words", () => {
    const now = drawn.box.hidden ? 0 : box.offsetHeight;
    // it may lie below where the column ends, and its sentence grows; who scrolls away meanwhile is left there
    if (now > tall) box.scrollIntoView({ block: "nearest" });
    tall = now;
  });
  return box;
}

/** Random orders' band, the two curves, and where the answer changes; hidden share to the right, share of the answer up. */
function flipMarks({ start = 0, map = [], edges = [], band = [], flip = null, most = 1 }) {
  const across = (share) => (FLIP_WIDE * share) / most,
    up = (chance) => FLIP_TALL * (1 - chance);
  const points = (pairs) => pairs.map(([share, chance]) => `${across(share)},${up(chance)}`).join(" ");
  const line = (name, pairs) => svg("polyline", { class: name, points: points([[0, start], ...pairs]) });
  const around = [
    ...band.map(([share, , high]) => [share, high]),
    ...band.toReversed().map(([share, low]) => [share, low]),
  ];
  const marks = [line("class-1", edges), line("class-0", map)];
  if (band.length) marks.unshift(svg("polygon", { class: "band", points: points([[0, start], ...around]) }));
  if (flip !== null)
    marks.push(svg("line", { class: "now", x1: across(flip), x2: across(flip), y1: 0, y2: FLIP_TALL }));
  return marks;
}
