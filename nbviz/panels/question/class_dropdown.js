// The class that is explained, and the one rather than which it is.
const PREDICTED = -1,
  OTHER = -1,
  CHANNEL = -2;

/**
 * Synced traits of `class_dropdown.ClassFront`.
 * @typedef {Front & {
 *   names: string[],
 *   top: [number, number | null][],
 *   predicted: number | null,
 *   chosen: number | null,
 *   against: number,
 *   words: string,
 *   channel: string,
 * }} ClassFrontTraits
 */

export default {
  /** @param {View<ClassFrontTraits>} view */
  render({ model, el: root }) {
    const life = lifetime(model);
    root.classList.add("nbviz-classes");
    const note = set(el("div", "nbviz-class-note nbviz-warning nbviz-small"), {
      role: "status",
      "aria-live": "polite",
    });
    const complain = (text) => {
      note.textContent = text;
      note.hidden = !text;
    };
    const target = targetCombo(model, life, complain),
      other = otherCombo(model, life, complain);
    const label = set(el("span", "nbviz-label", "Class"), { title: "The class whose score is explained." }),
      rather = set(el("span", "nbviz-small nbviz-note", "rather than"), {
        title: "Choose a second class to explain what speaks for the first rather than for it.",
      });
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
      const index = explained(model);
      target.input.title = index === null ? "" : `${className(model, index)}, class ${index}`;
      other.input.disabled = model.get("chosen") === null;
      other.input.classList.toggle("unset", model.get("against") === OTHER);
    });
    return life.end;
  },
};

/**
 * @param {Model<ClassFrontTraits>} model
 */
function targetCombo(model, life, complain) {
  const guess = () => {
    const predicted = model.get("predicted");
    return `what it predicts${predicted === null ? "" : ` (${className(model, predicted)})`}`;
  };
  const first = () => {
    const entry = {
      value: PREDICTED,
      text: guess(),
      phrase: "what it predicts",
      note: "",
      now: model.get("chosen") === PREDICTED,
    };
    const channel = model.get("channel");
    return channel ? [entry, { value: CHANNEL, text: channel, note: "", now: false }] : [entry];
  };
  const against = (value) => (value === CHANNEL || value === model.get("against") ? OTHER : model.get("against"));
  const target = combo(life, "Class", {
    entries: (words) => entriesOf(model, words, first(), model.get("chosen")),
    settled: () => {
      const chosen = model.get("chosen");
      if (chosen === null) return model.get("words");
      return chosen === PREDICTED ? guess() : className(model, chosen);
    },
    choose: (value) => model.send({ event: "choose", chosen: value, against: against(value) }),
    complain,
  });
  target.input.classList.add("nbviz-class-input");
  return target;
}

/**
 * @param {Model<ClassFrontTraits>} model
 */
function otherCombo(model, life, complain) {
  const first = () => [{ value: OTHER, text: "any other", note: "", now: model.get("against") === OTHER }];
  const other = combo(life, "Rather than", {
    entries: (words) =>
      entriesOf(model, words, first(), model.get("against")).filter(
        ({ value }) => value === OTHER || value !== explained(model),
      ),
    settled: () => (model.get("against") === OTHER ? "any other" : className(model, model.get("against"))),
    choose: (value) => model.send({ event: "choose", chosen: model.get("chosen") ?? PREDICTED, against: value }),
    complain,
  });
  other.box.classList.add("nbviz-combo-small");
  return other;
}

/**
 * @param {Model<ClassFrontTraits>} model
 */
function className(model, index) {
  return model.get("names")[index] ?? (index >= 0 ? `class ${index}` : "");
}

/**
 * Index of the class on show, whether it was chosen or is the predicted one; null where there is none.
 * @param {Model<ClassFrontTraits>} model
 */
function explained(model) {
  const chosen = model.get("chosen") ?? PREDICTED;
  return chosen === PREDICTED ? model.get("predicted") : chosen;
}

/**
 * Without words what comes first, the likeliest, then all classes; else those that hold every word, likely ones first.
 * @param {Model<ClassFrontTraits>} model
 */
function entriesOf(model, words, first, now) {
  const top = model.get("top").map(([index]) => index);
  const names = model
    .get("names")
    .map((text, index) => ({ value: index, text, note: String(index), now: index === now }));
  if (words.length) return [...spoken(first, words), ...matching(names, words, top)];
  const all = names.map((entry) => (top.includes(entry.value) ? { ...entry, now: false } : entry));
  return [...first, ...headed(likely(model, now), "likeliest", "probability"), ...headed(all, "all classes", "number")];
}

/** The first row carries the heads of its columns. */
function headed(rows, left, right) {
  return rows.map((row, at) => (at ? row : { ...row, head: [left, right] }));
}

/**
 * @param {Model<ClassFrontTraits>} model
 */
function likely(model, now) {
  return model.get("top").map(([index, probability]) => ({
    value: index,
    text: className(model, index),
    note: probability === null ? "" : probability.toFixed(2),
    now: index === now,
  }));
}

/** What is no class, such as "any other", where its words begin as those that are typed do. */
function spoken(first, words) {
  const typed = words.join(" ");
  return first.filter(({ text, phrase }) => (phrase ?? text).toLowerCase().startsWith(typed));
}

/**
 * Classes whose names hold every word, or whose number is one: the name itself, then whole words before beginnings of words before the rest,
 * then likely ones first.
 */
function matching(names, words, top) {
  const place = (value) => (top.includes(value) ? top.indexOf(value) : top.length);
  return names
    .filter(({ text, value }) => matches(text, value, words))
    .map((entry) => ({ entry, rank: rank(entry.text.toLowerCase(), words) }))
    .sort((a, b) => a.rank - b.rank || place(a.entry.value) - place(b.entry.value))
    .map(({ entry }) => entry);
}

/** How well a name fits what is typed: −1 where it is the name, or one of several, else by its least fitting word. */
function rank(name, words) {
  return name.split(/,\s*/).includes(words.join(" ")) ? -1 : Math.max(...words.map((word) => fit(name, word)));
}

/** How a word stands in a name: 0 whole, 1 at the beginning of one of its words, 2 within, 3 not at all. */
function fit(name, word) {
  const parts = name.split(/[^\p{L}\p{N}]+/u);
  if (parts.includes(word)) return 0;
  if (parts.some((part) => part.startsWith(word))) return 1;
  return name.includes(word) ? 2 : 3;
}

function matches(name, index, words) {
  const lower = name.toLowerCase();
  return words.every((word) => lower.includes(word) || String(index) === word);
}
