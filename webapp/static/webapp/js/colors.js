// Colors and dashes of series, read from the style sheet so that both themes and print agree.

const probe = document.createElement("span");
probe.hidden = true;
document.body.append(probe);

/** A token such as "--s1" as a color that a canvas understands. */
export function token(name) {
  probe.style.color = `var(${name})`;
  return getComputedStyle(probe).color;
}

/** The same color with an opacity. */
export function faded(color, opacity) {
  const parts = color.match(/[\d.]+/g).map(Number);
  return `rgba(${parts[0]}, ${parts[1]}, ${parts[2]}, ${opacity})`;
}

export const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 4]];

/** A short line in the color and dash of a series, for legends. */
export function swatch(color, dashNumber = color) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 22 10");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M0 5h22");
  path.setAttribute("class", `stroke-${color}`);
  path.setAttribute("stroke-width", "3");
  path.setAttribute("fill", "none");
  const dash = DASHES[(dashNumber - 1) % DASHES.length];
  if (dash.length) path.setAttribute("stroke-dasharray", dash.join(" "));
  svg.append(path);
  return svg;
}
