// What if: sliders and choices are sent to REST, and the answer stands beside what the run cost.
import { COLORS, ORDER, WORDS, chip } from "edgeloom/ledger.js";
import { DASH, text } from "edgeloom/quantities.js";
import { cells } from "edgeloom/tables.js";

const SVG = "http://www.w3.org/2000/svg";
const WAIT_MS = 90;
const TOTALS = [
  ["time_s", "Simulated time", "s"], ["energy_j", "Energy of devices", "J"], ["network_energy_j", "Energy of the network", "J"],
  ["device_time_s", "Busy time of devices", "s"], ["bytes_up", "Sent up", "B"], ["bytes_down", "Sent down", "B"],
  ["wire_bytes", "On the wire", "B"], ["share_recalled", "Rests on recalled figures", "%"],
];
const ROUNDS = [["median_s", "Median round", "s"], ["p95_s", "95th percentile of rounds", "s"], ["max_s", "Longest round", "s"]];

const of = (id) => document.getElementById(id);

class WhatIf {
  constructor(form) {
    this.form = form;
    this.data = JSON.parse(of("what-if-data").textContent);
    form.addEventListener("input", () => this.#changed(WAIT_MS));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => this.#changed(0)));
    of("what-if-save")?.addEventListener("submit", (event) => this.#save(event));
    this.#changed(0);
  }

  /** What is otherwise, as the body of the request. */
  change() {
    const body = {}, factor = (input) => this.data.factors[Number(input.value)];
    const set = (field, key, value) => { (body[field] ??= {})[key] = value; };
    for (const input of this.form.elements) {
      if (input.name === "bandwidth" || input.name === "latency") { if (factor(input) !== 1) body[input.name] = factor(input); }
      else if (input.name === "loss") { const loss = this.data.losses[Number(input.value)]; if (loss !== null) body.loss = loss; }
      else if (input.name === "speed") { if (factor(input) !== 1) set("speed", input.dataset.group, factor(input)); }
      else if (input.name === "device") { if (input.value) set("devices", input.dataset.group, input.value); }
      else if (input.name === "backhaul") { if (input.checked) body.backhaul = true; }
      else if (input.name === "network" && input.value) {
        const [sort, id] = [input.value.slice(0, input.value.indexOf(":")), input.value.slice(input.value.indexOf(":") + 1)];
        if (sort === "saved") body.network = { saved: id };
        else body.links = { default: id };
      }
    }
    return body;
  }

  #changed(wait) {
    this.#label();
    const body = this.change();
    of("what-if-curl").textContent = `curl -sSf -H "Authorization: Bearer $EDGELOOM_TOKEN" -H "Content-Type: application/json" \\\n  -d '${JSON.stringify(body).replaceAll("'", "'\\''")}' "${this.data.address}"`;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#ask(body), wait);
  }

  /** Says beside each slider, and to screen readers, where it stands. */
  #label() {
    for (const input of this.form.querySelectorAll("input[type=range]")) {
      const loss = this.data.losses[Number(input.value)], factor = this.data.factors[Number(input.value)];
      const words = input.name === "loss" ? (loss === null ? "as it ran" : text(loss, "%")) : factor === 1 ? "as it ran" : `× ${factor}`;
      of(`${input.id}-out`).textContent = words;
      input.setAttribute("aria-valuetext", words);
    }
  }

