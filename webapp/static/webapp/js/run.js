// The page of a run: what the server sent, and then every event as it comes.
import { AxisChoice, X, Y, chartParts, placeOn } from "edgeloom/axes.js";
import { Chart } from "edgeloom/chart.js";
import { Heat } from "edgeloom/heat.js";
import { recalled, render as renderLedger } from "edgeloom/ledger.js";
import { Live } from "edgeloom/live.js";
import { Rounds } from "edgeloom/rounds.js";
import { pair, quantity, show, text } from "edgeloom/quantities.js";
import { drawLog, noticeHandler, showStatus } from "edgeloom/runpage.js";
import { RunStore } from "edgeloom/store.js";
import { Tracks } from "edgeloom/tracks.js";

const of = (id) => document.getElementById(id);
const data = JSON.parse(of("page-data").textContent);
const store = new RunStore(data.series);
store.lastSeq = data.after;

const UNITS = { accuracy: "%", time_s: "s", energy_j: "J", share_recalled: "%", divergence: "" };

function nameOf(id) {
  const group = data.groups.find(({ start, count }) => id >= start && id < start + count);
  return group ? `${group.name} ${id}` : `device ${id}`;
}

const chart = new Chart(chartParts());
const axes = new AxisChoice(drawCurves);
const rounds = new Rounds();
const heat = new Heat({ canvas: of("heat"), readout: of("heat-readout"), fold: of("heat-fold"), twin: of("heat-twin"), choice: of("choose-heat"), note: of("heat-note") }, nameOf);
const tracks = new Tracks(data.tracks);
let dirty = new Set(["curves"]);
let scheduled = false;

function touch(...parts) {
  parts.forEach((part) => dirty.add(part));
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(redraw);
}

function redraw() {
  scheduled = false;
  const parts = dirty;
  dirty = new Set();
  if (parts.has("curves")) drawCurves();
  if (parts.has("curves")) tracks.draw(store, store.facts ?? data.facts);
  if (parts.has("curves") || parts.has("ledger")) drawFigures();
  if (parts.has("ledger")) renderLedger(store.ledgers, { table: of("ledger"), note: of("ledger-note"), legend: of("ledger-legend"), links: of("links"), groups: data.groups });
  if (parts.has("clients")) heat.set(store);
  if (parts.has("log")) drawLog(store.lines);
}

function drawCurves() {
  const points = store.steps().map((round) => [round, store.rounds.get(round)]).filter(([, values]) => values[axes.y] !== undefined && values[axes.y] !== null);
  const placed = points.map(([round, values]) => [placeOn(axes.x, round, values), values[axes.y]]).filter(([x]) => x !== null);
  const none = placed.map(() => null);
  const line = { label: `${Y[axes.y].title}, seed ${data.seed}`, color: 1, x: placed.map(([x]) => x), y: placed.map(([, y]) => y), low: none, high: none, n: placed.map(() => 1) };
  chart.show([line], { x: X[axes.x], y: Y[axes.y] });
}

function drawFigures() {
  for (const element of document.querySelectorAll("[data-kpi]")) {
    const name = element.dataset.kpi;
    const value = name === "share_recalled" ? recalled(store.ledgers) : store.finished?.metrics?.[name] ?? store.last(name);
    if (name === "bytes") {
      if (store.last("bytes_up") !== null) show(element, pair(store.last("bytes_up"), store.last("bytes_down"), "B"));
    } else if (value !== null && value !== undefined) show(element, quantity(value, UNITS[name]));
    const note = document.querySelector(`[data-kpi-note="${name}"]`);
    const rounds = store.steps().at(-1);
    if ((name === "time_s" || name === "energy_j") && rounds && value) note.textContent = `${text(value / rounds, UNITS[name])} a round`;
  }
}

function onFrame(frame) {
  if (!store.apply(frame)) return;
  if (frame.kind === "ledger") rounds.ended(frame.body.round); // the last that a round says
  const parts = { metrics: ["curves"], clients: ["clients"], cohort: ["clients"], ledger: ["ledger"], log: ["log"], started: ["log"], finished: ["log", "curves"] };
  touch(...(parts[frame.kind] ?? []));
}

touch("curves");
new Live(data.run, data.after, { frame: onFrame, notice: noticeHandler(data.state), status: showStatus }, data.places);
