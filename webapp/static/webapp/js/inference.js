// The page of a distributed inference: its plans on the network, what losses of devices come to, curves as they come.
import { Chart } from "edgeloom/chart.js";
import { Live } from "edgeloom/live.js";
import { Losses, outcomeWords, remains } from "edgeloom/losses.js";
import { PlanView } from "edgeloom/planview.js";
import { text } from "edgeloom/quantities.js";
import { drawLog, noticeHandler, showStatus } from "edgeloom/runpage.js";
import { Stages } from "edgeloom/stages.js";
import { RunStore } from "edgeloom/store.js";

const CHOSEN = "chosen";
const RESULTS_MS = 500; // at most one question for the results so often
const TOLD = ["started", "plan", "contender", "requests", "failures", "filters", "exits", "finished"];
const COLORS = 6; // of lines
const LOSSES = { teacher_loss: "Network", students_loss: "Students", exits_loss: "Network with exits", bottleneck_loss: "Network with a bottleneck" };

const of = (id) => document.getElementById(id);
const data = JSON.parse(of("page-data").textContent);
const store = new RunStore(data.series);
store.lastSeq = data.after;
const stages = new Stages(data.reached);
const charts = [...document.querySelectorAll("[data-chart]")].map((card) => ({ card, name: card.dataset.chart, unit: card.dataset.unit, across: card.dataset.across }));
let told = {};
let view = null;
let losses = new Losses({});
let name = CHOSEN;
let lost = new Set();
let scheduled = false;
let asked = 0;

/** Take over what the server drew: at the start, and whenever it drew again. */
function mount() {
  told = JSON.parse(of("plan-data")?.textContent ?? "{}");
  losses = new Losses(told.failures ?? {});
  const root = document.querySelector("#plan [data-plan-view]");
  view = root ? new PlanView(of("plan"), told.places) : null;
  view?.addEventListener("press", ({ detail }) => { if (!lost.delete(detail)) lost.add(detail); showPlan(); });
  of("choose-plan")?.addEventListener("click", ({ target }) => {
    const wanted = target.closest("[data-plan]")?.dataset.plan;
    if (!wanted) return;
    name = wanted;
    lost.clear();
    showPlan();
  });
  of("plan-mend")?.addEventListener("click", () => { lost.clear(); showPlan(); document.querySelector("#plan .plan-devices input")?.focus(); });
  showPlan();
  touch();
}

function showPlan() {
  const plan = told.plans?.[name] ?? told.plans?.[CHOSEN];
  if (!view || !plan) return;
  for (const button of document.querySelectorAll("#choose-plan [data-plan]")) button.setAttribute("aria-pressed", String(button.dataset.plan === name));
  const isOurs = name === CHOSEN, loss = isOurs && lost.size ? losses.of(lost) : null;
  of("plan-mend").hidden = !lost.size;
  of("plan-how").textContent = `${told.titles[name] ?? name}: ${plan.explanation}. One answer takes ${text(plan.latency_s, "s")} and ${text(plan.energy_j, "J")} in all.`;
  view.show(loss ? remains(plan, loss) : plan, { lost: [...lost], pressable: isOurs ? losses.devices : [] });
  of("plan-said").replaceChildren(...said(plan, isOurs, loss));
}

/** What the loss of the chosen devices comes to, in words. */
function said(plan, isOurs, loss) {
  if (!isOurs) return ["Losses are tried of the plan that is carried out."];
  if (!losses.devices.length) return [losses.tried ? "No device of this plan can be lost: it computes only where the question arises." : ""];
  if (!lost.size) return ["Click a device of the plan, or tick its box, to take it away."];
  const names = [...lost].sort((one, other) => one - other).map((device) => view.title(device)).join(" and ");
  if (!loss) return [`Without ${names}: ${losses.whyNot()[0].toLowerCase()}${losses.whyNot().slice(1)}`];
  const before = losses.of([])?.accuracy ?? told.accuracy[CHOSEN];
  const points = ((loss.accuracy - before) * 100).toFixed(1).replace("-", "\u2212");
  const change = Number.parseFloat(points.replace("\u2212", "-")) === 0 ? "as before" : `${points} points`;
  const strong = Object.assign(document.createElement("strong"), { textContent: `accuracy ${text(loss.accuracy, "%")} (${change})` });
  const times = loss.latency_s === null ? "" : `, an answer takes ${text(loss.latency_s, "s")}, the first one ${text(loss.first_s, "s")}`;
  const moved = loss.moved_bytes ? `, ${text(loss.moved_bytes, "B")} of weights move` : "";
  return [`Without ${names}: `, strong, `${times}${moved}; ${outcomeWords(loss.outcome)}.`];
}

