// A line chart with bands over seeds: uPlot draws, a table says the same, arrow keys read it.
import { DASHES, faded, swatch, token } from "edgeloom/colors.js";
import { text } from "edgeloom/quantities.js";
import { table } from "edgeloom/tables.js";

const MOST_TABLE_ROWS = 500;

async function loadPlot() {
  try {
    return (await import("uplot")).default;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // a bare name that the import map does not have
    return null;
  }
}

const loading = loadPlot();

/** A number beside an axis: no more digits than tell neighbors apart. */
function tick(value, unit) {
  return unit === "%" ? `${Number((value * 100).toFixed(1))}\u202f%` : text(value, unit);
}

function isSameX(one, other) {
  return one === other || (one.length === other.length && one.every((x, index) => x === other[index]));
}

export class Chart {
  /** @param parts elements: frame, readout, legend, twin, fold */
  constructor(parts) {
    this.parts = parts;
    this.waiting = parts.frame.querySelector(".waiting");
    this.lines = [];
    this.cursor = null;
    parts.frame.addEventListener("keydown", (event) => this.#key(event));
    parts.fold.addEventListener("toggle", () => this.#fillTwin());
    document.addEventListener("edgeloom:theme", () => this.#rebuild());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#rebuild());
    new ResizeObserver(() => this.#resize()).observe(parts.frame);
  }

  /**
   * Show lines. Each is {label, color, x, y, low, high, n}; x ascends. A line may also say its dash (else that of its
   * color), its width, its words in the legend (empty: none), and hasGaps where a null in y breaks it.
   * @param axes {x: {title, unit}, y: {title, unit}}
   */
  async show(lines, axes) {
    const isSame = JSON.stringify(axes) === JSON.stringify(this.axes) && lines.map((l) => l.label).join() === this.lines.map((l) => l.label).join();
    this.lines = lines;
    this.axes = axes;
    const hasPoints = lines.some((line) => line.x.length);
    this.waiting.hidden = hasPoints;
    this.#legend();
    if (this.parts.fold.open) this.#fillTwin();
    if (!hasPoints) return;
    this.Plot ??= await loading;
    if (!this.Plot) { this.waiting.hidden = false; this.waiting.textContent = "The chart library is not installed; the table shows every point."; this.parts.fold.open = true; return; }
    if (this.plot && isSame) this.plot.setData(this.#data());
    else this.#rebuild();
  }

  #data() {
    const [first] = this.lines;
    // Lines over the same points, as of one long run, need no merging: a hundred thousand points in a frame's time.
    if (this.lines.every((line) => isSameX(line.x, first.x))) return [first.x, ...this.lines.flatMap((line) => [line.y, line.low, line.high])];
    const xs = [...new Set(this.lines.flatMap((line) => line.x))].sort((a, b) => a - b);
    const place = new Map(xs.map((x, index) => [x, index]));
    const columns = [];
    for (const line of this.lines) {
      const [y, low, high] = [0, 1, 2].map(() => new Array(xs.length).fill(undefined));
      line.x.forEach((x, index) => {
        y[place.get(x)] = line.y[index];
        const nothing = line.y[index] === null ? null : undefined; // a gap, or just no interval
        low[place.get(x)] = line.low[index] ?? nothing;
        high[place.get(x)] = line.high[index] ?? nothing;
      });
      columns.push(y, low, high);
    }
    return [xs, ...columns];
  }

  #rebuild() {
    if (!this.Plot || !this.lines.some((line) => line.x.length)) return;
    this.plot?.destroy();
    const series = [{}], bands = [];
    for (const [index, line] of this.lines.entries()) {
      const color = token(`--s${line.color}`);
      const hidden = { stroke: "transparent", width: 0, points: { show: false }, spanGaps: !line.hasGaps };
      series.push({ stroke: color, width: line.width ?? 2, dash: DASHES[((line.dash ?? line.color) - 1) % DASHES.length], spanGaps: !line.hasGaps, points: { show: line.x.length < 40 && this.lines.length < 13, size: 5 } }, hidden, { ...hidden });
      bands.push({ series: [3 * index + 3, 3 * index + 2], fill: faded(color, 0.16) });
    }
    const grid = { stroke: token("--line"), width: 1 };
    const ink = token("--ink-3");
    const axis = { stroke: ink, grid, ticks: grid, font: "11px system-ui, sans-serif" };
    const format = (unit) => (plot, values) => values.map((value) => tick(value, unit));
    // A share ends at 100 %, even where the interval of its mean does not.
    const range = this.axes.y.unit === "%" ? (plot, low, high) => [low < 0 ? Math.floor(low * 10) / 10 : Math.max(0, Math.floor(low * 10 - 0.2) / 10), Math.min(1.005, Math.ceil(high * 10) / 10)] : undefined;
    this.plot = new this.Plot({
      ...this.#size(),
      legend: { show: false },
      cursor: { drag: { x: true, y: false }, points: { size: 7 } },
      scales: { x: { time: false }, y: range ? { range } : {} },
      axes: [
        { ...axis, values: format(this.axes.x.unit), size: 34, space: 70 },
        { ...axis, values: format(this.axes.y.unit), size: 58, space: 44 },
      ],
      series, bands,
      hooks: { setCursor: [(plot) => { if (plot.cursor.idx !== null && plot.cursor.idx !== undefined) this.#read(plot.cursor.idx); }] },
    }, this.#data(), this.parts.frame);
  }

  #size() {
    const width = Math.max(240, Math.floor(this.parts.frame.clientWidth));
    return { width, height: Math.max(160, Math.floor(this.parts.frame.clientHeight)) };
  }

  #resize() {
    const { width, height } = this.#size();
    if (this.plot && (this.plot.width !== width || this.plot.height !== height)) this.plot.setSize({ width, height });
  }

  #key(event) {
    const count = this.plot?.data[0].length ?? 0;
    const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -count, End: count }[event.key];
    if (!count || step === undefined) return;
    event.preventDefault();
    this.cursor = Math.max(0, Math.min(count - 1, (this.cursor ?? -1) + step));
    this.plot.setCursor({ left: this.plot.valToPos(this.plot.data[0][this.cursor], "x"), top: 10 });
    this.#read(this.cursor);
  }

  #read(index) {
    this.cursor = index;
    const x = this.plot.data[0][index];
    const words = [`${this.axes.x.title} ${text(x, this.axes.x.unit)}`];
    for (const line of this.lines) {
      const place = line.x.indexOf(x);
      if (place < 0 || line.y[place] === null) continue;
      const alone = line.n?.some((n) => n > 1) ? ` (n = ${line.n[place]})` : "";
      const band = line.low[place] === null ? alone : ` (${text(line.low[place], this.axes.y.unit)} to ${text(line.high[place], this.axes.y.unit)}, n = ${line.n[place]})`;
      words.push(`${line.label}: ${text(line.y[place], this.axes.y.unit)}${band}`);
    }
    this.parts.readout.replaceChildren(...words.map((word) => Object.assign(document.createElement("span"), { textContent: word })));
  }

  #legend() {
    this.parts.legend.replaceChildren(...this.lines.filter((line) => line.legend !== "").map((line) => {
      const item = document.createElement("span");
      item.append(swatch(line.color, line.dash), line.legend ?? line.label);
      return item;
    }));
  }

  #fillTwin() {
    if (!this.parts.fold.open || !this.axes) return;
    const { x, y } = this.axes;
    const several = this.lines.some((line) => line.low.some((value) => value !== null));
    const head = [x.title, ...this.lines.flatMap((line) => (several ? [line.label, "95 % from", "to"] : [line.label]))];
    const xs = [...new Set(this.lines.flatMap((line) => line.x))].sort((a, b) => a - b);
    const rows = xs.slice(-MOST_TABLE_ROWS).map((at) => [text(at, x.unit), ...this.lines.flatMap((line) => {
      const place = line.x.indexOf(at);
      const cell = (values) => (place < 0 ? "" : text(values[place], y.unit));
      return several ? [cell(line.y), cell(line.low), cell(line.high)] : [cell(line.y)];
    })]);
    const caption = xs.length > MOST_TABLE_ROWS ? `${y.title}, the last ${MOST_TABLE_ROWS} of ${xs.length} points` : y.title;
    this.parts.twin.replaceChildren(table(head, rows, caption));
  }
}
