import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, held, Model, press, script, settled, view } from "./widget.mjs";

const classes = await script("question/combo", "question/class_dropdown");
const chooser = await script("question/picture_adding", "question/picture_list", "question/picture_chooser");
const bar = await script("base/menu", "explanation/method_bar");
const title = await script(
  "base/menu",
  "question/title_steps",
  "question/title_wide",
  "question/title_copy",
  "question/title_legend",
  "question/title_bar",
);
const NAMES = ["tabby cat", "catamaran", "tiger", "<b>tiger</b> cat"];
const TRAITS = {
  names: NAMES,
  top: [
    [3, 0.7],
    [0, 0.2],
  ],
  predicted: 3,
  chosen: -1,
  against: -1,
  words: "",
  channel: "",
};

test("a class matches where its name holds every word, in any case, or a word is its number", () => {
  assert.ok(classes.matches("Tiger cat", 282, ["cat", "tig"]));
  assert.ok(classes.matches("Tiger cat", 282, ["282"]));
  assert.ok(!classes.matches("Tiger cat", 282, ["28"]));
  assert.ok(!classes.matches("Tiger cat", 282, ["cat", "dog"]));
});

test("whole words come first, likely ones before others, then beginnings of words, then the rest", () => {
  const names = NAMES.map((text, value) => ({ text, value }));
  assert.deepEqual(
    classes.matching(names, ["cat"], [3, 0]).map(({ value }) => value),
    [3, 0, 1],
  );
  const more = ["polecat", "catamaran", "Persian cat", "meerkat", "wildcat"].map((text, value) => ({
    text,
    value,
  }));
  assert.deepEqual(
    classes.matching(more, ["cat"], [4]).map(({ value }) => value),
    [2, 1, 4, 0],
  );
});

test("what is no class can be typed too, and columns say what they are", () => {
  const model = new Model({ ...TRAITS, chosen: 2, against: 0, channel: "the chosen channel 3 of layer4" }),
    one = view(classes.widget, model),
    [input, other] = one.all("[role=combobox]");
  const type = (field, text) => {
    field.click();
    field.value = text;
    field.dispatchEvent(new Event("input"));
  };
  input.click();
  assert.deepEqual(
    one
      .all(".nbviz-list-head")
      .slice(0, 2)
      .map((row) => [...row.children].map((cell) => cell.textContent)),
    [
      ["likeliest", "probability"],
      ["all classes", "number"],
    ],
  );
  type(input, "What it");
  press(input, "Enter");
  type(other, "any other");
  press(other, "Enter");
  type(input, "the chosen");
  press(input, "Enter");
  type(input, "what it predicts");
  input.dispatchEvent(new Event("blur"));
  assert.deepEqual(
    model.sent.map(({ chosen, against }) => [chosen, against]),
    [
      [-1, 0],
      [2, -1],
      [-2, -1],
      [-1, 0],
    ],
  );
  one.end();
});

test("what is typed narrows the classes, Enter chooses, Escape puts back; names are text", () => {
  const model = new Model(TRAITS),
    one = view(classes.widget, model),
    input = one.find("[role=combobox]");
  assert.equal(input.value, "what it predicts (<b>tiger</b> cat)");
  input.click();
  assert.equal(one.find("b"), null);
  input.value = "tiger";
  input.dispatchEvent(new Event("input"));
  const rows = () => [...one.find("[role=listbox]").querySelectorAll("[role=option]")];
  assert.deepEqual(
    rows().map((row) => row.title),
    ["tiger", "<b>tiger</b> cat"],
  );
  assert.equal(input.getAttribute("aria-activedescendant"), rows()[0].id);
  press(input, "ArrowDown");
  assert.equal(input.getAttribute("aria-activedescendant"), rows()[1].id);
  press(input, "Enter");
  assert.deepEqual(model.sent, [{ event: "choose", chosen: 3, against: -1, buffers: [] }]);
  input.value = "no such";
  input.dispatchEvent(new Event("input"));
  input.dispatchEvent(new Event("blur"));
  assert.equal(one.find(".nbviz-class-note").textContent, "no class matches 'no such'");
  assert.equal(input.value, "what it predicts (<b>tiger</b> cat)");
  one.end();
  assert.equal(model.heard, 0);
});

