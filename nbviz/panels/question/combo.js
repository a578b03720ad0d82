// A WAI-ARIA combobox with a listbox popup.
const SHOWN = 1200;

/** `entries(words)` → [{value, text, phrase?, note, now?, head?}]; `settled()` → the text to show; `choose(value)`. */
function combo(life, label, { entries, settled, choose, complain }) {
  const id = uid("classes"),
    list = set(el("ul", "nbviz-listbox"), { id, role: "listbox", "aria-label": label }),
    input = searchInput(id, label);
  let open = false,
    typed = false;
  const popup = listPopup(list, input, id);
  const fill = () => {
    popup.fill(entries(typed ? wordsOf(input.value) : []), input.value.trim());
    popup.mark(typed ? 0 : popup.now());
  };
  const show = (yes) => {
    open = yes;
    list.hidden = !yes;
    set(input, { "aria-expanded": String(yes) });
    if (yes) fill();
    else set(input, { "aria-activedescendant": null });
  };
  const settle = () => {
    typed = false;
    show(false);
    input.value = settled();
  };
  const pick = (entry) => {
    settle();
    complain("");
    if (entry) choose(entry.value);
  };
  const leave = () => {
    const text = input.value.trim();
    const none = typed && text && !entries(wordsOf(text)).length;
    const exact =
      typed && entries([]).find((entry) => (entry.phrase ?? entry.text).toLowerCase() === text.toLowerCase());
    settle();
    if (none) complain(`no class matches '${text}'`);
    if (exact) choose(exact.value);
  };
  life.listen(input, "focus", () => input.select());
  life.listen(input, "click", () => {
    if (!open) show(true);
    if (!typed) input.select();
  });
  life.listen(input, "blur", leave);
  life.listen(input, "input", () => {
    typed = true;
    complain("");
    show(true);
  });
  // The popup must not take the focus, or blur would close it before the click counts.
  life.listen(list, "mousedown", (event) => event.preventDefault());
  life.listen(list, "click", (event) => {
    const row = event.target.closest("[role=option]");
    if (row) pick(popup.entry(Number(row.dataset.at)));
  });
  life.listen(input, "keydown", comboKeys(popup, { show, settle, pick, open: () => open, typed: () => typed }));
  show(false);
  const repaint = () => {
    if (!typed) input.value = settled();
    if (open) fill();
  };
  return { box: el("div", "nbviz-combo nbviz-caret", input, list), input, repaint };
}

const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

function searchInput(id, label) {
  return set(focusable(el("input", "nbviz-input")), {
    type: "text",
    role: "combobox",
    "aria-label": label,
    title: `${label}: type to search`,
    "aria-autocomplete": "list",
    "aria-controls": id,
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
  });
}

/** The rows of the popup, and which of them is active. */
function listPopup(list, input, id) {
  let shown = [],
    rows = [],
    active = -1;
  const mark = (index) => {
    rows[active]?.classList.remove("active");
    active = shown[index] ? index : -1;
    const row = rows[active];
    row?.classList.add("active");
    if (row) list.scrollTop = scrolled(list, active ? row : list.firstChild);
    set(input, { "aria-activedescendant": row?.id });
  };
  const fill = (entries, text) => {
    shown = entries.slice(0, SHOWN);
    rows = shown.map((entry, index) => option(entry, id, index));
    list.replaceChildren(
      ...rows.flatMap((row, index) => (shown[index].head ? [heads(shown[index].head), row] : [row])),
    );
    const left = entries.length - shown.length;
    if (left > 0) list.append(aside(`… and ${left} more: type to narrow`));
    if (!shown.length) list.append(aside(`no class matches '${text}'`));
    list.scrollTop = 0;
  };
  return {
    mark,
    fill,
    now: () => shown.findIndex((entry) => entry.now),
    entry: (index) => shown[index],
    active: () => active,
    last: () => shown.length - 1,
  };
}

/** Where a list has to be scrolled to, moved the least, for a row to be in sight. */
function scrolled(list, row) {
  return Math.min(Math.max(list.scrollTop, row.offsetTop + row.offsetHeight - list.clientHeight), row.offsetTop);
}

/** A row that is no choice. */
const aside = (...words) => set(el("li", "nbviz-none", ...words), { role: "presentation" });

/** What stands in the two columns below. */
const heads = ([left, right]) => {
  const row = aside(el("span", "", left), el("span", "", right));
  row.classList.add("nbviz-list-head");
  return row;
};

function option(entry, id, index) {
  const name = el("span", "nbviz-option-name", entry.text),
    note = el("span", "nbviz-option-note", entry.note || "");
  return set(el("li", "", name, note), {
    id: `${id}-${index}`,
    role: "option",
    "aria-selected": String(Boolean(entry.now)),
    title: entry.text,
    "data-at": index,
  });
}

/** Arrows open and move, Enter chooses, Escape puts back what was. */
function comboKeys(popup, { show, settle, pick, open, typed }) {
  return (event) => {
    const last = popup.last(),
      active = popup.active();
    const moves = {
      ArrowDown: Math.min(active + 1, last),
      ArrowUp: Math.max(active - 1, 0),
      PageDown: Math.min(active + 10, last),
      PageUp: Math.max(active - 10, 0),
    };
    if (open() && !typed()) Object.assign(moves, { Home: 0, End: last });
    if (event.key in moves) {
      if (open()) popup.mark(moves[event.key]);
      else if (event.key.startsWith("Arrow")) show(true);
      else return;
    } else if (event.key === "Enter") {
      if (open() && popup.entry(active)) pick(popup.entry(active));
      else if (!open()) show(true);
      else return;
    } else if (event.key === "Escape") {
      if (!open() && !typed()) return;
      settle();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
}