function touch() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => { scheduled = false; draw(); });
}

/** What each chart draws. */
const LINES = {
  losses: () => {
    const curve = told.failures?.curve ?? [];
    if (curve.length < 2) return [];
    const x = curve.map((row) => row.num_lost), of = (key) => curve.map((row) => row[key]);
    return [line("Mean", 1, x, of("mean_accuracy")), line("Worst", 2, x, of("least_accuracy")), line("Share of losses with an answer", 6, x, of("share_answered"))];
  },
  exits: () => {
    const { thresholds = [], accuracy = [], titles = [], rates = [] } = told.exits ?? {};
    const shares = rates.map((rate, exit) => line(`Answered by ${titles[exit]}`, (exit + 1) % COLORS + 1, thresholds, rate));
    return [line("Right answers", 1, thresholds, accuracy), ...shares];
  },
  saved: () => {
    const { thresholds = [], saved_latency: latency = [], saved_energy: energy = [] } = told.exits ?? {};
    return [["Latency", 1, latency], ["Energy", 3, energy]].filter(([, , y]) => y.every((share) => share !== null)).map(([label, color, y]) => line(label, color, thresholds, y));
  },
  waits: () => {
    const { percents = [], seconds = [] } = told.requests ?? {};
    return [line("Answered within", 1, percents.map((percent) => percent / 100), seconds)];
  },
  queue: () => {
    const { moments = [], under_way: count = [] } = told.requests ?? {};
    return [line("Under way", 1, moments, count)];
  },
  loss: () => {
    const steps = store.steps();
    return Object.entries(LOSSES).map(([metric, label], place) => {
      const x = steps.filter((step) => Number.isFinite(store.rounds.get(step)[metric]));
      return line(label, place + 1, x, x.map((step) => store.rounds.get(step)[metric]));
    });
  },
};
const X_UNITS = { waits: "%", queue: "s" };

function draw() {
  for (const chart of charts) {
    const lines = LINES[chart.name]().filter(({ x }) => x.length);
    if (!lines.length) continue;
    chart.card.hidden = false;
    chart.drawn ??= new Chart(Object.fromEntries(["frame", "readout", "legend", "twin", "fold"].map((part) => [part, chart.card.querySelector(`[data-part="${part}"]`)])));
    chart.drawn.show(lines, { x: { title: chart.across, unit: X_UNITS[chart.name] ?? "" }, y: { title: chart.card.querySelector("h2").textContent, unit: chart.unit } });
  }
  drawLog(store.lines);
}

function line(label, color, x, y) {
  const none = x.map(() => null);
  return { label, color, x, y, low: none, high: none, n: x.map(() => 1) };
}

/** Tables and plans are the server's: one question for all that changed lately. */
function askForResults() {
  if (asked) return;
  asked = setTimeout(() => { asked = 0; document.body.dispatchEvent(new CustomEvent("edgeloom:results")); }, RESULTS_MS);
}

function onFrame(frame) {
  if (!store.apply(frame)) return;
  if (frame.kind === "metrics") stages.advance(frame.body);
  if (TOLD.includes(frame.kind)) askForResults();
  touch();
}

document.body.addEventListener("edgeloom:state", askForResults); // the result is stored a moment after the last event
document.body.addEventListener("htmx:afterSettle", ({ target }) => { if (target.id === "results") mount(); });
mount();
new Live(data.run, data.after, { frame: onFrame, notice: noticeHandler(data.state), status: showStatus }, data.places);
