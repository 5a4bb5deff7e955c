// Clients by rounds of several settings side by side: one color scale, read by pointer or arrow keys.
import { faded, token } from "edgeloom/colors.js";
import { text } from "edgeloom/quantities.js";

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
const FEWEST_COLUMNS = 12;

export class Maps {
  /** @param source script element with the data; readout: where a cell is read out */
  constructor(source, readout) {
    this.source = source;
    this.readout = readout;
    this.data = JSON.parse(source.textContent);
    this.at = [0, 0];
    this.canvases = [...document.querySelectorAll("canvas[data-map]")];
    const size = new ResizeObserver(() => this.draw());
    for (const canvas of this.canvases) {
      canvas.addEventListener("pointermove", (event) => this.#point(canvas, event));
      canvas.addEventListener("keydown", (event) => this.#key(canvas, event));
      size.observe(canvas);
    }
  }

  draw() {
    for (const canvas of this.canvases) if (canvas.isConnected) this.#drawOne(canvas);
  }

  #grid(canvas) {
    return [canvas.clientWidth / Math.max(FEWEST_COLUMNS, this.data.columns), canvas.clientHeight / this.data.rows.length];
  }

  #drawOne(canvas) {
    const scale = devicePixelRatio || 1;
    canvas.width = Math.round(canvas.clientWidth * scale);
    canvas.height = Math.round(canvas.clientHeight * scale);
    const pen = canvas.getContext("2d");
    pen.scale(scale, scale);
    const [w, h] = this.#grid(canvas);
    const [low, high] = this.data.limits;
    const color = token("--s1");
    for (const [row, column, value] of this.data.maps[canvas.dataset.map]) {
      pen.fillStyle = faded(color, 0.15 + 0.85 * (high > low ? (value - low) / (high - low) : 1));
      pen.fillRect(column * w, row * h, Math.max(1, w - (w > 4 ? 1 : 0)), Math.max(1, h - (h > 4 ? 1 : 0)));
    }
  }

  #point(canvas, event) {
    const [w, h] = this.#grid(canvas);
    this.#read(canvas, [Math.floor(event.offsetY / h), Math.floor(event.offsetX / w)]);
  }

  #key(canvas, event) {
    const step = STEPS[event.key];
    if (!step) return;
    event.preventDefault();
    this.#read(canvas, [this.at[0] + step[0], this.at[1] + step[1]]);
  }

  #read(canvas, at) {
    const { rows, columns, first, width, title, unit, maps } = this.data;
    this.at = [Math.max(0, Math.min(rows.length - 1, at[0])), Math.max(0, Math.min(columns - 1, at[1]))];
    const [row, column] = this.at;
    const cell = maps[canvas.dataset.map].find((one) => one[0] === row && one[1] === column);
    const from = first + column * width;
    const round = width > 1 ? `rounds ${from} to ${from + width - 1}` : `round ${from}`;
    const name = canvas.closest("figure").querySelector("figcaption").textContent.trim();
    const said = cell ? `${title.toLowerCase()} ${text(cell[2], unit)}` : "did not take part";
    this.readout.textContent = `${name}, device ${rows[row]}, ${round}: ${said}`;
  }
}
