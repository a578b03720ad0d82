import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, held, Model, press, script, settled, view } from "./widget.mjs";

const PARTS = ["run", "pictures", "pair", "classes", "curve", "rows", "labels", "channels", "against", "front"];
const review = await script("base/as_code", ...PARTS.map((part) => `review/review_${part}`));
const CHOICE = [["all", "all"]];
const TRAITS = {
  ...{ empty: "none yet", offer: [], progress: "", done: 1, figures: [["92 %", "right", ""]], page: "pictures" },
  pages: ["pictures", "classes", "calibration", "slices"].map((name) => [name, name, ""]),
  listing: {
    answer_choices: CHOICE,
    orders: [["item", "item"]],
    labels: [],
    filters: [],
    first: 0,
    total: 3,
    shown: 2,
  },
  tiles: [
    [7, "<b>ant</b> 0.99", "is bee", true],
    [9, "bee 0.51", "right", false],
  ],
  sheet: { columns: 2, rows: 1, tile_width: 4, tile_height: 4, gap: 0 },
  ...{
    pictures: bytes(1),
    chosen: null,
    marked: [9],
    matrix: {},
    curve: {},
    rows: {},
    examples: bytes(),
    notes: [],
    pair: {},
    pair_mean: bytes(),
    suspects: {},
    suspect_pictures: bytes(),
    training: {},
    training_pictures: bytes(),
    driving: bytes(),
    against: {},
    channel: null,
    code: "review.pictures",
  },
};
const sent = (model) => model.sent.map(({ buffers: _, ...content }) => content);

test("a tile opens its picture, space marks it, and names are text", async () => {
  const model = new Model(TRAITS),
    before = held.size,
    one = view(review.widget, model);
  await settled();
  const [first, second] = one.all(".nbviz-review-tile");
  assert.ok(first.textContent.includes("<b>ant</b>") && second.classList.contains("nbviz-review-marked"));
  first.click();
  press(second, " ");
  press(second, "Enter");
  assert.deepEqual(sent(model), [
    { event: "open", item: 7 },
    { event: "mark", item: 9 },
    { event: "open", item: 9 },
  ]);
  model.change({ chosen: 9 });
  assert.equal(second.getAttribute("aria-selected"), "true");
  one.end();
  assert.equal(held.size, before);
});

test("one page stands there, and the next pictures are asked for", () => {
  const model = new Model(TRAITS),
    one = view(review.widget, model);
  const hidden = () => [...one.find(".nbviz-review-body").children].map((node) => node.hidden);
  assert.deepEqual(hidden(), [false, true, true, true, true]);
  model.change({ page: "slices" });
  assert.deepEqual(hidden(), [true, true, true, true, false]);
  one.find('[aria-label="More pictures"]').click();
  assert.deepEqual(sent(model).at(-1), { event: "list", answers: "all", order: "item", label: "", first: 2 });
  one.end();
});

test("a link opens the code of what is on show, and closes it", () => {
  const one = view(review.widget, new Model(TRAITS)),
    code = one.find("pre"),
    link = [...one.all("button")].find((node) => node.textContent === "as code");
  assert.ok(code.hidden && code.textContent === "review.pictures");
  link.click();
  assert.ok(!code.hidden && link.getAttribute("aria-expanded") === "true");
  link.click();
  assert.ok(code.hidden && link.getAttribute("aria-expanded") === "false");
  one.end();
});

test("a confused pair and a class list their pictures; the diagonal hides on wish", () => {
  const matrix = { names: ["a", "b"], classes: [0, 1], right: ["", ""], often: ["x"], table: [[0, "a", "3"]] };
  const model = new Model({
      ...TRAITS,
      page: "classes",
      matrix: {
        ...matrix,
        counts: [
          [5, 2],
          [0, 1],
        ],
      },
    }),
    one = view(review.widget, model);
  assert.equal(one.all("td button").length, 1);
  one.find("td button").click();
  one.all(".nbviz-review-class")[1].click();
  assert.deepEqual(sent(model), [
    { event: "pair", label: 0, prediction: 1 },
    { event: "class", label: 1 },
  ]);
  one.find("input[type=checkbox]").click();
  assert.equal(one.all("td button").length, 3);
  one.end();
});

