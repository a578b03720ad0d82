// All pictures in a list, where the layers stand: one after another, with what the network says of each and whether it is right.

const LIST_TITLE =
  "One picture after another: names, answers and marks in a list, in place of the layers (Esc closes it)";

/**
 * The list, and the button that opens it. `known` has the thumbnails; , and . step through the pictures anywhere in the frame.
 * @param {Model<import("./picture_chooser.js").PictureChooserFrontTraits>} model
 * @param {Life} life
 * @param {HTMLElement} root
 * @param {{ url: (name: string) => string | undefined, ask: (names: string[]) => void }} known
 */
function pictureList(model, life, root, known) {
  const opener = set(button("List", "nbviz-list-opener"), { title: LIST_TITLE }),
    note = el("span", "nbviz-small nbviz-note nbviz-num nbviz-right"),
    field = filterField(),
    list = set(el("div", "nbviz-list"), { role: "listbox", "aria-label": "All pictures" }),
    shut = set(button("layers", "nbviz-link"), { title: "Give the layers back (Esc)" }),
    head = el("div", "nbviz-head", el("span", "nbviz-title", "Pictures"), note, shut),
    node = set(el("section", "nbviz-picture-list nbviz-section", head, field, list), { "aria-label": "Pictures" }),
    rows = listRows(model, known);
  const stand = standIn(root, node, life),
    shown = () => rows.shown(field.value);
  const paint = () => {
    const open = model.get("listing"),
      names = open ? shown() : [];
    node.hidden = !open;
    set(opener, { "aria-pressed": String(open) });
    stand();
    if (!open) return;
    fillList(list, rows.draw(names), names.indexOf(model.get("chosen")));
    note.textContent = `${names.length} of ${Math.max(model.get("total"), model.get("names").length)}`;
    known.ask(names);
  };
  const open = (yes) => {
    model.set("listing", yes);
    model.save_changes();
    paint();
    (yes ? (nodeIn(list, '[tabindex="0"]') ?? field) : opener).focus({ preventScroll: true });
  };
  const step = stepper(model, shown);
  life.watch("listing names thumbnails chosen marks answers total", paint);
  life.watch("chosen listing", () => toSight(list));
  life.watch("names", step.goOn);
  life.listen(opener, "click", () => open(!model.get("listing")));
  life.listen(shut, "click", () => open(false));
  life.listen(field, "input", paint);
  life.listen(list, "click", (event) => step.to(event.target.closest("[role=option]")?.dataset.name));
  life.listen(list, "scroll", () => {
    if (list.scrollHeight - list.scrollTop - list.clientHeight < 48) step.more();
  });
  listenKeys(life, node, { Escape: () => open(false) });
  listKeys(model, life, list, step, shown);
  whenAttached(root, life, () => {
    const frame = root.closest(".nbviz");
    if (frame) life.listen(frame, "keydown", stepByKey(step));
  });
  return { opener, paint };
}

function filterField() {
  const field = focusable(el("input", "nbviz-input"));
  return set(field, {
    type: "text",
    placeholder: "name, right, wrong",
    "aria-label": "Filter pictures",
    title: "Shows only pictures whose name or answer has these words; “wrong” those that the network gets wrong",
    spellcheck: "false",
    autocomplete: "off",
  });
}

/** What puts the list into the column of the layers, now, or in a page that is still being built once that is there. */
function standIn(root, node, life) {
  let wait = 0;
  const look = () => {
    cancelAnimationFrame(wait);
    if (node.isConnected || node.hidden) return;
    const column = root.closest(".nbviz")?.querySelector(".nbviz-column-layers");
    if (column) column.append(node);
    else wait = requestAnimationFrame(look);
  };
  life.after(() => {
    cancelAnimationFrame(wait);
    node.remove();
  });
  return look;
}

/**
 * Rows by name; each is made once and painted again, so that the one with the focus keeps it.
 * @param {Model<import("./picture_chooser.js").PictureChooserFrontTraits>} model
 * @param {{ url: (name: string) => string | undefined }} known
 */
function listRows(model, known) {
  const rows = new Map();
  const row = (name) => {
    if (!rows.has(name)) rows.set(name, listRow(name));
    return rows.get(name);
  };
  const fits = (name, words) => {
    const [mark] = model.get("marks")[name] ?? [""],
      text = `${name} ${model.get("answers")[name] ?? ""}`.toLowerCase();
    return words.every((word) => (["right", "wrong"].includes(word) ? mark === word : text.includes(word)));
  };
  return {
    shown: (text) => {
      const words = text.toLowerCase().split(/\s+/).filter(Boolean);
      return model.get("names").filter((name) => fits(name, words));
    },
    draw: (names) => {
      for (const name of rows.keys()) if (!model.get("names").includes(name)) rows.delete(name);
      return names.map((name) => {
        const one = row(name);
        one.paint(model.get("marks")[name] ?? ["", ""], model.get("answers")[name] ?? "", known.url(name));
        set(one.node, { "aria-selected": String(name === model.get("chosen")) });
        return one.node;
      });
    },
  };
}

