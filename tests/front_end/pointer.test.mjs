import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, Model, press, script, settled, view } from "./widget.mjs";

const pointer = await script("explanation/pointer_zoom", "explanation/pointer");
const TRAITS = { rows: 100, columns: 100, place: null, tip: "", top: [], caption: "", choosing: false, outlines: [] };

/** A pointer in its stack of 200 × 200 pixels; the layer itself lies where the style puts it. */
function opened() {
  const model = new Model({ ...TRAITS, lines: bytes(), photo: bytes(1, 2) }),
    one = view(pointer.widget, model),
    stack = one.root.parentElement;
  stack.classList.add("nbviz-stack");
  const style = (name) => stack.style.getPropertyValue(name);
  stack.getBoundingClientRect = () => ({ left: 0, top: 0, width: 200, height: 200 });
  one.root.getBoundingClientRect = () => {
    const [x, y] = style("--nbviz-pan")
        .split(" ")
        .map((part) => Number.parseFloat(part) || 0),
      zoom = Number(style("--nbviz-zoom") || 1);
    return { left: x, top: y, width: 200 * zoom, height: 200 * zoom };
  };
  const event = (name, x, y, more = {}) =>
    one.root.dispatchEvent(new MouseEvent(name, { bubbles: true, cancelable: true, clientX: x, clientY: y, ...more }));
  const wheel = (by, x, y) => {
    const turned = new MouseEvent("wheel", { bubbles: true, cancelable: true, clientX: x, clientY: y });
    return one.root.dispatchEvent(Object.assign(turned, { deltaY: by }));
  };
  return { model, one, stack, style, event, wheel };
}

test("the wheel enlarges around the pointer, whose place stays; 0 shows all, and then the page scrolls on", async () => {
  const { one, style, event, wheel, model } = opened();
  assert.equal(wheel(100, 50, 150), true, "farther than all of it is the page's");
  assert.equal(wheel(-300 * Math.LN2, 50, 150), false);
  assert.ok(Math.abs(Number(style("--nbviz-zoom")) - 2) < 1e-9);
  event("click", 50, 150);
  assert.deepEqual(model.sent.at(-1).place, [0.75, 0.25]);
  press(one.root, "0");
  assert.equal(style("--nbviz-zoom"), "1");
  assert.equal(style("--nbviz-pan"), "0px 0px");
  await settled();
  one.end();
});

test("what is enlarged is dragged within its frame, and a drag pins nothing", async () => {
  const { one, style, event, model } = opened();
  press(one.root, "+");
  const before = style("--nbviz-pan");
  event("pointerdown", 100, 100, { button: 0, buttons: 1 });
  event("pointermove", 90, 70, { buttons: 1 });
  event("pointerup", 90, 70);
  const sent = model.sent.length;
  event("click", 90, 70);
  assert.notEqual(style("--nbviz-pan"), before);
  assert.equal(model.sent.length, sent);
  event("pointerdown", 100, 100, { button: 0, buttons: 1 });
  event("pointermove", 900, 900, { buttons: 1 });
  assert.equal(style("--nbviz-pan"), "0px 0px", "no part of the frame is ever empty");
  await settled();
  one.end();
});

test("the photograph is there while Space is held", async () => {
  const { one } = opened();
  await settled();
  const photo = one.find(".nbviz-photograph");
  assert.ok(photo.hidden);
  assert.equal(press(one.root, " "), false);
  assert.ok(!photo.hidden);
  one.root.dispatchEvent(new KeyboardEvent("keyup", { key: " ", bubbles: true }));
  assert.ok(photo.hidden);
  await settled();
  one.end();
});

test("channels named at a pinned place are links that choose them, and leave the place pinned", async () => {
  const { model, one } = opened();
  const links = () => [...one.root.querySelectorAll(".nbviz-tip .nbviz-link")];
  model.change({ place: [0.5, 0.5], tip: "row 1 · 2.00\nstrongest here: ch 4, 21", top: [4, 21] });
  assert.equal(one.root.querySelector(".nbviz-tip").textContent, model.get("tip"));
  assert.ok(one.root.querySelector(".nbviz-tip.nbviz-pinned-tip"));
  assert.deepEqual(
    links().map((link) => link.textContent),
    ["4", "21"],
  );
  links()[1].dispatchEvent(new MouseEvent("click", { bubbles: true }));
  assert.deepEqual(model.sent, [{ event: "channel", channel: 21, buffers: [] }]);
  model.change({ tip: "row 1", top: [] });
  assert.equal(links().length, 0);
  await settled();
  one.end();
});