test("the last page of pictures is a full one, and a picture that is gone leaves the page on show", () => {
  assert.deepEqual(chooser.pageSpan(0, 4, 10), [0, 4]);
  assert.deepEqual(chooser.pageSpan(2, 4, 10), [6, 10]);
  assert.deepEqual(chooser.pageSpan(0, 4, 3), [0, 3]);
  assert.deepEqual(chooser.pageSpan(0, 4, 0), [0, 0]);
  assert.equal(chooser.pageOf(9, 0, 4, 10), 2);
  assert.equal(chooser.pageOf(-1, 5, 4, 10), 2);
  assert.equal(chooser.pageOf(-1, 1, 4, 0), 0);
});

test("a page asks once for its missing thumbnails; arrows choose beyond it; URLs go at the end", async () => {
  const names = Array.from({ length: 9 }, (_, i) => `p${i}`),
    model = new Model({
      names,
      sizes: names.map(() => "2 × 2"),
      thumbnails: [bytes(1)],
      chosen: "p5",
      total: 9,
      marks: {},
      ...UNLISTED,
    });
  const before = held.size,
    one = view(chooser.widget, model);
  const asked = () => model.sent.filter(({ event }) => event === "thumbnails").at(-1).names;
  assert.deepEqual(asked(), ["p1", "p2", "p3", "p4", "p5"]);
  model.tell(
    { event: "thumbnails", names: asked() },
    asked().map((_, i) => bytes(...(i ? [i] : []))),
  );
  assert.equal(one.find("[data-name=p1] .nbviz-thumb-picture").textContent, "?", "one that can't be read says so");
  one.find("[data-name=p5]").focus();
  press(one.find("[data-name=p5]"), "ArrowRight");
  assert.equal(document.activeElement.dataset.name, "p6");
  assert.deepEqual(model.sent.at(-1), { event: "choose", name: "p6", buffers: [] });
  assert.equal(one.find(".nbviz-pager .nbviz-num").textContent, "4–9 of 9");
  one.end();
  await settled();
  assert.equal(held.size, before);
});

test("what has the focus in the row keeps it when the pictures are drawn anew", () => {
  const names = Array.from({ length: 9 }, (_, i) => `p${i}`),
    sizes = names.map(() => "2 × 2"),
    model = new Model({ names, sizes, thumbnails: [], chosen: "p1", total: 9, marks: {}, ...UNLISTED }),
    one = view(chooser.widget, model);
  const plus = one.find(".nbviz-plus");
  plus.focus();
  model.set("chosen", "p2");
  assert.equal(document.activeElement, plus);
  one.find("[data-name=p2]").focus();
  model.set("chosen", "p8");
  assert.equal(document.activeElement.dataset.name, "p8", "its picture is on another page: the chosen one has it");
  assert.equal(plus.parentNode.lastChild, plus);
  one.end();
});

test("an option out of its range says which, before it is sent", () => {
  const option = { kind: "int", low: 1, high: 50 },
    input = (value) => ({ type: "number", value });
  assert.equal(bar.problem(option, input("")), "A number is wanted here.");
  assert.equal(bar.problem(option, input("2.5")), "A whole number is wanted here.");
  assert.equal(bar.problem(option, input("0")), "At least 1.");
  assert.equal(bar.problem(option, input("51")), "At most 50.");
  assert.equal(bar.problem(option, input("50")), "");
});

const UNLISTED = { answers: {}, listing: false };