function listRow(name) {
  const picture = el("span", "nbviz-list-picture"),
    answer = el("span", "nbviz-list-answer nbviz-small"),
    sign = el("span", "nbviz-thumb-mark"),
    node = el("div", "nbviz-list-row", picture, el("span", "nbviz-list-name", name), answer, sign);
  set(focusable(node), { role: "option", "data-name": name, tabindex: -1 });
  const paint = ([mark, sentence], said, url) => {
    if (url) picture.style.backgroundImage = `url(${url})`;
    answer.textContent = said;
    sign.textContent = { right: "✓", wrong: "✗" }[mark] ?? "";
    set(node, { "data-mark": mark, title: [name, said, sentence].filter(Boolean).join("\n") });
    set(node, { "aria-label": [name, said, mark && `the network is ${mark}`].filter(Boolean).join(", ") });
    set(sign, { "data-mark": mark, "aria-hidden": "true" });
  };
  return { node, paint };
}

/** Rows in their order; one of them is in the order of Tab, and nothing is moved that already stands. */
function fillList(list, nodes, chosen) {
  if (nodes.length !== list.children.length || nodes.some((node, at) => list.children[at] !== node)) {
    const focused = focusedIn(list);
    list.replaceChildren(...nodes);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
  }
  nodes.forEach((node, at) => {
    node.tabIndex = at === Math.max(chosen, 0) ? 0 : -1;
  });
}

/** Scroll the list, never the page, until the chosen row is in sight. */
function toSight(list) {
  const row = nodeIn(list, '[aria-selected="true"]');
  if (!row?.offsetHeight) return;
  const over = row.offsetTop - list.scrollTop,
    under = over + row.offsetHeight - list.clientHeight;
  if (over < 0) list.scrollTop += over;
  else if (under > 0) list.scrollTop += under;
}

/**
 * Steps through the pictures shown; after the last one it goes on into the data set.
 * @param {Model<import("./picture_chooser.js").PictureChooserFrontTraits>} model
 * @param {() => string[]} shown
 */
function stepper(model, shown) {
  let waits = "";
  const to = (name) => {
    if (name) model.send({ event: "choose", name });
  };
  const more = () => {
    if (model.get("names").length < model.get("total")) model.send({ event: "more" });
  };
  const by = (count) => {
    const names = shown(),
      at = names.indexOf(model.get("chosen")),
      next = names[at < 0 ? 0 : at + count];
    if (next) to(next);
    else if (count > 0) {
      waits = model.get("chosen");
      more();
    }
  };
  const goOn = () => {
    const names = shown();
    if (waits && waits === model.get("chosen") && waits !== names.at(-1)) to(names[names.indexOf(waits) + 1]);
    waits = "";
  };
  return { to, more, by, goOn };
}

/** , and . anywhere in the frame but in a text. */
function stepByKey(step) {
  return (event) => {
    const by = { ",": -1, ".": 1 }[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("input:not([type=range], [type=checkbox]), textarea, select")) return;
    event.preventDefault();
    event.stopPropagation();
    step.by(by);
  };
}

/**
 * @param {Model<import("./picture_chooser.js").PictureChooserFrontTraits>} model
 * @param {Life} life
 * @param {HTMLElement} list
 */
function listKeys(model, life, list, step, shown) {
  const go = (name) => {
    if (!name) return;
    nodesIn(list, "[role=option]")
      .find((row) => row.dataset.name === name)
      ?.focus({ preventScroll: true });
    step.to(name);
  };
  const from = (count) => () => {
    const names = shown(),
      at = names.indexOf(focusedIn(list)?.dataset.name ?? "");
    if (count > 0 && at === names.length - 1) step.by(1);
    else go(names[Math.min(Math.max(at + count, 0), names.length - 1)]);
  };
  listenKeys(life, list, {
    ArrowDown: from(1),
    ArrowRight: from(1),
    ArrowUp: from(-1),
    ArrowLeft: from(-1),
    PageDown: from(10),
    PageUp: from(-10),
    Home: () => go(shown()[0]),
    End: () => go(shown().at(-1)),
    Enter: () => go(focusedIn(list)?.dataset.name),
    Delete: () => model.send({ event: "remove", name: focusedIn(list)?.dataset.name }),
  });
}
