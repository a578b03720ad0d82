// The chosen channel: its map laid over the gray picture, what drives it, and its figures.
/**
 * Synced traits of `channel_card.ChannelCard`.
 * @typedef {Front & {
 *   channel: number | null,
 *   about: Runs,
 *   map: DataView,
 *   backdrop: DataView,
 *   aspect: number,
 *   alt: string,
 *   figures: [string, string, string][],
 *   on_canvas: boolean,
 *   health: [string?, string?],
 *   made: MadePicture,
 *   made_picture: DataView,
 *   filter: DataView,
 *   found: FoundPictures,
 *   crops: DataView,
 *   wholes: DataView,
 * }} ChannelCardTraits
 */

export default {
  /** @param {View<ChannelCardTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-channel-card");
    const title = el("span", "nbviz-title", "Channel"),
      note = el("span", "nbviz-note"),
      health = el("span", "nbviz-health"),
      finding = el("p", "nbviz-warning nbviz-finding");
    const lay = button("on the canvas", "nbviz-link nbviz-lay");
    const behind = el("span", "nbviz-backdrop"),
      map = el("span", "nbviz-map");
    const here = set(el("div", "nbviz-here", behind, map), { role: "img" });
    const figures = el("dl", "nbviz-figures");
    const part = el("div", "nbviz-part", el("span", "nbviz-label", "here"), here, lay);
    const made = madePart(model, life, root),
      found = foundPart(model, life);
    root.append(
      el("div", "nbviz-head", title, note, health, made.close),
      finding,
      drawState(model, el("div"), life),
      el("div", "nbviz-parts", part, made.part, found),
      made.large,
      figures,
    );

    life.watch("channel about", () => {
      const channel = model.get("channel");
      title.textContent = channel === null ? "Channel" : `Channel ${channel}`;
      runs(note, model.get("about"));
      note.title = note.textContent;
      figures.hidden = channel === null;
    });
    life.watch("health", () => {
      const [word, sentence] = model.get("health"),
        well = !word || word === "healthy";
      health.textContent = word ? `· ${word}` : "";
      health.title = sentence || "";
      finding.textContent = well ? "" : sentence;
      finding.hidden = well;
    });
    life.watch("figures", () =>
      figures.replaceChildren(
        ...model.get("figures").flatMap(([name, value, meaning]) => {
          const row = el("div", "", el("dt", "", name), el("dd", "", value));
          row.title = `${name} ${value}${meaning ? `: ${meaning}` : ""}`;
          return [row];
        }),
      ),
    );
    life.watch("alt", () => {
      set(here, { "aria-label": model.get("alt"), title: model.get("alt") });
    });
    life.watch("aspect", () => here.style.setProperty("--aspect", String(model.get("aspect"))));
    life.watch("map", () => {
      part.hidden = !model.get("map")?.byteLength;
    });
    life.watch("map on_canvas", () => {
      const on = model.get("on_canvas");
      lay.textContent = on ? "off the canvas" : "on the canvas";
      lay.title = on
        ? "Takes the map off the canvas (Esc)"
        : "Lays this channel's map over the picture on the right (Enter, or a second click on its tile)";
    });
    background(model, life, behind, "backdrop", "image/jpeg");
    background(model, life, map, "map", "image/png");
    life.watch("state", () => root.classList.toggle("nbviz-waiting", model.get("state") === "computing"));
    life.listen(lay, "click", () => model.send({ event: model.get("on_canvas") ? "explanation" : "canvas" }));
    return life.end;
  },
};
