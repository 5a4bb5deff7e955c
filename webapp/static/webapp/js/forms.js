// Nothing typed is lost: what changes while the server draws the form anew is put into the new form. One such request
// runs at a time; a choice made meanwhile sends the next one, and buttons wait.

const FORM = "spec-form";
let sent = new Map();
let changed = new Map();

function values() {
  const form = document.getElementById(FORM);
  const fields = [...(form?.elements ?? [])].filter((field) => field.name && field.type !== "hidden" && field.tagName !== "BUTTON");
  return new Map(fields.map((field) => [field.name, field.value]));
}

function isForm(event) {
  return event.detail.target?.id === FORM;
}

document.addEventListener("htmx:beforeRequest", (event) => { if (isForm(event)) sent = values(); });

document.addEventListener("htmx:beforeSwap", (event) => {
  if (isForm(event)) changed = new Map([...values()].filter(([name, value]) => sent.has(name) && sent.get(name) !== value));
});

// Only after settling do the new inputs send requests of their own.
document.addEventListener("htmx:afterSettle", () => {
  const form = document.getElementById(FORM);
  for (const [name, value] of changed) {
    const field = form?.elements.namedItem(name);
    if (field && field.value !== value) {
      field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
  changed = new Map();
});
