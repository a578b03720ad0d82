import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { bytes, held, Model, press, script, settled } from "./widget.mjs";

const common = await script();
afterEach(() => mock.timers.reset());

test("throttle calls at once, then once a wait, and the last one always", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1000 });
  const calls = [];
  const act = common.throttle((value) => calls.push(value), 80);
  act("a");
  mock.timers.tick(0);
  assert.deepEqual(calls, ["a"]);
  act("b");
  act("c");
  mock.timers.tick(79);
  assert.deepEqual(calls, ["a"]);
  mock.timers.tick(1);
  assert.deepEqual(calls, ["a", "c"]);
});

test("placeAt says row and column as fractions below one, also outside the node", () => {
  const node = { getBoundingClientRect: () => ({ left: 10, top: 20, width: 100, height: 200 }) };
  assert.deepEqual(common.placeAt(node, { clientX: 35, clientY: 120 }), [0.5, 0.25]);
  assert.deepEqual(common.placeAt(node, { clientX: 0, clientY: 1000 }), [0.9999, 0]);
});

test("a figure in runs and its per cent sign stay on one line", () => {
  const node = common.runs(common.el("p"), ["hides ", ["12 %", "strong"], " of it, 5 % more"]);
  assert.equal(node.textContent, "hides 12\u00a0% of it, 5\u00a0% more");
});

test("runs are text, in elements of three kinds, and never markup", () => {
  const node = common.runs(common.el("p"), ["<b>a</b> ", ["b", "em"], ["c", "strong"], ["<i>", "warn"]]);
  assert.equal(node.textContent, "<b>a</b> bc<i>");
  assert.deepEqual(
    [...node.children].map((child) => [child.tagName, child.className]),
    [
      ["EM", ""],
      ["STRONG", ""],
      ["SPAN", "nbviz-warning"],
    ],
  );
});

test("a select box has a name, its options, and keeps the notebook's shortcuts away", () => {
  const { box, select } = common.selectBox(
    [
      ["own", "Own scale", "Each map to its own peak"],
      ["all", "Shared"],
    ],
    "Scale",
  );
  assert.ok(box.contains(select));
  assert.equal(select.getAttribute("aria-label"), "Scale");
  assert.equal(select.dataset.lmSuppressShortcuts, "true");
  assert.deepEqual(
    [...select.options].map((option) => [option.value, option.text, option.title]),
    [
      ["own", "Own scale", "Each map to its own peak"],
      ["all", "Shared", ""],
    ],
  );
});

test("set takes an attribute away for null, undefined and false, and writes true as present", () => {
  const node = common.set(document.createElement("div"), { id: "a", title: "b", hidden: true, tabindex: 0 });
  assert.equal(node.outerHTML, '<div id="a" title="b" hidden="" tabindex="0"></div>');
  common.set(node, { id: null, title: undefined, hidden: false });
  assert.equal(node.outerHTML, '<div tabindex="0"></div>');
});

test("a switch says which choice is on, and the one with the focus keeps it when it is drawn anew", () => {
  const segment = document.body.appendChild(document.createElement("div")),
    chosen = [];
  const choices = [
    ["a", "A", "first"],
    ["b", "B", "second", false],
  ];
  common.fillSegment(segment, choices, "a", (key) => chosen.push(key));
  segment.firstChild.focus();
  segment.firstChild.click();
  segment.lastChild.click();
  assert.deepEqual(chosen, ["a"], "a choice that is not offered can't be made");
  const before = segment.firstChild;
  common.fillSegment(segment, choices, "b", () => {});
  assert.notEqual(segment.firstChild, before);
  assert.equal(document.activeElement, segment.firstChild);
  assert.deepEqual(
    [...segment.children].map((node) => node.getAttribute("aria-pressed")),
    ["false", "true"],
  );
  segment.remove();
});

test("a key with an act is kept from the page; one with a modifier, without an act or declined goes on", () => {
  const life = common.lifetime(new Model({})),
    node = document.createElement("div"),
    acts = [];
  common.listenKeys(life, node, { a: () => acts.push("a"), b: () => false }, () => acts.length < 2);
  assert.equal(press(node, "a"), false);
  assert.equal(press(node, "a", { ctrlKey: true }), true);
  assert.equal(press(node, "b"), true);
  assert.equal(press(node, "c"), true);
  assert.equal(press(node, "a"), false);
  assert.equal(press(node, "a"), true, "not able any more");
  life.end();
  assert.deepEqual(acts, ["a", "a"]);
});