test("pictures in a list: answers and marks, a filter, keys that go on into the data set, and back to the layers", () => {
  const marks = { a: ["wrong", "labelled cup"], b: ["right", "labelled cat"] },
    answers = { a: "cat 0.60, is cup", b: "cat 0.90" };
  const names = ["a", "b", "c"],
    model = new Model({
      names,
      sizes: ["", "", ""],
      thumbnails: [],
      chosen: "a",
      total: 4,
      marks,
      ...UNLISTED,
      answers,
    }),
    one = view(chooser.widget, model),
    frame = one.root.parentElement,
    column = document.createElement("div");
  column.className = "nbviz-column-layers";
  frame.append(column);
  const all = () => [...column.querySelectorAll("[role=option]")].map((row) => row.dataset.name);
  const last = () => model.sent.filter(({ event }) => event !== "thumbnails").at(-1);
  assert.equal(column.children.length, 0);
  one.find(".nbviz-list-opener").click();
  assert.deepEqual(all(), ["a", "b", "c"]);
  assert.equal(document.activeElement.dataset.name, "a", "the chosen one has the focus");
  assert.match(document.activeElement.textContent, /acat 0.60, is cup✗/);
  press(document.activeElement, "ArrowDown");
  assert.equal(document.activeElement.dataset.name, "b");
  assert.equal(last().name, "b");
  model.set("chosen", "b");
  assert.equal(document.activeElement.getAttribute("aria-selected"), "true", "it is painted, and keeps the focus");
  press(frame, ".");
  assert.equal(last().name, "c");
  model.set("chosen", "c");
  press(frame, ".");
  assert.equal(last().event, "more");
  model.set("names", [...names, "d"]);
  assert.equal(last().name, "d", "what came is gone on to");
  press(frame, ",");
  assert.equal(last().name, "b");
  const field = column.querySelector("input");
  field.value = "wrong";
  field.dispatchEvent(new Event("input"));
  assert.deepEqual(all(), ["a"]);
  press(field, "Escape");
  assert.equal(column.firstChild.hidden, true);
  assert.equal(document.activeElement, one.find(".nbviz-list-opener"));
  one.end();
  assert.equal(column.children.length, 0);
});

const TITLE = {
  name: "Net",
  facts: [],
  preprocessing: "",
  explained: "",
  guessed: false,
  word: "ready",
  moved: false,
  back: false,
  forward: false,
  copies: [],
};

test("Alt with an arrow goes back and forward anywhere in the frame, but not within a text", () => {
  const model = new Model({ ...TITLE, back: true }),
    one = view(title.widget, model),
    frame = one.root.parentElement,
    events = () => model.sent.splice(0).map(({ event }) => event);
  const text = document.createElement("input");
  text.dataset.lmSuppressShortcuts = "true";
  text.type = "text";
  frame.append(text);
  assert.equal(press(frame, "ArrowLeft", { altKey: true }), false);
  assert.equal(press(text, "ArrowLeft", { altKey: true }), false);
  press(frame, "ArrowRight", { altKey: true });
  assert.equal(press(frame, "ArrowLeft"), true);
  assert.deepEqual(events(), ["back", "back"]);
  text.value = "cat";
  assert.equal(press(text, "ArrowLeft", { altKey: true }), true);
  const [back, forward] = one.all(".nbviz-step");
  back.click();
  forward.click();
  assert.deepEqual(events(), ["back"]);
  assert.equal(forward.getAttribute("aria-disabled"), "true");
  assert.match(forward.title, /not gone back/);
  model.change({ forward: true });
  forward.click();
  assert.deepEqual(events(), ["forward"]);
  one.end();
});

test("Copy offers what is shown by keyboard, and shows the text where the clipboard is closed", async () => {
  const copies = [
    ["canvas", "the map, as Python", "S."],
    ["state", "this view", "T."],
  ];
  const model = new Model({ ...TITLE, copies }),
    one = view(title.widget, model),
    opener = one.find("[aria-haspopup=menu]"),
    menu = one.find("[role=menu]"),
    pop = one.find(".nbviz-copy");
  opener.focus();
  opener.click();
  assert.equal(opener.getAttribute("aria-expanded"), "true");
  assert.equal(document.activeElement.dataset.name, "canvas");
  press(document.activeElement, "ArrowDown");
  assert.equal(document.activeElement.title, "T.");
  press(document.activeElement, "Escape");
  assert.ok(menu.hidden);
  assert.equal(document.activeElement, opener);
  model.tell({ event: "copied", name: "canvas", text: "for another view" });
  await settled();
  assert.ok(pop.hidden);
  opener.click();
  document.activeElement.click();
  assert.deepEqual(
    model.sent.map(({ event, name }) => [event, name]),
    [["copy", "canvas"]],
  );
  model.tell({ event: "copied", name: "canvas", text: "import nbviz" });
  await settled();
  assert.equal(one.find("textarea").value, "import nbviz");
  assert.equal(document.activeElement, one.find("textarea"));
  press(document.activeElement, "Escape");
  assert.ok(pop.hidden);
  assert.equal(document.activeElement, opener);
  one.end();
});

