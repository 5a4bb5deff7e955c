// Rows and settings that are ticked for a comparison: how many there are, and the button that compares them.

const NAMES = new Set(["cells", "runs"]);

function ticked(form) {
  return [...form.elements].filter((box) => box.type === "checkbox" && NAMES.has(box.name) && box.checked);
}

function count() {
  for (const form of document.querySelectorAll("form[data-selection]")) {
    const number = ticked(form).length;
    form.hidden = number === 0 && !("stays" in form.dataset);
    const words = form.querySelector("[data-count]");
    words.dataset.none ??= words.textContent;
    words.textContent = number ? `${number} selected` : words.dataset.none;
  }
}

/** Tick or clear the box of a row. */
export function toggle(row) {
  const box = row?.querySelector("input[type=checkbox]");
  if (!box) return;
  box.checked = !box.checked;
  count();
}

/** Compare what is ticked on this page; false if nothing is. */
export function compareSelected() {
  const form = document.querySelector("form[data-selection]");
  if (!form || !ticked(form).length) return false;
  form.requestSubmit(form.querySelector("[data-main-action], .primary"));
  return true;
}

document.addEventListener("change", count);
document.addEventListener("reset", () => setTimeout(count)); // the boxes are cleared after the event
document.addEventListener("htmx:afterSettle", count);
addEventListener("pageshow", count); // coming back, the browser has ticked them again
count();
