/**
 * Synced traits of `method_bar.MethodFront`.
 * @typedef {Front & {
 *   title: string,
 *   note: Runs,
 *   methods: [string, string, string, string][],
 *   method: string,
 *   refused: Record<string, string>,
 *   options: MethodOption[],
 *   channel: boolean,
 *   early: string,
 *   files: [string, string, string, boolean][],
 *   pin: "off" | "pin" | "pinned" | "full",
 * }} MethodFrontTraits
 */

export default {
  /** @param {View<MethodFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-method");
    const { box, select } = selectBox([], "Method");
    const sentence = sentenceLine(model, life);
    const { more, pop } = optionsOf(model, life, root);
    root.append(
      headLine(model, life),
      el("div", "nbviz-bar", box, more, saveMenu(model, life), pinButton(model, life)),
      sentence.node,
      pop,
      drawState(model, el("div"), life),
    );
    life.watch("methods method refused", () => {
      const chosen = model.get("method");
      fillGroups(select, model.get("methods"), { ...model.get("refused"), [chosen]: "" });
      select.value = chosen;
      select.title = model.get("methods").find(([name]) => name === chosen)?.[2] || "";
      sentence.draw(select.title);
    });
    life.listen(select, "change", () => model.send({ event: "method", name: select.value }));
    return life.end;
  },
};

/**
 * The method's sentence; at an early layer, that the evidence is not gathered there, with a way to where it is.
 * @param {Model<MethodFrontTraits>} model
 */
function sentenceLine(model, life) {
  const link = set(button("last layer", "nbviz-link"), {
      title: "Draw the map at the last layer that the score reads",
    }),
    node = el("div", "nbviz-small nbviz-note nbviz-method-sentence");
  link.addEventListener("click", () => model.send({ event: "last" }));
  const draw = (text) => {
    node.title = text;
    if (model.get("early")) node.replaceChildren("Evidence is not yet gathered at this layer: ", link, ".");
    else node.replaceChildren(text);
  };
  life.watch("early", () => draw(node.title));
  return { node, draw };
}

/**
 * @param {Model<MethodFrontTraits>} model
 */
function headLine(model, life) {
  const title = el("span", "nbviz-title"),
    note = el("span", "nbviz-note"),
    back = button("back to the explanation", "nbviz-link nbviz-right");
  set(title, { role: "heading", "aria-level": 3 });
  back.title = "Esc does it too.";
  life.watch("title note channel", () => {
    title.textContent = model.get("title");
    runs(note, model.get("note"));
    note.title = note.textContent;
    back.hidden = !model.get("channel");
  });
  life.listen(back, "click", () => model.send({ event: "back" }));
  return el("div", "nbviz-head", title, note, back);
}

/**
 * The map alone, as a file; only the view that asked saves it.
 * @param {Model<MethodFrontTraits>} model
 */
function saveMenu(model, life) {
  let asked = false;
  const menu = menuButton(life, "Save", "Save this map alone, with its colour bar, facts and trust line", (kind) => {
    asked = true;
    model.send({ event: "save", kind });
  });
  menu.node.classList.add("nbviz-save-menu");
  life.watch("files", () => {
    menu.fill(model.get("files"));
    menu.node.hidden = !model.get("files").length;
  });
  life.watch("pin", () => {
    menu.enable(model.get("pin") !== "off");
  });
  life.receive((message, buffers) => {
    if (message.event === "saved" && asked) download(message.name, buffers[0]);
    asked = false;
  });
  return menu.node;
}

/**
 * @param {Model<MethodFrontTraits>} model
 */
function pinButton(model, life) {
  const pin = button("Pin", "nbviz-button nbviz-pin-button");
  life.watch("pin", () => {
    const state = model.get("pin");
    // not disabled: it would lose the focus while a map is made, and with it the keys of the frame
    set(pin, { "aria-disabled": state === "off" || state === "full" ? "true" : null });
    pin.textContent = state === "pinned" ? "Unpin" : "Pin";
    pin.title = PIN[state];
  });
  life.listen(pin, "click", () => pin.getAttribute("aria-disabled") || model.send({ event: "pin" }));
  return pin;
}

/**
 * The button that opens the method's options, with how many are changed, and what it opens.
 * @param {Model<MethodFrontTraits>} model
 */
function optionsOf(model, life, root) {
  const more = button("Options", "nbviz-button nbviz-caret"),
    pop = el("div", "nbviz-options"),
    id = uid("options");
  set(pop, { id, role: "group", "aria-label": "Options of the method", tabindex: -1 });
  focusable(pop);
  set(more, { "aria-controls": id });
  const open = (yes) => {
    pop.hidden = !yes;
    set(more, { "aria-expanded": String(yes) });
  };
  open(false);
  life.watch("options", () => {
    const options = model.get("options"),
      changed = options.filter((option) => option.changed).map((option) => option.title);
    more.disabled = !options.length;
    more.title = options.length ? "The settings of this method, each with a sentence" : "This method has no options.";
    if (changed.length) more.title = `Changed: ${changed.join(", ")}`;
    const count = changed.length ? [" ", el("span", "nbviz-num nbviz-stage-badge", String(changed.length))] : [];
    more.replaceChildren("Options", ...count);
    fillOptions(model, pop, options);
    if (!options.length) open(false);
  });
  life.listen(more, "click", () => open(pop.hidden));
  life.listen(root, "keydown", (event) => {
    if (event.key !== "Escape" || pop.hidden) return;
    event.stopPropagation();
    open(false);
    more.focus();
  });
  life.listen(document, "pointerdown", (event) => {
    if (!pop.hidden && !root.contains(event.target)) open(false);
  });
  return { more, pop };
}

/**
 * A row an option, and the button that resets them; the control with the focus keeps it.
 * @param {Model<MethodFrontTraits>} model
 */
function fillOptions(model, pop, options) {
  const focused = focusedIn(pop)?.dataset.option;
  const reset = set(button("Reset"), { title: "Every setting as the method has it by itself" });
  reset.disabled = !options.some((option) => option.changed);
  reset.addEventListener("click", () => model.send({ event: "reset" }));
  pop.replaceChildren(...options.map((option) => row(model, option)), el("div", "nbviz-options-end", reset));
  if (focused) nodeIn(pop, `[data-option="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

const PIN = {
  off: "Keeps this map to look at another beside it, once it is there",
  pin: "Keeps this map to look at another beside it (p on the canvas)",
  pinned: "Takes this map's card away (p on the canvas)",
  full: "As many maps as fit are pinned: unpin one first",
};

/** Methods under the names of their families; rows are [name, title, sentence, family]. Those refused are greyed. */
function fillGroups(select, methods, refused) {
  const families = [...new Set(methods.map(([, , , family]) => family))];
  select.replaceChildren(
    ...families.map((family) => {
      const group = el("optgroup");
      group.label = family;
      fillSelect(
        group,
        methods.filter((method) => method[3] === family),
      );
      for (const option of group.querySelectorAll("option")) {
        const why = refused[option.value];
        option.disabled = Boolean(why);
        if (!why) continue;
        option.title = why;
        option.textContent += ` – not here: ${why.replace(/^.* needs /, "it needs ")}`;
      }
      return group;
    }),
  );
}

/**
 * One option: its name, its control, its sentence.
 * @param {Model<MethodFrontTraits>} model
 */
function row(model, option) {
  const id = uid("option"),
    label = el("label", "nbviz-option-title", option.title),
    input = control(option);
  const words = el("div", "nbviz-small nbviz-option-words", option.sentence);
  label.htmlFor = id;
  input.id = id;
  input.dataset.option = option.name;
  input.title = option.sentence;
  focusable(input);
  input.addEventListener("change", () => {
    const wrong = problem(option, input);
    words.textContent = wrong || option.sentence;
    words.classList.toggle("nbviz-warning", Boolean(wrong));
    if (!wrong) model.send({ event: "option", name: option.name, value: value(option, input) });
  });
  const shown = input.tagName === "SELECT" ? el("span", "nbviz-select-box", input) : input;
  return el("div", `nbviz-option${option.changed ? " changed" : ""}`, label, shown, words);
}

function control(option) {
  if (option.kind === "choice") {
    const select = el("select", "nbviz-select");
    const choices = option.choices.includes(option.value) ? option.choices : [option.value, ...option.choices];
    fillSelect(
      select,
      choices.map((choice) => [choice, String(choice)]),
    );
    select.value = option.value;
    return select;
  }
  const input = el("input", option.kind === "bool" ? "" : "nbviz-input nbviz-num");
  input.type = { bool: "checkbox", int: "number", float: "number" }[option.kind] || "text";
  if (option.kind === "bool") input.checked = option.value;
  else input.value = option.value;
  if (input.type === "number")
    set(input, { min: option.low, max: option.high, step: option.kind === "int" ? 1 : "any" });
  return input;
}

function value(option, input) {
  if (option.kind === "bool") return input.checked;
  return input.type === "number" ? Number(input.value) : input.value;
}

function problem(option, input) {
  if (input.type !== "number") return "";
  const number = Number(input.value);
  if (input.value === "" || Number.isNaN(number)) return "A number is wanted here.";
  if (option.kind === "int" && !Number.isInteger(number)) return "A whole number is wanted here.";
  if (option.low !== null && number < option.low) return `At least ${option.low}.`;
  if (option.high !== null && number > option.high) return `At most ${option.high}.`;
  return "";
}