test("the legend opens by ? and its button, Esc closes it, and the focus returns to where it was", () => {
  const model = new Model(TITLE),
    one = view(title.widget, model),
    page = one.find(".nbviz-legend-page"),
    opener = one.find("[aria-label=Legend]"),
    save = one.all("button").at(-1);
  save.focus();
  press(save, "?");
  assert.ok(!page.hidden && document.activeElement === page);
  assert.equal(opener.getAttribute("aria-expanded"), "true");
  press(page, "Escape");
  assert.ok(page.hidden && document.activeElement === save);
  opener.focus();
  opener.click();
  assert.match(page.textContent, /Alt\+←/);
  page.querySelector("button").click();
  assert.equal(document.activeElement, opener);
  one.end();
});

test("a method that can't be had is greyed and says why, unless it is the chosen one", () => {
  const methods = [
      ["grad_cam", "Grad-CAM", "Where.", "class activation"],
      ["rollout", "Attention rollout", "Where it leads.", "attention"],
    ],
    model = new Model({
      title: "Explanation",
      note: [],
      methods,
      method: "grad_cam",
      options: [],
      channel: false,
      early: "",
      files: [],
      pin: "off",
      refused: { rollout: "Attention rollout needs self-attention; this network has none." },
    }),
    one = view(bar.widget, model),
    option = one.find("option[value=rollout]");
  assert.ok(option.disabled);
  const pin = one.find(".nbviz-pin-button");
  pin.focus();
  pin.click();
  assert.ok(!model.sent.length && !pin.disabled, "what can't be pressed keeps the focus");
  model.set("pin", "pin");
  pin.click();
  assert.deepEqual(model.sent.at(-1), { event: "pin", buffers: [] });
  assert.equal(option.textContent, "Attention rollout – not here: it needs self-attention; this network has none.");
  assert.equal(one.find(".nbviz-method-sentence").textContent, "Where.");
  model.change({ method: "rollout" });
  assert.ok(!one.find("option[value=rollout]").disabled);
  one.end();
});

test("a picture has its name and mark below it, Delete takes it away, and more come from the data set by page and number", () => {
  const names = ["a", "b", "c"],
    marks = { a: ["wrong", "labelled cup, the network says cat"], b: ["right", "labelled cat, as the network says"] };
  const model = new Model({ names, sizes: ["", "", ""], thumbnails: [], chosen: "a", total: 5000, marks, ...UNLISTED }),
    one = view(chooser.widget, model),
    sent = () => model.sent.filter(({ event }) => event !== "thumbnails").map(({ buffers, ...rest }) => rest);
  assert.deepEqual(
    one.all(".nbviz-thumb-name").map((node) => node.textContent),
    ["✗ a", "✓ b", "c"],
  );
  assert.match(one.find("[data-name=a]").title, /labelled cup, the network says cat/);
  assert.equal(one.find(".nbviz-pager .nbviz-num").textContent, "1–3 of 5,000");
  one.find("[data-name=c]").focus();
  press(one.find("[data-name=c]"), "ArrowRight");
  press(one.find("[data-name=c]"), "Delete");
  const field = one.find(".nbviz-jump");
  field.value = "4711";
  press(field, "Enter");
  assert.deepEqual(sent(), [{ event: "more" }, { event: "remove", name: "c" }, { event: "jump", words: "4711" }]);
  one.end();
});
