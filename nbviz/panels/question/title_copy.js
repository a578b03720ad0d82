// What is shown as text: Python, or a state. Where the page may not write to the clipboard, the text stands to be copied.

/**
 * @param {Model<import("./title_bar.js").TitleFrontTraits>} model
 * @param {Life} life
 */
function copyMenu(model, life) {
  // A message comes back to every view of this widget: only the one that asked copies.
  let asked = false;
  const menu = menuButton(life, "Copy", "Copy what is shown, as Python or as a state", (name) => {
    asked = true;
    model.send({ event: "copy", name });
  });
  const text = focusable(set(el("textarea", "nbviz-copy-text"), { readonly: true, "aria-label": "What was copied" })),
    said = set(el("span", "nbviz-small nbviz-note"), { role: "status", "aria-live": "polite" }),
    shut = set(button("close", "nbviz-link"), { title: "Esc does it too" }),
    pop = el("div", "nbviz-copy", el("div", "nbviz-copy-head", said, shut), text);
  pop.hidden = true;
  const close = () => {
    pop.hidden = true;
    menu.opener.focus();
  };
  life.listen(shut, "click", close);
  life.listen(pop, "keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  });
  life.watch("copies", () => menu.fill(model.get("copies")));
  life.receive(async (message) => {
    if (message.event !== "copied" || !asked) return;
    asked = false;
    text.value = message.text;
    pop.hidden = false;
    said.textContent = (await copied(message.text)) ? "Copied:" : "Copy this text:";
    text.focus();
    text.select();
  });
  return { menu: menu.node, pop };
}

/** Whether the clipboard has it now; a page that is not served securely has none. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
