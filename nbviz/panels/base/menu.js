// A button that opens a short menu below itself; Esc and a click elsewhere close it, and the focus returns. One that can't
// be pressed keeps the focus.

/**
 * `fill(items)` with [[name, words, sentence, able?], …]; `enable(yes)`; `choose(name)`. Arrows, Home and End move; Tab leaves.
 * @param {Life} life
 * @param {string} text
 * @param {string} title
 * @param {(name: string) => void} choose
 */
function menuButton(life, text, title, choose) {
  const opener = set(button(text, "nbviz-button nbviz-caret"), { title, "aria-haspopup": "menu" }),
    list = set(el("div", "nbviz-menu"), { id: uid("menu"), role: "menu", "aria-label": title }),
    node = el("span", "nbviz-menu-box", opener, list);
  set(opener, { "aria-controls": list.id });
  const entries = () => nodesIn(list, "[role=menuitem]");
  const open = (yes) => {
    list.hidden = !yes;
    set(opener, { "aria-expanded": String(yes) });
    if (yes) entries()[0]?.focus();
  };
  const close = () => {
    open(false);
    opener.focus();
  };
  open(false);
  const enable = (yes) => set(opener, { "aria-disabled": yes ? null : "true" });
  life.listen(opener, "click", () => opener.getAttribute("aria-disabled") || open(list.hidden));
  life.listen(list, "click", (event) => {
    const entry = event.target.closest("[role=menuitem]");
    if (!entry || entry.getAttribute("aria-disabled")) return;
    close();
    choose(entry.dataset.name);
  });
  life.listen(node, "keydown", menuKeys(list, entries, close));
  life.listen(node, "focusout", (event) => {
    if (!node.contains(event.relatedTarget)) open(false);
  });
  const fill = (items) =>
    list.replaceChildren(
      ...items.map(([name, words, sentence, able = true]) =>
        set(button(words, "nbviz-menu-item"), {
          role: "menuitem",
          tabindex: -1,
          title: sentence,
          "data-name": name,
          "aria-disabled": able ? null : "true",
        }),
      ),
    );
  return { node, opener, fill, enable };
}

function menuKeys(list, entries, close) {
  return (event) => {
    if (list.hidden) return;
    const all = entries(),
      at = all.indexOf(focusedIn(list));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") close();
    else if (to === undefined) return;
    else all[(to + all.length) % all.length]?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
}

/** Let the browser save bytes under a name. */
function download(name, bytes) {
  const link = el("a");
  link.href = bytesUrl(bytes, "");
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
