// Class maps of previews: clients across, classes down, samples of each client below; read by pointer or arrow keys.
import { faded, token } from "edgeloom/colors.js";

const STEPS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
const LEFT = 62, FOOT = 18, BARS = 40, GAP = 6;

class ClassMap {
  constructor(canvas) {
    this.canvas = canvas;
    const figure = canvas.closest("figure");
    this.data = JSON.parse(figure.querySelector("script[type='application/json']").textContent);
    this.readout = figure.querySelector(".map-readout");
    this.totals = this.data.counts.map((row) => row.reduce((sum, count) => sum + count, 0));
    this.at = [0, 0];
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    new ResizeObserver(() => this.draw()).observe(canvas);
  }

  #layout() {
    const width = this.canvas.clientWidth - LEFT, height = this.canvas.clientHeight - BARS - GAP - FOOT;
    return { width, height, w: width / this.data.counts.length, h: height / this.data.classes.length };
  }

  draw() {
    const scale = devicePixelRatio || 1;
    this.canvas.width = Math.round(this.canvas.clientWidth * scale);
    this.canvas.height = Math.round(this.canvas.clientHeight * scale);
    const pen = this.canvas.getContext("2d");
    pen.scale(scale, scale);
    const { width, height, w, h } = this.#layout();
    pen.fillStyle = token("--sunken");
    pen.fillRect(LEFT, 0, width, height);
    const most = Math.max(1, ...this.data.counts.flat()), largest = Math.max(1, ...this.totals);
    const color = token("--s1"), bar = token("--s6");
    this.data.counts.forEach((row, client) => {
      row.forEach((count, label) => {
        if (!count) return;
        pen.fillStyle = faded(color, 0.12 + 0.88 * Math.sqrt(count / most));
        pen.fillRect(LEFT + client * w, label * h, Math.max(0.8, w - (w > 4 ? 1 : 0)), Math.max(0.8, h - (h > 4 ? 1 : 0)));
      });
      const tall = (BARS * this.totals[client]) / largest;
      pen.fillStyle = bar;
      pen.fillRect(LEFT + client * w, height + GAP + BARS - tall, Math.max(0.8, w - (w > 4 ? 1 : 0)), tall);
    });
    this.#words(pen, { width, height, h, largest });
  }

  #words(pen, { width, height, h, largest }) {
    pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    pen.fillStyle = token("--ink-3");
    pen.textBaseline = "middle";
    pen.textAlign = "right";
    const every = Math.max(1, Math.ceil(13 / h));
    this.data.classes.forEach((name, place) => {
      if (place % every === 0) pen.fillText(cut(pen, name, LEFT - 8), LEFT - 6, (place + 0.5) * h);
    });
    pen.fillText(cut(pen, `${largest}`, LEFT - 8), LEFT - 6, height + GAP + 6);
    pen.fillText("0", LEFT - 6, height + GAP + BARS - 5);
    const y = height + GAP + BARS + FOOT / 2 + 1;
    pen.textAlign = "left";
    pen.fillText(`client ${this.data.first[0]}`, LEFT, y);
    pen.textAlign = "right";
    if (this.data.last.at(-1) !== this.data.first[0]) pen.fillText(`client ${this.data.last.at(-1)}`, LEFT + width, y);
  }

  #point(event) {
    const { w, h } = this.#layout();
    this.#read([Math.floor((event.offsetX - LEFT) / w), Math.floor(event.offsetY / h)]);
  }

  #key(event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    this.#read([this.at[0] + step[0], this.at[1] + step[1]]);
  }

  #read(at) {
    const { classes, counts, first, last } = this.data;
    const limits = [counts.length - 1, classes.length - 1];
    this.at = at.map((value, axis) => Math.max(0, Math.min(limits[axis], value)));
    const [client, label] = this.at;
    const name = first[client] === last[client] ? `Client ${first[client]}` : `Clients ${first[client]} to ${last[client]}`;
    this.readout.textContent = `${name}: ${counts[client][label]} of ${this.totals[client]} samples are ${classes[label]}`;
  }
}

function cut(pen, text, width) {
  let shown = text;
  while (shown.length > 1 && pen.measureText(shown).width > width) shown = `${shown.slice(0, -2)}…`;
  return shown;
}

const maps = new Map();

function find() {
  for (const canvas of maps.keys()) if (!canvas.isConnected) maps.delete(canvas);
  for (const canvas of document.querySelectorAll("[data-class-map]")) {
    if (!maps.has(canvas)) maps.set(canvas, new ClassMap(canvas));
  }
}

function redraw() {
  for (const map of maps.values()) map.draw();
}

document.addEventListener("htmx:afterSettle", find);
document.addEventListener("edgeloom:theme", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
find();
