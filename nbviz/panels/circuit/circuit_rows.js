// The channels or heads of a step as rows with signed bars.
const ADDS = "What this adds to what is explained above, and its share of all";

/** Rows are buttons: a click, or Enter, goes there, or shows the head; arrows go from row to row. */
function drawRows(model, list) {
  const rows = model.get("rows"),
    rest = model.get("rest"),
    kind = model.get("kind"),
    walks = kind === "channel",
    count = rows.length;
  const focused = [...list.children].indexOf(document.activeElement);
  const nodes = rows.map(([channel, effect, share, bar], place) => {
    const at = `0 ${count > 1 ? (100 * place) / (count - 1) : 0}%`;
    const map = el("span", "nbviz-circuit-map"),
      made = el("span", "nbviz-circuit-picture");
    for (const tile of [map, made]) {
      tile.style.backgroundPosition = at;
      tile.style.backgroundSize = `100% ${100 * count}%`;
    }
    const row = set(button("", "nbviz-circuit-row"), {
      "aria-label": `${kind} ${channel}: ${effect}. ${walks ? "Goes there" : "Shows it in Attention"}.`,
      title: walks
        ? "Goes there"
        : "Shows this head in Attention; it puts out many numbers, so that there is no one value to walk back from",
    });
    const name = el("span", "", `${kind} `, el("strong", "", String(channel)));
    row.append(
      made,
      map,
      name,
      barOf(bar, false),
      set(el("span", "nbviz-num nbviz-circuit-figure", effect, " ", el("span", "nbviz-note", share)), { title: ADDS }),
    );
    const act = walks ? { event: "into", channel } : { event: "look", head: channel };
    row.addEventListener("click", () => model.send(act));
    row.addEventListener("keydown", (event) => {
      const next = { ArrowDown: place + 1, ArrowUp: place - 1 }[event.key];
      if (next === undefined) return;
      event.preventDefault();
      event.stopPropagation();
      nodes[next]?.focus();
    });
    return row;
  });
  list.replaceChildren(...nodes);
  if (rest.length) {
    const last = set(el("span", "nbviz-num nbviz-circuit-figure nbviz-note", rest[1]), { title: ADDS });
    list.append(
      el(
        "div",
        "nbviz-circuit-row nbviz-circuit-rest",
        el("span", "nbviz-note nbviz-circuit-words", rest[0]),
        barOf(rest[2], true),
        last,
      ),
    );
  }
  nodes[focused]?.focus();
}

function barOf(share, rest) {
  const fill = el("span", rest ? "rest" : share < 0 ? "against" : "");
  const wide = Math.min(50, 42 * Math.abs(share));
  set(fill, { style: `width:${wide}%;left:${share < 0 ? 50 - wide : 50}%` });
  return el("span", "nbviz-circuit-bar", fill);
}
