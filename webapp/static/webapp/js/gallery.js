// The gallery of a data-free run: one sheet of pictures at a time, a row for each class, a slider over what was made.

const of = (id) => document.getElementById(id);
const TILE = 64; // edge of a tile on the page, in CSS pixels; the style sheet sets the height
const MOST_TILES = 10;

export class Gallery {
  /**
   * @param place address of a sheet's picture, to which its number is added
   * @param classes names of classes
   */
  constructor(place, classes) {
    this.place = place;
    this.classes = classes;
    this.sheets = [];
    this.following = true;
    this.chosen = null; // a class, or null for all
    this.slider = of("dreams-sheet");
    this.slider.addEventListener("input", () => { this.#follow(false); this.#show(); });
    of("dreams-latest").addEventListener("click", () => { this.#follow(true); this.slider.value = this.slider.max; this.#show(); });
    of("dreams-classes").addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      this.chosen = button.dataset.label === "" ? null : Number(button.dataset.label);
      this.#show();
    });
  }

  /** Take in sheets: {seq, stage, step, caption, labels, columns, tile, png?}; those that are known are left alone. */
  add(sheets) {
    const known = new Set(this.sheets.map(({ seq }) => seq));
    const fresh = sheets.filter(({ seq }) => !known.has(seq));
    if (!fresh.length) return;
    this.sheets.push(...fresh);
    this.sheets.sort((one, other) => one.seq - other.seq);
    of("dreams-scrub").hidden = this.sheets.length < 2;
    this.slider.max = this.sheets.length - 1;
    of("dreams-count").textContent = `${this.sheets.length} sheet${this.sheets.length === 1 ? "" : "s"}`;
    if (this.following) { this.slider.value = this.slider.max; this.#show(); }
  }

  #follow(yes) {
    this.following = yes;
    of("dreams-latest").setAttribute("aria-pressed", String(yes));
  }

  async #show() {
    const sheet = this.sheets[Number(this.slider.value)];
    if (!sheet) return;
    this.slider.setAttribute("aria-valuetext", `${sheet.caption}, step ${sheet.step}`);
    sheet.image ??= await loaded(sheet.png ? `data:image/png;base64,${sheet.png}` : this.place + sheet.seq);
    if (this.sheets[Number(this.slider.value)] !== sheet) return; // the slider has moved on
    const labels = [...new Set(sheet.labels)].sort((a, b) => a - b);
    this.#choices(labels);
    of("dreams-note").textContent = `${sheet.caption[0].toUpperCase()}${sheet.caption.slice(1)}, at step ${sheet.step}: what the student learns from, one row for each class.`;
    const shown = labels.filter((label) => this.chosen === null || label === this.chosen);
    of("dreams-rows").replaceChildren(...shown.map((label) => this.#row(sheet, label, shown.length === 1)));
  }

  #choices(labels) {
    const box = of("dreams-classes");
    if (this.chosen !== null && !labels.includes(this.chosen)) this.chosen = null;
    box.hidden = labels.length < 2;
    const wanted = [["", "All classes"], ...labels.map((label) => [String(label), this.#name(label)])];
    if (wanted.map(([label]) => label).join() !== [...box.children].map((button) => button.dataset.label).join()) {
      box.replaceChildren(...wanted.map(([label, words]) => {
        const button = document.createElement("button");
        Object.assign(button, { type: "button", className: "btn small", textContent: words });
        button.dataset.label = label;
        return button;
      }));
    }
    for (const button of box.children) button.setAttribute("aria-pressed", String(button.dataset.label === String(this.chosen ?? "")));
  }

  #row(sheet, label, isAlone) {
    const tiles = sheet.labels.flatMap((one, place) => (one === label ? [place] : [])).slice(0, isAlone ? undefined : MOST_TILES);
    const row = document.createElement("div"), name = document.createElement("span"), strip = document.createElement("span");
    row.className = "dream-row";
    name.className = "dream-class";
    name.textContent = this.#name(label);
    strip.className = "dream-strip";
    strip.setAttribute("role", "img");
    strip.setAttribute("aria-label", `${tiles.length} synthetic image${tiles.length === 1 ? "" : "s"} of class ${this.#name(label)}, ${sheet.caption}, step ${sheet.step}`);
    strip.append(...tiles.map((place) => tileOf(sheet, place)));
    row.append(name, strip);
    return row;
  }

  #name(label) {
    return this.classes[label] ?? String(label);
  }
}

function loaded(address) {
  return new Promise((resolve, reject) => {
    const image = new Image();
    image.addEventListener("load", () => resolve(image));
    image.addEventListener("error", () => reject(new Error(`${address.slice(0, 60)} cannot be shown`)));
    image.src = address;
  });
}

function tileOf(sheet, place) {
  const canvas = document.createElement("canvas");
  const edge = sheet.tile;
  canvas.width = canvas.height = edge;
  canvas.className = edge >= TILE ? "dream-tile large" : "dream-tile";
  canvas.getContext("2d").drawImage(sheet.image, (place % sheet.columns) * edge, Math.floor(place / sheet.columns) * edge, edge, edge, 0, 0, edge, edge);
  return canvas;
}
