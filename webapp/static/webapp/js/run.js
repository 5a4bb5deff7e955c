// The page of a run: what the server sent, and then every event as it comes.
import { AxisChoice, X, Y, chartParts, placeOn } from "edgeloom/axes.js";
import { Chart } from "edgeloom/chart.js";
import { Heat } from "edgeloom/heat.js";
import { recalled, render as renderLedger } from "edgeloom/ledger.js";
import { Live } from "edgeloom/live.js";
import { Rounds } from "edgeloom/rounds.js";
import { pair, quantity, show, text } from "edgeloom/quantities.js";
import { RunStore } from "edgeloom/store.js";
import { Tracks } from "edgeloom/tracks.js";

const of = (id) => document.getElementById(id);
const data = JSON.parse(of("page-data").textContent);
const store = new RunStore(data.series);
store.lastSeq = data.after;

const UNITS = { accuracy: "%", time_s: "s", energy_j: "J", share_recalled: "%", divergence: "" };
const MOST_LINES = 200;
const LEAST_DONE = 3; // before that, starting up is most of the time and says nothing about the rest

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
  if (parts.has("log")) drawLog();
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

function drawLog() {
  const list = of("log");
  const known = new Set([...list.children].map((item) => Number(item.dataset.seq)));
  for (const { frame, text: words, level } of store.lines) {
    if (known.has(frame.seq)) continue;
    const item = document.createElement("li");
    item.dataset.seq = frame.seq;
    if (level === "warning") item.className = "warning";
    const time = document.createElement("time");
    time.dateTime = frame.at;
    time.textContent = frame.at.slice(11, 19);
    item.append(time, words);
    list.prepend(item);
  }
  while (list.children.length > MOST_LINES) list.lastElementChild.remove();
}

function onFrame(frame) {
  if (!store.apply(frame)) return;
  if (frame.kind === "ledger") rounds.ended(frame.body.round); // the last that a round says
  const parts = { metrics: ["curves"], clients: ["clients"], cohort: ["clients"], ledger: ["ledger"], log: ["log"], started: ["log"], finished: ["log", "curves"] };
  touch(...(parts[frame.kind] ?? []));
}

function onNotice({ kind, body }) {
  if (kind === "state" && body.state + body.wanted !== seenState) {
    seenState = body.state + body.wanted;
    document.body.dispatchEvent(new CustomEvent("edgeloom:state"));
  }
  if (kind !== "progress") return;
  const bar = of("progress"), words = of("progress-text");
  if (bar) { bar.max = body.total || 1; bar.value = body.done; }
  const left = body.done >= LEAST_DONE ? (body.host_time_s * (body.total - body.done)) / body.done : null;
  const rest = left !== null && body.done < body.total ? `, about ${text(left, "s")} left on this machine` : "";
  if (words && body.total) words.textContent = `${body.unit} ${body.done} of ${body.total}${rest}`;
}

function onStatus(state, words) {
  const badge = of("live");
  if (!badge || badge.textContent === words) return;
  badge.dataset.state = state;
  badge.textContent = words;
}

let seenState = data.state;
touch("curves");
new Live(data.run, data.after, { frame: onFrame, notice: onNotice, status: onStatus }, data.places);
