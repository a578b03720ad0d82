// The frame over the notebook's whole window, and back with Esc. As a popover it stands above all that clips it.

/**
 * @param {Life} life
 * @param {HTMLElement} root
 */
function wideButton(life, root) {
  const node = set(button("Wide"), { "aria-pressed": "false", title: "Take the notebook's whole window (Esc leaves)" });
  /** @type {HTMLElement | null} */
  let frame = null;
  const leave = () => {
    if (!frame) return;
    frame.hidePopover();
    frame.removeAttribute("popover");
    frame.removeAttribute("style");
    frame.classList.remove("nbviz-wide");
    if (frame.parentElement) frame.parentElement.style.minHeight = "";
    set(node, { "aria-pressed": "false" });
    frame = null;
    node.scrollIntoView({ block: "nearest" });
  };
  const enter = () => {
    frame = root.closest(".nbviz");
    if (!frame?.parentElement) return;
    frame.parentElement.style.minHeight = `${frame.offsetHeight}px`; // the page keeps its place meanwhile
    const over =
      frame.closest(".jp-NotebookPanel")?.getBoundingClientRect() ?? new DOMRect(0, 0, innerWidth, innerHeight);
    set(frame, { popover: "manual" }).classList.add("nbviz-wide");
    const places = {
      left: over.left,
      top: over.top,
      width: over.width,
      height: over.height,
      "--nbviz-tall": over.height,
    };
    for (const [name, value] of Object.entries(places)) frame.style.setProperty(name, `${value}px`);
    frame.showPopover();
    set(node, { "aria-pressed": "true" });
  };
  life.listen(node, "click", () => (frame ? leave() : enter()));
  life.listen(window, "resize", leave);
  life.listen(
    document,
    "keydown",
    (event) => {
      if (event.key !== "Escape" || !frame || event.defaultPrevented) return;
      if (event.target.matches("input:not([type=range]), textarea, [aria-expanded=true]")) return;
      event.preventDefault();
      leave();
    },
    { capture: true },
  );
  life.after(leave);
  return node;
}
