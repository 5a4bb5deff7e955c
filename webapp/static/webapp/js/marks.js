// The signs of a drawn network: nodes where their rows say, lines between them.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 540, HEIGHT = 332, LEFT = 40, TOP = 24;

/** Percent per pixel of the picture, across and down, and where its frame begins as a share of the frame. */
export const SHARE = [100 / WIDTH, 100 / HEIGHT, LEFT / WIDTH, TOP / HEIGHT];

/** Where a node stands, in percent. */
export function point(sheet, row) {
  return ["x", "y"].map((name) => {
    const value = Number(sheet.get(row, name));
    return Number.isFinite(value) && sheet.get(row, name) !== "" ? Math.min(100, Math.max(0, value)) : 50;
  });
}

function at(sheet, row) {
  const [x, y] = point(sheet, row);
  return [LEFT + (x / 100) * WIDTH, TOP + (y / 100) * HEIGHT];
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function text(content, y) {
  const label = make("text", { y, class: "hub-label" });
  label.textContent = content;
  return label;
}

/** A node: its sign, its name, and room to touch it. */
export function mark(sheet, row, shapes) {
  const [name, role, number] = ["name", "role", "number"].map((field) => sheet.get(row, field));
  const [x, y] = at(sheet, row);
  const count = sheet.edgesOf(name).length;
  const label = `${name || "a node without a name"}, ${role}${number ? ` number ${number}` : ""}, ${count} connection${count === 1 ? "" : "s"}`;
  const group = make("g", { role: "button", class: `mark ${role}`, transform: `translate(${x.toFixed(1)} ${y.toFixed(1)})`, "aria-label": label });
  group.append(make("circle", { r: 22, class: "reach" }));
  if (role === "server") group.append(make("rect", { class: "hub", x: -28, y: -14, width: 56, height: 28, rx: 7 }));
  else if (role === "gateway") group.append(make("path", { class: "hub", d: shapes.gateway, transform: "scale(1.4)" }));
  else {
    // A node of many devices is a pile of them.
    if (!number) group.append(make("path", { class: "node g1", d: shapes.devices, transform: "translate(4 -4) scale(1.4)" }));
    group.append(make("path", { class: "node g1", d: shapes.devices, transform: "scale(1.4)" }));
  }
  group.append(text(name.length > 22 ? `${name.slice(0, 21)}…` : name, role === "server" ? 4 : 24));
  return group;
}

/** A connection: its line, and room to touch it. */
export function wire(sheet, row) {
  const [start, end, link, down] = ["start", "end", "link", "down_link"].map((field) => sheet.get(row, field));
  const [x1, y1] = at(sheet, sheet.named(start)), [x2, y2] = at(sheet, sheet.named(end));
  const ways = down ? `${link || "default link"} up, ${down} down` : link || "default link";
  const group = make("g", { role: "button", class: "wire", "aria-label": `${start} to ${end}, ${ways}` });
  group.append(make("line", { class: "reach", x1, y1, x2, y2 }), make("line", { class: link ? "edge named" : "edge", x1, y1, x2, y2 }));
  return group;
}
