import "edgeloom/forms.js";
import "edgeloom/sight.js";

// What every page needs: theme, menus, keys. Everything here is a comfort; the pages work without it.

import { compareSelected, toggle } from "edgeloom/selection.js";

const SECTIONS = { h: "/", e: "/experiments/", r: "/runs/", c: "/compare", f: "/fleets/", n: "/networks/", t: "/tasks/" };
const YEAR_S = 31536000;

for (const element of document.querySelectorAll("[data-needs-script]")) element.hidden = false;

function chooseTheme(name) {
  document.cookie = `theme=${name}; path=/; max-age=${YEAR_S}; samesite=lax`;
  if (name === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = name;
  for (const button of document.querySelectorAll("[data-theme-choice]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === name));
  }
  document.dispatchEvent(new CustomEvent("edgeloom:theme"));
}

function closeMenus(but = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (menu.contains(but)) continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

// An open menu lies over the page: it goes when the focus goes elsewhere.
document.addEventListener("focusin", (event) => closeMenus(event.target));

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-theme-choice], [data-open], [data-copy]");
  closeMenus(event.target);
  if (!target) return;
  if (target.dataset.themeChoice) chooseTheme(target.dataset.themeChoice);
  if (target.dataset.open) document.getElementById(target.dataset.open).showModal();
  if (target.dataset.copy) copy(target);
});

async function copy(button) {
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = before; }, 1500);
}

function rows() {
  return [...document.querySelectorAll(".list tbody tr")].filter((row) => row.querySelector("a.row"));
}

function currentRow() {
  return rows().find((row) => row.getAttribute("aria-selected") === "true" || row.contains(document.activeElement));
}

function moveRow(step) {
  const all = rows();
  if (!all.length) return;
  const now = all.indexOf(currentRow());
  const next = all[Math.max(0, Math.min(all.length - 1, now + step))];
  next.querySelector("a.row").focus();
}

let pendingGo = 0;

function isTyping(target) {
  return target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    const form = event.target.closest("form");
    const main = form?.querySelector("[data-main-action]");
    if (main) { event.preventDefault(); form.requestSubmit(main); }
    return;
  }
  if (event.key === "Escape") closeMenus();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (Date.now() < pendingGo && SECTIONS[event.key]) { location.assign(SECTIONS[event.key]); return; }
  const actions = {
    j: () => moveRow(1),
    k: () => moveRow(-1),
    g: () => { pendingGo = Date.now() + 1200; },
    "/": () => document.querySelector("input[type=search]")?.focus(),
    "?": () => document.getElementById("keys").showModal(),
    x: () => toggle(currentRow()),
    c: () => { const link = document.querySelector("[data-create]"); if (!compareSelected() && link) location.assign(link.href); },
  };
  if (actions[event.key]) { event.preventDefault(); actions[event.key](); }
});
