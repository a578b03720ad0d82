// The tabs of the middle column: what is not chosen is quiet; arrows move along them.
/**
 * Synced traits of `stage.TabsFront`.
 * @typedef {Front & {
 *   tabs: [string, string, string, string][],
 *   chosen: string,
 * }} TabsFrontTraits
 */

export default {
  /** @param {View<TabsFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-stages");
    const list = set(el("div", "nbviz-stage-tabs"), { role: "tablist", "aria-label": "What the middle column shows" });
    root.append(list);
    const choose = (name) => {
      if (name !== model.get("chosen")) model.send({ event: "stage", name });
    };
    life.watch("tabs chosen", () => {
      const tabs = model.get("tabs"),
        chosen = model.get("chosen"),
        focused = list.contains(document.activeElement);
      list.hidden = tabs.length < 2;
      root.closest(".nbviz-column")?.classList.toggle("nbviz-staged", tabs.length > 1);
      list.replaceChildren(
        ...tabs.map(([name, title, badge, sentence]) => {
          const tab = button("", "nbviz-stage-tab");
          tab.append(title, ...(badge ? [" ", el("span", "nbviz-num nbviz-stage-badge", badge)] : []));
          tab.addEventListener("click", () => choose(name));
          return set(tab, {
            role: "tab",
            "data-name": name,
            title: sentence,
            "aria-selected": String(name === chosen),
            tabindex: name === chosen ? 0 : -1,
          });
        }),
      );
      if (focused) nodeIn(list, '[aria-selected="true"]')?.focus();
    });
    life.listen(list, "keydown", (event) => {
      const tabs = nodesIn(list, "[role=tab]"),
        at = tabs.indexOf(focusedIn(list));
      const step = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (step === undefined || !tabs[step]) return;
      event.preventDefault();
      tabs[step].focus();
      choose(tabs[step].dataset.name);
    });
    whenAttached(root, life, () =>
      root.closest(".nbviz-column")?.classList.toggle("nbviz-staged", model.get("tabs").length > 1),
    );
    return life.end;
  },
};
