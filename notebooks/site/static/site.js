// Names for what the theme leaves without one, or names otherwise than it reads.
document.addEventListener("DOMContentLoaded", () => {
  for (const toggle of document.querySelectorAll("summary:has(.toctree-toggle)")) {
    const page = toggle.parentElement?.parentElement?.querySelector("a")?.textContent?.trim();
    toggle.setAttribute("aria-label", `Pages below ${page}`);
  }
  for (const button of document.querySelectorAll("button.search-button-field"))
    button.setAttribute("aria-label", button.textContent?.trim().replace(/\s+/g, " ") ?? "Search");
});