test("counts of pixels stand as shares, columns have their own heads, and a legend tells the colours", () => {
  const matrix = {
    names: ["a", "b"],
    classes: [0, 1],
    counts: [
      [3000, 1000],
      [0, 4000],
    ],
    right: ["75 %", "100 %"],
    often: [],
    table: [[0, "a", "12", ".75", ""]],
    heads: ["class", "pictures", "IoU", "95 %"],
    shares: true,
    noun: "pixels",
  };
  const listing = { about: "Colours: said.", legend: [["road", "#0072b2"]] };
  const model = new Model({ ...TRAITS, page: "classes", matrix, listing }),
    one = view(review.widget, model);
  const cell = one.find("td button");
  assert.equal(cell.textContent, "25");
  assert.equal(cell.title, "a taken for b: 1,000 pixels");
  const select = one.find(".nbviz-review-body > div:nth-child(2) select");
  assert.deepEqual(
    [...select.options].map((option) => option.hidden),
    [true, false, false],
  );
  assert.equal(select.options[2].textContent, "IoU");
  assert.equal(one.find(".nbviz-review-legend").textContent, "Colours: said. road");
  one.end();
});

test("a chart says in words what it shows, and a slice lists its pictures", () => {
  const row = { key: ["brightness", "0 … 1"], name: "brightness 0 … 1", count: "30", share: 0.5, low: 0.4, high: 0.6 };
  const rows = {
    kind: "slices",
    rows: [{ ...row, beside: 0.9, figure: "50 %", words: "p 1", marked: true }],
    words: ["w"],
  };
  const curve = {
    bins: [[0.5, 0.4, 0.3, 0.5, "30 pictures"]],
    words: ["w"],
    risk: [
      [0, 0],
      [1, 0.1],
    ],
  };
  const model = new Model({ ...TRAITS, page: "slices", rows, curve }),
    one = view(review.widget, model);
  assert.ok(one.find("svg").getAttribute("aria-label").includes("30 pictures"));
  one.find(".nbviz-review-row").click();
  assert.deepEqual(sent(model), [{ event: "slice", column: "brightness", part: "0 … 1" }]);
  one.end();
});

test("what takes long is begun by a person, and its rows say what came of it", () => {
  const rows = { kind: "cues", rows: [], words: ["about"], offer: ["Look", "tip"] };
  const model = new Model({ ...TRAITS, page: "cues", rows }),
    one = view(review.widget, model);
  const buttons = () => {
    const shown = [...one.all(".nbviz-bar button")].filter((node) => !node.closest("[hidden]"));
    return shown.filter((node) => ["Look", "Stop"].includes(node.textContent));
  };
  buttons()[0].click();
  model.change({ rows: { ...rows, offer: [], progress: "1 of 3 classes", done: 0.3 } });
  buttons()
    .find((node) => node.textContent === "Stop")
    .click();
  assert.deepEqual(sent(model), [{ event: "begin" }, { event: "stop" }]);
  const cue = { words: [["ant", "strong"], " leads"], marked: true };
  model.change({ rows: { ...rows, rows: [cue, cue], examples: 1 } });
  const drawn = [...one.all(".nbviz-review-cue")];
  assert.deepEqual(
    drawn.map((node) => node.querySelectorAll(".nbviz-review-example").length),
    [3, 0],
  );
  assert.equal(drawn[0].textContent, "flagged ant leads");
  model.change({ page: "shift", rows: { kind: "shift", rows: [{ name: "fog", values: [1, 0.5], figure: "f" }] } });
  assert.equal(one.find("polyline").getAttribute("points"), "0,1 120,12");
  one.end();
});

test("the maps of a pair are asked for, and cells that chance explains stay empty", () => {
  const choices = [
      ["0,1", "ant · bee"],
      ["1,0", "bee · ant"],
    ],
    pair = { choices, chosen: "0,1", words: ["2 of 4 cells"], offer: ["Compare", "tip"], names: ["<b>bee</b>", "ant"] };
  const model = new Model({
      ...TRAITS,
      page: "classes",
      pair: {
        ...pair,
        cells: [
          [0.5, 0],
          [0, -1],
        ],
      },
    }),
    one = view(review.widget, model);
  const part = [...one.all(".nbviz-review-part")].find((node) => node.textContent.includes("confused pair"));
  const drawn = [...part.querySelectorAll("rect")].map((node) => Number(node.getAttribute("fill-opacity")));
  assert.deepEqual(drawn, [0.4, 0, 0, 0.8]);
  assert.ok(part.querySelector("svg[role=img]").getAttribute("aria-label").endsWith("2 cells are more than chance"));
  assert.ok(part.textContent.includes("<b>bee</b>"));
  const select = part.querySelector("select");
  select.value = "1,0";
  select.dispatchEvent(new window.Event("change"));
  assert.deepEqual(sent(model), [{ event: "compare", pair: "1,0" }]);
  model.change({ pair: {} });
  assert.ok(part.hidden);
  one.end();
});

