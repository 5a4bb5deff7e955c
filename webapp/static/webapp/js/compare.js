// The page of a comparison: curves that the server has worked out, and maps of clients on one color scale.
import { chartParts } from "edgeloom/axes.js";
import { Chart } from "edgeloom/chart.js";
import { Maps } from "edgeloom/maps.js";

const of = (id) => document.getElementById(id);
let chart = null;
let maps = null;

function draw() {
  if (of("page-data")) {
    const { lines, axes } = JSON.parse(of("page-data").textContent);
    chart ??= new Chart(chartParts());
    chart.parts = chartParts(); // the legend is a new element after every swap
    chart.show(lines, axes);
  }
  if (of("maps-data") && maps?.source !== of("maps-data")) maps = new Maps(of("maps-data"), of("maps-readout"));
}

document.body.addEventListener("htmx:afterSettle", draw);
document.addEventListener("edgeloom:theme", () => maps?.draw());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => maps?.draw());
draw();
