// The page of an experiment: curves with a band over seeds, fed by the sockets of the runs that work right now.
import { AxisChoice, X, Y, chartParts, placeOn } from "edgeloom/axes.js";
import { Chart } from "edgeloom/chart.js";
import { Live } from "edgeloom/live.js";
import { meanLine } from "edgeloom/overseeds.js";
import { RunStore } from "edgeloom/store.js";

const MOST_SOCKETS = 8;
const data = JSON.parse(document.getElementById("page-data").textContent);
const stores = new Map();
const states = new Map();
const lives = new Map();
for (const cell of data.cells) {
  for (const run of cell.runs) {
    const store = new RunStore(run.series);
    store.lastSeq = run.last_seq;
    stores.set(run.id, store);
    states.set(run.id, run.state);
  }
}

const chart = new Chart(chartParts());
const axes = new AxisChoice(draw);
axes.preferKnown((metric) => [...stores.values()].some((store) => store.steps().some((step) => Number.isFinite(store.rounds.get(step)[metric]))));
let scheduled = false;

function touch() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; draw(); });
}

function pointsOf(run) {
  const store = stores.get(run.id);
  const points = { x: [], y: [], isDone: states.get(run.id) === "done" || store.finished !== null };
  for (const round of store.steps()) {
    const values = store.rounds.get(round);
    const place = placeOn(axes.x, round, values);
    if (!Number.isFinite(values[axes.y]) || place === null) continue;
    points.x.push(place);
    points.y.push(values[axes.y]);
  }
  return points;
}

function lineOf(cell) {
  return { label: cell.label, color: cell.color, ...meanLine(cell.runs.map(pointsOf)) };
}

function draw() {
  chart.show(data.cells.map(lineOf), { x: X[axes.x], y: Y[axes.y] });
}

function status(state, words) {
  const badge = document.getElementById("live");
  if (!badge) return;
  badge.dataset.state = state;
  badge.textContent = words;
}

/** Listen to the runs that work now; those that ended keep what they said. */
function listen() {
  const summary = document.getElementById("summary");
  const running = new Set(summary.dataset.running.split(" ").filter(Boolean));
  for (const [run, live] of lives) if (!running.has(run)) { settle(run, live); }
  for (const run of running) {
    if (lives.has(run) || lives.size >= MOST_SOCKETS) continue;
    const store = stores.get(run);
    lives.set(run, new Live(run, store.lastSeq, {
      frame: (frame) => { if (store.apply(frame) && frame.kind === "metrics") touch(); },
      notice: () => {},
      status,
    }, data.places?.[run]));
  }
  if (summary.dataset.live === "no" || !running.size) refresh();
}

function settle(run, live) {
  lives.delete(run);
  live.close();
}

/** Runs that were too short to be listened to, or ended between two looks, come by one request. */
async function refresh() {
  const answer = await fetch(data.series_place ?? `/experiments/${data.experiment}/series`, { headers: { accept: "application/json" } });
  if (!answer.ok) return;
  for (const cell of (await answer.json()).cells) {
    for (const run of cell.runs) {
      states.set(run.id, run.state);
      const store = new RunStore(run.series);
      store.lastSeq = Math.max(run.last_seq, stores.get(run.id)?.lastSeq ?? 0);
      if (!lives.has(run.id)) stores.set(run.id, store);
    }
  }
  touch();
}

// The matrix of runs is drawn anew with each look; it stays where it was scrolled to.
let scrolled = 0;
document.body.addEventListener("htmx:oobBeforeSwap", () => { scrolled = document.getElementById("matrix").scrollLeft; });
document.body.addEventListener("htmx:oobAfterSwap", () => { document.getElementById("matrix").scrollLeft = scrolled; });

document.body.addEventListener("htmx:afterSwap", listen);
draw();
if (document.getElementById("summary").dataset.live === "yes") listen();
