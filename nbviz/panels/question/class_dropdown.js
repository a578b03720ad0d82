// Two WAI-ARIA comboboxes with a listbox popup each.
const SHOWN = 1200;

function matches(name, index, words) {
  const lower = name.toLowerCase();
  return words.every((word) => lower.includes(word) || String(index) === word);
}

/** `entries(words)` → [{value, text, note}]; `settled()` → the text to show; `choose(value)`. */
function combo(life, label, { entries, settled, choose, complain }) {
  const id = uid("classes"),
    list = el("ul", "nbviz-listbox");
  const input = focusable(el("input", "nbviz-input"));
  const box = el("div", "nbviz-combo nbviz-caret", input, list);
  set(list, { id, role: "listbox", "aria-label": label });
  set(input, {
    type: "text",
    role: "combobox",
    "aria-label": label,
    "aria-autocomplete": "list",
    "aria-controls": id,
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
  });
  let shown = [],
    active = -1,
    open = false,
    typed = false;

  const mark = (index, scroll = true) => {
    list.children[active]?.classList.remove("active");
    active = index;
    const row = shown[active] ? list.children[active] : null;
    row?.classList.add("active");
    if (row && scroll)
      list.scrollTop = Math.min(
        Math.max(list.scrollTop, row.offsetTop + row.offsetHeight - list.clientHeight),
        row.offsetTop,
      );
    set(input, { "aria-activedescendant": row ? row.id : null });
  };
  const fill = () => {
    const words = typed ? input.value.toLowerCase().split(/\s+/).filter(Boolean) : [];
    const found = entries(words);
    shown = found.slice(0, SHOWN);
    list.replaceChildren(...shown.map((entry, index) => option(entry, `${id}-${index}`)));
    const left = found.length - shown.length;
    if (left > 0) list.append(el("li", "nbviz-none", `… and ${left} more: type to narrow`));
    if (!shown.length) list.append(el("li", "nbviz-none", `no class matches '${input.value.trim()}'`));
    list.scrollTop = 0;
    const now = shown.findIndex((entry) => entry.now);
    mark(typed ? (shown.length ? 0 : -1) : now);
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
    const none = typed && text && !entries(text.toLowerCase().split(/\s+/)).length;
    const exact = typed && entries([]).find((entry) => entry.text.toLowerCase() === text.toLowerCase());
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
    if (row) pick(shown[Number(row.dataset.at)]);
  });
  life.listen(input, "keydown", (event) => {
    const last = shown.length - 1;
    const moves = {
      ArrowDown: Math.min(active + 1, last),
      ArrowUp: Math.max(active - 1, 0),
      PageDown: Math.min(active + 10, last),
      PageUp: Math.max(active - 10, 0),
    };
    if (open && !typed) Object.assign(moves, { Home: 0, End: last });
    if (event.key in moves) {
      if (open) mark(moves[event.key]);
      else if (event.key.startsWith("Arrow")) show(true);
      else return;
    } else if (event.key === "Enter") {
      if (open && shown[active]) pick(shown[active]);
      else if (!open) show(true);
      else return;
    } else if (event.key === "Escape") {
      if (!open && !typed) return;
      settle();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  show(false);
  return {
    box,
    input,
    repaint: () => {
      if (!typed) input.value = settled();
      if (open) fill();
    },
  };

  function option(entry, rowId) {
    const row = el(
      "li",
      "",
      el("span", "nbviz-option-name", entry.text),
      el("span", "nbviz-option-note", entry.note || ""),
    );
    set(row, { id: rowId, role: "option", "aria-selected": String(Boolean(entry.now)), title: entry.text });
    row.dataset.at = rowId.slice(rowId.lastIndexOf("-") + 1);
    if (entry.last) row.classList.add("last");
    return row;
  }
}

export default {
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-classes");
    const name = (index) => model.get("names")[index] ?? (index >= 0 ? `class ${index}` : "");
    const guess = () => (model.get("predicted") === null ? "" : ` (${name(model.get("predicted"))})`);
    const note = el("div", "nbviz-class-note nbviz-warning nbviz-small");
    set(note, { role: "status", "aria-live": "polite" });
    const complain = (text) => {
      note.textContent = text;
      note.hidden = !text;
    };
    const send = (chosen, against) => model.send({ event: "choose", chosen, against });
    const chosen = () => model.get("chosen") ?? -1;

    const likely = (now) =>
      model.get("top").map(([index, probability], at, all) => ({
        value: index,
        text: name(index),
        note: probability === null ? "" : probability.toFixed(2),
        now: index === now,
        last: at === all.length - 1,
      }));
    const everything = (words, first, now) => {
      const top = model.get("top").map(([index]) => index);
      const names = model
        .get("names")
        .map((text, index) => ({ value: index, text, note: String(index), now: index === now }));
      const rest =
        first.value === -1 && first.text !== "any other" && model.get("channel")
          ? [{ value: -2, text: model.get("channel"), note: "", now: false }]
          : [];
      if (!words.length)
        return [
          first,
          ...rest,
          ...likely(now),
          ...names.map((one) => (top.includes(one.value) ? { ...one, now: false } : one)),
        ];
      return names
        .filter((one) => matches(one.text, one.value, words))
        .sort((a, b) => rank(a, words) - rank(b, words) || top.includes(b.value) - top.includes(a.value));
    };
    const rank = (entry, words) => (entry.text.toLowerCase().startsWith(words[0]) ? 0 : 1);

    const target = combo(life, "Class", {
      entries: (words) =>
        everything(
          words,
          { value: -1, text: `what it predicts${guess()}`, note: "", now: model.get("chosen") === -1 },
          model.get("chosen"),
        ),
      settled: () =>
        model.get("chosen") === null
          ? model.get("words")
          : model.get("chosen") === -1
            ? `what it predicts${guess()}`
            : name(model.get("chosen")),
      choose: (value) => send(value, value === -2 || value === model.get("against") ? -1 : model.get("against")),
      complain,
    });
    const other = combo(life, "Rather than", {
      entries: (words) =>
        everything(
          words,
          { value: -1, text: "any other", note: "", now: model.get("against") === -1 },
          model.get("against"),
        ).filter(
          (entry) => entry.value === -1 || entry.value !== (chosen() === -1 ? model.get("predicted") : chosen()),
        ),
      settled: () => (model.get("against") === -1 ? "any other" : name(model.get("against"))),
      choose: (value) => send(chosen(), value),
      complain,
    });
    other.box.classList.add("nbviz-combo-small");
    target.input.classList.add("nbviz-class-input");
    const label = el("span", "nbviz-label", "Class"),
      rather = el("span", "nbviz-small nbviz-note", "rather than");
    label.title = "The class whose score is explained.";
    rather.title = "Choose a second class to explain what speaks for the first rather than for it.";
    root.append(
      label,
      target.box,
      el("div", "nbviz-rather", rather, other.box),
      note,
      drawState(model, el("div"), life),
    );
    complain("");
    life.watch("chosen against", () => complain(""));
    life.watch("names top predicted chosen against words", () => {
      target.repaint();
      other.repaint();
      const index = chosen() === -1 ? model.get("predicted") : chosen();
      target.input.title = index === null ? "" : `${name(index)}, class ${index}`;
      other.input.disabled = model.get("chosen") === null;
      other.input.classList.toggle("unset", model.get("against") === -1);
    });
    return life.end;
  },
};