test("a suspect label opens its picture, and training pictures stand by their factors", () => {
  const suspects = { words: ["1 label"], rows: [[7, ["ant, but ", ["bee", "strong"]]]] },
    training = { words: ["10 carry 12 %"], tiles: [["bee", ".9 × .4", "item 3"]] };
  const model = new Model({ ...TRAITS, page: "labels", suspects, training, chosen: 7 }),
    one = view(review.widget, model);
  const suspect = one.find(".nbviz-review-suspect");
  assert.equal(suspect.getAttribute("aria-pressed"), "true");
  suspect.click();
  assert.deepEqual(sent(model), [{ event: "open", item: 7 }]);
  assert.ok(one.find(".nbviz-review-training").textContent.includes(".9 × .4"));
  model.change({ training: { words: ["none given"] } });
  assert.ok(one.find(".nbviz-review-training").hidden);
  one.end();
});

test("a channel's row has its bar, its figures beyond chance in bold, and a click chooses it", () => {
  const row = {
    channel: 7,
    name: "7",
    label: "<b>ant</b>",
    marked: true,
    figure: "−1.2",
    answers: "90 % → 10 %",
  };
  const more = {
    bar: [-0.5, -0.75, -0.25, 0.1],
    interval: "−1.5 … −0.9",
    profile: [
      [1, "ant 2.00"],
      [0.25, "bee 0.50"],
    ],
    measures: [
      ["clarity", ".9", true],
      ["redundancy", ".2 with 3", false],
    ],
  };
  const orders = [
    ["effect", "largest effect"],
    ["clarity", "clearest"],
  ];
  const rows = { kind: "channels", rows: [{ ...row, ...more }], words: ["w"], orders, order: "effect" };
  const model = new Model({ ...TRAITS, page: "channels", rows }),
    one = view(review.widget, model);
  const node = one.find(".nbviz-review-channel");
  assert.equal(node.querySelector(".fill").getAttribute("style"), "left:25%;width:25%");
  assert.equal(node.querySelector(".interval").getAttribute("style"), "left:12.5%;width:25%");
  assert.equal(node.querySelector(".tick").getAttribute("style"), "left:55%");
  assert.ok(
    node.textContent.includes("<b>ant</b>") && node.querySelectorAll(".nbviz-review-measures strong").length === 1,
  );
  assert.ok(node.querySelector(".nbviz-review-profile").getAttribute("aria-label").endsWith("ant 2.00, bee 0.50"));
  assert.equal(node.getAttribute("aria-pressed"), "false");
  node.click();
  model.change({ channel: 7 });
  assert.equal(node.getAttribute("aria-pressed"), "true");
  const select = one.find('[aria-label="Order of the channels"]');
  select.value = "clarity";
  select.dispatchEvent(new window.Event("change"));
  assert.deepEqual(sent(model), [
    { event: "channel", channel: 7 },
    { event: "sort", order: "clarity" },
  ]);
  one.end();
});

test("another data set is compared on the page Shift only, and its channels can be chosen", () => {
  const row = { tip: "", words: "p 1", marked: false };
  const rows = [
    { ...row, name: "right", bar: [-0.5], figure: "90 % → 40 %", channel: null },
    { ...row, name: "channel 3", bar: [0.5], figure: "1 → 2", channel: 3 },
  ];
  const model = new Model({ ...TRAITS, page: "slices", against: { words: ["w"], offer: ["Compare", "tip"] } }),
    one = view(review.widget, model);
  const part = [...one.all(".nbviz-review-part")].find((node) => node.textContent.includes("Another data set"));
  assert.ok(part.hidden);
  model.change({ page: "shift" });
  assert.ok(!part.hidden);
  part.querySelector(".nbviz-bar button").click();
  model.change({ against: { words: ["w"], rows } });
  assert.equal(part.querySelectorAll("button.nbviz-review-drift").length, 1);
  assert.equal(part.querySelector(".fill.less").getAttribute("style"), "left:25%;width:25%");
  part.querySelector("button.nbviz-review-drift").click();
  assert.deepEqual(sent(model), [{ event: "compare data" }, { event: "channel", channel: 3 }]);
  one.end();
});

test("a note stands whole, and what one lists is folded under it", () => {
  const notes = [
    ["No picture is labelled <b>ant</b>.", ""],
    ["2 items could not be used.", "item 0, item 1"],
  ];
  const one = view(review.widget, new Model({ ...TRAITS, notes })),
    [plain, folded] = one.find(".nbviz-review-notes").children;
  assert.equal(plain.textContent, "No picture is labelled <b>ant</b>.");
  assert.equal(folded.querySelector("summary").textContent, "2 items could not be used.");
  assert.ok(!folded.open && folded.textContent.endsWith("item 0, item 1"));
  one.end();
});
