// The page Channels: a row per channel, with what it does to a class and the pictures that drive it. A click chooses it.
/**
 * @typedef {{
 *   channel: number, name: string, label: string, marked: boolean, figure: string, interval: string, answers: string,
 *   bar: (number | null)[], profile: [number, string][], measures: [string, string, boolean][],
 * }} ChannelRow
 */

const INTERVAL = "95 % interval of the change (Student's t)";
/** @type {Record<string, string>} */
const MEASURES = {
  clarity: "Mean cosine of the features of any two of the nine pictures that drive it most: 1 for all alike",
  polysemanticity: "How far the two groups lie apart that those pictures fall into: 1 less the cosine of their means",
  redundancy: "Cosine with the channel whose pictures are most like its own",
};
const DRIVING = { columns: 5, tile_width: 64, tile_height: 64, gap: 4 };

/**
 * The orders in which channels can be listed, where there are any.
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {Life} life
 */
function channelOrders(model, life) {
  const { box, select } = selectBox([], "Order of the channels");
  const bar = el("div", "nbviz-bar", box);
  life.watch("rows", () => {
    const { orders = [], order = "" } = model.get("rows");
    bar.hidden = !orders.length;
    fillSelect(select, orders);
    select.value = order;
  });
  life.listen(select, "change", () => model.send({ event: "sort", order: select.value }));
  return bar;
}

/**
 * @param {Model<import("./review_front.js").ReviewFrontTraits>} model
 * @param {ChannelRow} row
 * @param {number} place
 * @param {number} rows
 */
function channelRow(model, row, place, rows) {
  const node = set(button("", "nbviz-review-channel"), { title: "Chooses it in the Explorer" });
  node.dataset.channel = String(row.channel);
  const whom = el("span", row.marked ? "" : "nbviz-note", row.label);
  const pictures = Array.from({ length: DRIVING.columns }, (_, column) => {
    const tile = el("span", "nbviz-review-example");
    Object.assign(tile.style, tileStyle({ ...DRIVING, rows }, place, column));
    return tile;
  });
  node.append(
    el("span", "", el("strong", "nbviz-num", row.name), " ", set(whom, { title: row.label })),
    signedBar(row.bar),
    el("span", "nbviz-num nbviz-review-figure", row.figure),
    el("span", "nbviz-num nbviz-note nbviz-review-figure", row.answers),
    set(el("span", "nbviz-review-driving", ...pictures), { role: "img", "aria-label": "pictures that drive it most" }),
    profileBars(row.profile),
    set(el("span", "nbviz-num nbviz-note nbviz-review-interval", row.interval), { title: INTERVAL }),
    el("span", "nbviz-note nbviz-review-measures", ...row.measures.map(measureWords)),
  );
  node.addEventListener("click", () => model.send({ event: "channel", channel: row.channel }));
  return node;
}

/**
 * @param {[string, string, boolean]} measure
 */
function measureWords([name, figure, beyond]) {
  const words = el("span", "", `${name} `, el(beyond ? "strong" : "span", "nbviz-num", figure));
  return set(words, { title: MEASURES[name] ?? "" });
}

/**
 * A bar to either side of zero, with an interval and a tick; each a share of the side, −1…1.
 * @param {(number | null)[]} ends
 */
function signedBar([value, low = null, high = null, tick = null]) {
  const bar = el("span", "nbviz-review-bar nbviz-review-signed", el("span", "zero"));
  const at = (share) => 50 + 50 * Math.max(-1, Math.min(1, share));
  const span = (kind, one, other) =>
    set(el("span", kind), {
      style: `left:${at(Math.min(one, other))}%;width:${at(Math.max(one, other)) - at(Math.min(one, other))}%`,
    });
  if (value !== null) bar.append(span(value < 0 ? "fill less" : "fill", 0, value));
  if (low !== null && high !== null) bar.append(span("interval", low, high));
  if (tick !== null) bar.append(set(el("span", "tick"), { style: `left:${at(tick)}%` }));
  return bar;
}

/**
 * What each class drives a channel to, in the mean.
 * @param {[number, string][]} profile
 */
function profileBars(profile) {
  const bars = profile.map(([share, words]) => set(el("span"), { style: `height:${100 * share}%`, title: words }));
  const words = `Mean activation by class: ${profile.map(([, about]) => about).join(", ")}`;
  return set(el("span", "nbviz-review-profile", ...bars), { role: "img", "aria-label": words });
}