  async #ask(body) {
    this.asked?.abort();
    this.asked = new AbortController();
    try {
      const answer = await fetch(this.data.place, { ...request(body), signal: this.asked.signal });
      const found = await answer.json();
      if (answer.ok) this.#show(found);
      else this.#refuse(found.errors?.length ? found.errors : [{ path: "", message: found.detail }]);
    } catch (error) {
      if (error.name === "AbortError") return; // the sliders have moved on
      if (!(error instanceof TypeError)) throw error; // fetch reports an unreachable server as a TypeError
      this.#refuse([{ path: "", message: "The server does not answer." }]);
    }
  }

  #refuse(problems) {
    of("what-if-said").textContent = "Not possible:";
    of("what-if-problems").hidden = false;
    of("what-if-problems").replaceChildren(...problems.map(({ path, message }) => {
      const item = document.createElement("li");
      item.textContent = path ? `${path}: ${message}` : message;
      return item;
    }));
  }

  #show({ before, after }) {
    of("what-if-problems").hidden = true;
    const [was, is] = [before.totals, after.totals];
    const same = Object.keys(this.change()).length === 0;
    of("what-if-said").textContent = same
      ? `As it ran: ${text(was.time_s, "s")} and ${text(was.energy_j, "J")} of the devices. Move a slider.`
      : `Simulated time ${text(was.time_s, "s")} → ${text(is.time_s, "s")} (${ratio(was.time_s, is.time_s)}), energy ${text(was.energy_j, "J")} → ${text(is.energy_j, "J")} (${ratio(was.energy_j, is.energy_j)}).`;
    const rows = [
      ...TOTALS.map(([name, title, unit]) => [title, was[name], is[name], unit]),
      ...ROUNDS.map(([name, title, unit]) => [title, before.rounds[name], after.rounds[name], unit]),
    ];
    fill("what-if-totals", rows.map(([title, one, other, unit]) => [title, text(one, unit), text(other, unit), ratio(one, other)]), 1);
    const phases = [phasesOf(before), phasesOf(after)];
    of("what-if-bars").replaceChildren(
      bars("Time of all devices by phase", phases, "time_s", "s"), bars("Energy of all devices by phase", phases, "energy_j", "J"),
    );
    const used = ORDER.filter((phase) => phases.some((found) => found.has(phase)));
    of("what-if-legend").replaceChildren(...used.map((phase) => { const item = document.createElement("span"); item.append(chip(phase), WORDS[phase] ?? phase); return item; }));
    const key = ({ group, phase }) => `${group}\n${phase}`;
    fill("what-if-groups", paired(before.groups, after.groups, key).map(([one, other]) => [
      (one ?? other).group, WORDS[(one ?? other).phase] ?? (one ?? other).phase, amount(one, "time_s", "s"), amount(other, "time_s", "s"), amount(one, "energy_j", "J"), amount(other, "energy_j", "J"),
    ]), 2);
    const served = (sheet) => sheet.links.flatMap((row) => row.serves.map((serves) => ({ ...row, serves })));
    fill("what-if-links", paired(served(before), served(after), ({ serves, direction }) => `${serves}\n${direction}`).map(([one, other]) => [
      (one ?? other).serves, one && other && one.link !== other.link ? `${one.link} → ${other.link}` : (one ?? other).link, (one ?? other).direction,
      amount(one, "time_s", "s"), amount(other, "time_s", "s"), amount(one, "wire_bytes", "B"), amount(other, "wire_bytes", "B"),
    ]), 3);
    this.answer = true;
  }

  async #save(event) {
    event.preventDefault();
    const family = event.submitter.value, said = of("what-if-saved");
    const costed = await fetch(this.data.place, request(this.change()));
    if (!costed.ok) { said.textContent = "Only what can be costed is kept."; return; }
    const found = await costed.json();
    const answer = await fetch(`/api/v1/${family}`, request({ name: of("what-if-name").value, body: family === "fleets" ? found.fleet : found.network }));
    const made = await answer.json();
    if (!answer.ok) { said.textContent = made.errors?.map(({ message }) => message).join(" ") || made.detail; return; }
    const link = document.createElement("a");
    link.href = `${this.data[family]}${made.id}/`;
    link.textContent = made.name;
    said.replaceChildren("Saved: ", link);
  }
}

function request(body) {
  const token = JSON.parse(document.body.getAttribute("hx-headers"))["x-csrftoken"];
  return { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json", "x-csrftoken": token } };
}

function ratio(one, other) {
  if (!(one > 0) || !Number.isFinite(other)) return DASH;
  return `× ${text(other / one)}`;
}

function amount(row, name, unit) {
  return row ? text(row[name], unit) : DASH;
}

/** Rows of two lists with the same key, side by side; undefined where one has none. */
function paired(before, after, key) {
  const rows = new Map(before.map((row) => [key(row), [row, undefined]]));
  for (const row of after) rows.set(key(row), [rows.get(key(row))?.[0], row]);
  return [...rows.values()];
}

function fill(id, rows, words) {
  const body = document.createElement("tbody");
  for (const values of rows) {
    const row = cells(body.insertRow(), "td", values, false);
    [...row.cells].forEach((cell, place) => { if (place >= words) cell.className = "n"; });
  }
  of(id).tBodies[0].replaceWith(body);
}

function phasesOf(sheet) {
  const sums = new Map();
  for (const row of sheet.groups) {
    const entry = sums.get(row.phase) ?? { time_s: 0, energy_j: 0 };
    sums.set(row.phase, { time_s: entry.time_s + row.time_s, energy_j: entry.energy_j + row.energy_j });
  }
  return sums;
}

/** Two bars on one scale, their parts told by color and order; the tables below say the same in numbers. */
function bars(title, phases, name, unit) {
  const sums = phases.map((found) => [...found.values()].reduce((all, entry) => all + entry[name], 0));
  const most = Math.max(...sums) || 1;
  const box = document.createElement("div");
  box.className = "two-bars";
  const head = document.createElement("h3");
  head.textContent = title;
  box.append(head);
  phases.forEach((found, place) => {
    const word = document.createElement("span"), number = document.createElement("span");
    word.textContent = place ? "What if" : "As it ran";
    number.className = "n";
    number.textContent = text(sums[place], unit);
    box.append(word, bar(found, name, most), number);
  });
  return box;
}

function bar(found, name, most) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ class: "bar", viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" })) svg.setAttribute(key, value);
  let x = 0;
  for (const phase of ORDER.filter((one) => found.has(one))) {
    const rect = document.createElementNS(SVG, "rect"), width = (100 * found.get(phase)[name]) / most;
    for (const [key, value] of Object.entries({ x, y: 0, width, height: 14, class: COLORS[phase] })) rect.setAttribute(key, value);
    svg.append(rect);
    x += width;
  }
  return svg;
}

function start() {
  const form = of("what-if-form");
  if (!form || form.dataset.started) return;
  form.dataset.started = "yes";
  for (const hidden of of("what-if").querySelectorAll("[data-needs-script]")) hidden.hidden = false;
  new WhatIf(form);
}

start();
document.body.addEventListener("htmx:load", start);
