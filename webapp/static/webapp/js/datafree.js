// The page of a data-free run: stages, images and charts as they come; tables are asked for again when one changes.
import { Chart } from "edgeloom/chart.js";
import { Gallery } from "edgeloom/gallery.js";
import { Live } from "edgeloom/live.js";
import { drawLog, noticeHandler, showStatus } from "edgeloom/runpage.js";
import { Stages } from "edgeloom/stages.js";
import { RunStore } from "edgeloom/store.js";

const of = (id) => document.getElementById(id);
const data = JSON.parse(of("page-data").textContent);
const store = new RunStore(data.series);
store.lastSeq = data.after;
const RESULTS_MS = 500; // at most one question for the tables so often

const SURE = { teacher_confidence: "Teacher's confidence", teacher_agreement: "Teacher sees the wanted class", verifier_accuracy: "Verifier sees the wanted class" };
const TERMS = { tv: "Total variation", l2: "Squared pixels (L2)", match: "Match of activations", batch_norm: "BatchNorm statistics", soft_targets: "Soft targets", cross_entropy: "Cross-entropy", one_hot: "One-hot", loss: "Sum" };
const words = (name) => TERMS[name] ?? plain(name);
const plain = (name) => { const text = name.replaceAll("_", " "); return text[0].toUpperCase() + text.slice(1); };

/** Which metrics a chart draws: [metric, label] pairs, found among the names that the run has. */
const LINES = {
  terms: (names) => names.filter((name) => name.startsWith("synthesis_")).map((name) => [name, words(name.slice("synthesis_".length))]),
  sure: (names) => Object.entries(SURE).filter(([name]) => names.includes(name)),
  loss: (names) => names.filter((name) => name.startsWith("distillation_")).map((name) => [name, words(name.slice("distillation_".length))]),
};

const gallery = new Gallery(data.sheet_place, data.classes);
const charts = [...document.querySelectorAll("[data-chart]")].map((card) => ({ card, name: card.dataset.chart, unit: card.dataset.unit }));
let scheduled = false;
let asked = 0;

function touch() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; draw(); });
}

function draw() {
  const names = [...new Set(store.steps().flatMap((step) => Object.keys(store.rounds.get(step))))].sort();
  for (const chart of charts) {
    const lines = chart.name === "learning" ? learningLines() : LINES[chart.name](names).map(([metric, label], place) => lineOf(metric, label, (place % 6) + 1)).filter(({ x }) => x.length);
    if (!lines.length) continue;
    chart.card.hidden = false;
    chart.drawn ??= new Chart(Object.fromEntries(["frame", "readout", "legend", "twin", "fold"].map((part) => [part, chart.card.querySelector(`[data-part="${part}"]`)])));
    chart.drawn.show(lines, { x: { title: chart.name === "learning" ? "Step of its own" : "Step", unit: "" }, y: { title: chart.card.querySelector("h2").textContent, unit: chart.unit } });
  }
  drawLog(store.lines);
}

function lineOf(metric, label, color) {
  const x = [], y = [];
  for (const step of store.steps()) {
    const value = store.rounds.get(step)[metric];
    if (value === undefined || value === null) continue;
    x.push(step);
    y.push(value);
  }
  return line(label, color, x, y);
}

function line(label, color, x, y, dash = color) {
  const none = x.map(() => null);
  return { label, color, dash, x, y, low: none, high: none, n: x.map(() => 1) };
}

/** Each model by the steps that it has learned itself, whenever in the run that was; colors as in the tables. Where
 * colors come round again, dashes differ. */
function learningLines() {
  const order = Object.keys(data.titles);
  const place = (name) => Math.max(0, order.indexOf(name));
  return Object.entries(data.learning).sort(([one], [other]) => order.indexOf(one) - order.indexOf(other)).map(([name, { x, y }]) => line(data.titles[name] ?? words(name), (place(name) % 6) + 1, x, y, ((place(name) + 4 * Math.floor(place(name) / 6)) % 6) + 1));
}

const stages = new Stages(data.reached);

function advance(body) {
  const done = stages.advance(body), value = body.values[`${body.stage}_accuracy`];
  if (done === null || value === undefined) return;
  const learned = (data.learning[body.stage] ??= { x: [], y: [] });
  if (done > (learned.x.at(-1) ?? 0)) { learned.x.push(done); learned.y.push(value); }
}

/** The tables are the server's: one question for all that changed lately. */
function askForResults() {
  if (asked) return;
  asked = setTimeout(() => { asked = 0; document.body.dispatchEvent(new CustomEvent("edgeloom:results")); }, RESULTS_MS);
}

function onFrame(frame) {
  if (!store.apply(frame)) return;
  if (frame.kind === "metrics") advance(frame.body);
  if (frame.kind === "image" && frame.body.png) gallery.add([{ ...frame.body, seq: frame.seq }]);
  if (frame.kind === "started") {
    data.classes.push(...(data.classes.length ? [] : frame.body.classes ?? []));
    for (const { name, title } of frame.body.contenders ?? []) data.titles[name] = title;
  }
  if (["started", "contender", "export", "audit", "finished"].includes(frame.kind)) askForResults();
  touch();
}

// What the run ends with is stored a moment after its last event.
document.body.addEventListener("edgeloom:state", askForResults);
gallery.add(data.sheets);
draw();
new Live(data.run, data.after, { frame: onFrame, notice: noticeHandler(data.state), status: showStatus }, data.places);
