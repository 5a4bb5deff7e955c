// What has the focus stays in sight. A part that the server draws may be higher than what it replaces, and pushes away
// what lies below it; charts and pictures in it may do so once more a moment later.

const LATE_MS = 2000; // how long after a swap what it brought may go on changing the height of the page
const FRESH_MS = 500; // how long the browser may take to scroll to what has just got the focus

let held = null; // {element, top} that is to stay in sight
let until = 0;
let focused = 0;

function isInSight(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

function hold() {
  const element = document.activeElement;
  const has = element && element !== document.body && (Date.now() - focused < FRESH_MS || isInSight(element));
  held = has ? { element, top: element.getBoundingClientRect().top } : null;
}

/** Whether this is what had the focus, or what took its place when it was drawn anew. */
function isHeld(element) {
  return held !== null && (element === held.element || (element.id !== "" && element.id === held.element.id));
}

function keep() {
  const element = document.activeElement;
  if (Date.now() > until || !isHeld(element)) return;
  const { top, height } = element.getBoundingClientRect();
  const wasMoved = Math.abs(top - held.top) >= 1, isLong = height > innerHeight / 2;
  if (wasMoved && !(isLong && isInSight(element))) element.scrollIntoView({ block: "nearest", inline: "nearest", behavior: "instant" });
  hold();
}

document.addEventListener("htmx:beforeSwap", (event) => {
  if (!event.detail.shouldSwap) return;
  until = Date.now() + LATE_MS;
  hold();
});
document.addEventListener("htmx:afterSettle", keep);
new ResizeObserver(keep).observe(document.body);

// Who scrolls or goes on knows where they want to be.
for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  document.addEventListener(name, () => { held = null; }, { capture: true, passive: true });
}
document.addEventListener("focusin", ({ target }) => {
  focused = Date.now();
  if (focused < until && !isHeld(target)) hold();
});
