// Nothing typed is lost: what changes while the server draws the form anew is put into the new form. One such request
// runs at a time; a choice made meanwhile sends the next one, and buttons wait.

const FORM = "spec-form";
let sent = new Map();
let changed = new Map();
let pressed = null;
let anchor = null;

function values() {
  const form = document.getElementById(FORM);
  const fields = [...(form?.elements ?? [])].filter((field) => field.name && field.type !== "hidden" && field.tagName !== "BUTTON");
  return new Map(fields.map((field) => [field.name, field.value]));
}

function isForm(event) {
  return event.detail.target?.id === FORM;
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (!isForm(event)) return;
  sent = values();
  pressed = event.detail.elt.tagName === "BUTTON" ? event.detail.elt.value : null;
});

document.addEventListener("htmx:beforeSwap", (event) => {
  if (!isForm(event)) return;
  const there = document.activeElement.id ? document.activeElement : event.detail.requestConfig.elt;
  anchor = { id: there.id, top: there.getBoundingClientRect().top, y: window.scrollY };
  changed = new Map([...values()].filter(([name, value]) => sent.has(name) && sent.get(name) !== value));
});

// While the old form is gone the page is short. What the hands are at comes back to where it was on the screen.
document.addEventListener("htmx:afterSwap", (event) => {
  if (!anchor || event.target.id !== FORM) return;
  const there = document.getElementById(anchor.id);
  const top = there ? window.scrollY + there.getBoundingClientRect().top - anchor.top : anchor.y;
  window.scrollTo({ top, behavior: "instant" });
  anchor = null;
});

// Only after settling do the new inputs send requests of their own.
document.addEventListener("htmx:afterSettle", (event) => {
  const form = event.target;
  if (form.id !== FORM) return;
  for (const [name, value] of changed) {
    const field = form.elements.namedItem(name);
    if (field && field.value !== value) {
      field.value = value;
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
  changed = new Map();
});

// The pressed button has gone with the old form. Who works by keyboard goes on at what it made, or where it was.
document.addEventListener("htmx:afterSettle", (event) => {
  const form = event.target, value = pressed;
  if (form.id !== FORM) return;
  pressed = null;
  if (value === null || document.activeElement !== document.body) return;
  const button = (wanted) => [...form.querySelectorAll("button[name=_edit]")].find((one) => one.value === wanted);
  const firstField = (part) => part?.querySelector("input:not([type=hidden]), select, textarea");
  const [action, key] = [value.slice(0, value.indexOf(":")), value.slice(value.indexOf(":") + 1)];
  const list = key.replace(/\.\d+(@key)?$/, "");
  const places = {
    add: () => firstField([...button(value).parentElement.querySelectorAll(":scope > .items > *, :scope > .item, :scope > .pair")].at(-1)),
    set: () => firstField(button(`unset:${key}`)?.closest(".group")?.querySelector(".row-fields")) ?? button(`unset:${key}`),
    unset: () => button(`set:${key}`),
    remove: () => button(value) ?? button(`add:${list}`),
  };
  (places[action]?.() ?? button(value) ?? form.querySelector("h1"))?.focus();
});

// By keyboard a list changes with every key. What hangs on it waits for a pause, or until the focus goes on.
const PAUSE_MS = 700;
let lastKey = 0;
let told = 0;

document.addEventListener("keydown", (event) => { if (event.target.tagName === "SELECT" && event.key !== "Enter") lastKey = Date.now(); }, true);

document.addEventListener("change", (event) => {
  const list = event.target;
  if (list.tagName !== "SELECT" || !event.isTrusted || Date.now() - lastKey > PAUSE_MS) return;
  event.stopImmediatePropagation();
  const tell = () => {
    clearTimeout(told);
    list.removeEventListener("blur", tell);
    if (list.isConnected) list.dispatchEvent(new Event("change", { bubbles: true }));
  };
  clearTimeout(told);
  told = setTimeout(tell, PAUSE_MS);
  list.addEventListener("blur", tell, { once: true });
}, true);

// A list may stand on another choice than the page came with: it was changed before anything listened, or the browser put
// back what was there before. What hangs on it follows.
document.addEventListener("htmx:load", (event) => {
  if (event.detail.elt !== document.body) return;
  for (const list of document.querySelectorAll(`#${FORM} select[hx-trigger="change"]`)) {
    const given = list.querySelector("option[selected]") ?? list.options[0];
    if (given.value === list.value) continue;
    list.dispatchEvent(new Event("change", { bubbles: true }));
    return;  // the request takes the whole form along
  }
});
