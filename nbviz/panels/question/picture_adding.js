// Files coming in by button, drop or paste.
const LARGE = 4e6,
  WIDE = 2048,
  SHRUNK = 1024,
  MOST = 9e6;

/** A file as bytes small enough to travel; throws a sentence where that can't be had. */
async function prepared(file) {
  let bitmap = null;
  try {
    bitmap = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    if (file.size > MOST)
      throw new Error(
        `${file.name} (${Math.round(file.size / 1e6)} MB) can't be read by the browser. Pass its path as images= instead.`,
      );
    return file;
  }
  const longest = Math.max(bitmap.width, bitmap.height);
  if (file.size <= LARGE && longest <= WIDE) return file;
  const share = Math.min(1, SHRUNK / longest);
  const canvas = el("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * share));
  canvas.height = Math.max(1, Math.round(bitmap.height * share));
  const pen = canvas.getContext("2d");
  pen.imageSmoothingQuality = "high";
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((give) => canvas.toBlob(give, "image/png"));
}

/**
 * The button that adds files, and every way in which they come; each that can't be had says why.
 * @param {Model<import("./picture_chooser.js").PictureChooserFrontTraits>} model
 */
function adding(model, life, root) {
  const plus = set(button("+", "nbviz-plus"), {
    title: "Add a picture: choose a file, drop one here, or paste it.",
    "aria-label": "Add a picture",
  });
  const file = focusable(
    set(el("input"), { type: "file", accept: "image/*", multiple: true, hidden: true, tabindex: -1 }),
  );
  const complaint = set(el("div", "nbviz-small nbviz-warning"), { role: "status", "aria-live": "polite" });
  const take = async (files) => {
    const wrong = [];
    let first = true;
    for (const one of files) {
      try {
        const bytes = await (await prepared(one)).arrayBuffer();
        model.send({ event: "add", name: one.name || "pasted", first }, undefined, [new DataView(bytes)]);
        first = false;
      } catch (error) {
        wrong.push(error.message);
      }
    }
    complaint.replaceChildren(...wrong.map((sentence) => el("div", "", sentence)));
  };
  life.listen(plus, "click", () => file.click());
  life.listen(file, "change", () => {
    take([...file.files]);
    file.value = "";
  });
  whenAttached(root, life, () => welcome(root.closest(".nbviz") || root, life, take));
  return { plus, file, complaint };
}

/** Files dropped anywhere on the frame, or pasted while it has the focus. */
function welcome(frame, life, take) {
  const files = (transfer) => [...(transfer?.files || [])];
  const carries = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  const over = (event, yes) => {
    if (!carries(event)) return;
    event.preventDefault();
    event.stopPropagation();
    frame.classList.toggle("nbviz-dropping", yes);
  };
  life.listen(frame, "dragenter", (event) => over(event, true));
  life.listen(frame, "dragover", (event) => over(event, true));
  life.listen(frame, "dragleave", (event) => {
    if (!frame.contains(event.relatedTarget)) over(event, false);
  });
  life.listen(frame, "drop", (event) => {
    over(event, false);
    if (carries(event)) take(files(event.dataTransfer));
  });
  life.listen(frame, "paste", (event) => {
    const found = files(event.clipboardData);
    if (!found.length) return;
    event.preventDefault();
    event.stopPropagation();
    take(found);
  });
}