test("a lifetime lets go of what it listened to and watched", () => {
  const model = new Model({ a: 1 }),
    life = common.lifetime(model),
    node = document.createElement("div");
  let painted = 0,
    clicked = 0;
  life.watch("a", () => (painted += 1));
  life.listen(node, "click", () => (clicked += 1));
  model.change({ a: 2 });
  node.click();
  assert.deepEqual([painted, clicked], [2, 1], "painted once from the state as it is, once for the change");
  life.end();
  model.change({ a: 3 });
  node.click();
  assert.deepEqual([painted, clicked, model.heard], [2, 1, 0]);
});

test("a view waits to be in the page while it lives, and for no frame once it has ended, however soon", async (t) => {
  const waiting = new Set(),
    { requestAnimationFrame: request, cancelAnimationFrame: cancel } = globalThis;
  t.after(() => Object.assign(globalThis, { requestAnimationFrame: request, cancelAnimationFrame: cancel }));
  globalThis.requestAnimationFrame = (act) => {
    waiting.add(act);
    return act;
  };
  globalThis.cancelAnimationFrame = (act) => waiting.delete(act);
  const model = new Model({}),
    [lives, ends] = [common.lifetime(model), common.lifetime(model)];
  for (const life of [lives, ends]) common.linked(document.createElement("div"), life, () => {});
  ends.end();
  await settled();
  assert.equal(waiting.size, 1);
  lives.end();
  assert.equal(waiting.size, 0);
  const node = document.body.appendChild(document.createElement("div"));
  let heard = 0;
  ends.receive(() => (heard += 1));
  ends.listen(node, "click", () => (heard += 1));
  node.click();
  node.remove();
  assert.deepEqual([heard, model.heard], [0, 0]);
});

test("decoded paints once for an update of several traits, keeps one URL, and none at the end", async () => {
  const model = new Model({ picture: bytes(1), size: 1 }),
    life = common.lifetime(model),
    painted = [];
  const before = held.size;
  common.decoded(model, life, "picture size", (url) => painted.push([url !== "", model.get("size")]));
  await settled();
  model.change({ picture: bytes(2), size: 2 });
  await settled();
  assert.deepEqual(painted, [
    [true, 1],
    [true, 2],
  ]);
  assert.equal(held.size, before + 1);
  model.change({ picture: bytes(3) });
  model.change({ picture: bytes() });
  await settled();
  assert.deepEqual(painted.at(-1), [false, 2]);
  model.change({ picture: bytes(4) });
  life.end();
  await settled();
  assert.equal(painted.length, 3, "nothing is painted after the end");
  assert.equal(held.size, before);
});

test("a tile is the part of its sheet at its row and column", () => {
  const sheet = { columns: 3, rows: 2, tile_width: 10, tile_height: 20, gap: 2 };
  // 3 tiles and 2 gaps are 34 wide; the first is at 0 %, the last at 100 %
  const { backgroundSize, backgroundPosition } = common.tileStyle(sheet, 1, 2);
  assert.equal(backgroundSize, "340% 210%");
  assert.equal(backgroundPosition, "100% 100%");
  assert.equal(common.tileStyle(sheet, 0, 1).backgroundPosition, "50% 0%");
  assert.equal(common.tileStyle({ ...sheet, columns: 1, rows: 1 }, 0, 0).backgroundPosition, "0% 0%");
});

test("the strip is quiet while all is well, and offers a retry where the work failed", () => {
  const model = new Model({}),
    life = common.lifetime(model),
    strip = common.drawState(model, document.createElement("div"), life);
  assert.equal(strip.hidden, true);
  model.change({ state: "refused", message: "<b>no</b>" });
  assert.equal(strip.hidden, false);
  assert.equal(strip.textContent, "<b>no</b>");
  assert.equal(strip.querySelector("button"), null);
  model.change({ state: "failed", details: "trace" });
  strip.querySelector("button").click();
  assert.deepEqual(
    model.sent.map(({ event }) => event),
    ["retry"],
  );
  assert.equal(strip.querySelector("details pre").textContent, "trace");
});

test("a slider takes over what others set, with the focus too, and not its own values that come back late", () => {
  const slider = Object.assign(document.createElement("input"), { type: "range", min: "0", max: "100", step: "any" });
  document.body.append(slider);
  slider.focus();
  const echo = common.sliderEcho(slider);
  echo.take(10);
  assert.equal(slider.value, "10");
  for (const value of [20, 30]) echo.send(value);
  slider.value = "40";
  echo.take(20);
  echo.take(20); // another trait of the same update
  assert.equal(slider.value, "40", "the thumb has gone on");
  echo.take(30);
  assert.equal(slider.value, "40");
  echo.take(10);
  assert.equal(slider.value, "10", "an undo");
  echo.take(30);
  assert.equal(slider.value, "30", "and its redo");
  slider.remove();
});
