// Numbers as people read them; the same rules as webapp/catalogue/quantities.py, tested on the same table of cases.
export const THIN_SPACE = "\u202f";
export const MINUS = "\u2212";
export const DASH = "\u2013";

const PREFIXES = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""], [1e-3, "m"], [1e-6, "\u00b5"], [1e-9, "n"], [1e-12, "p"]];
const TIMES = [[86400, "d"], [3600, "h"], [60, "min"]];
const PREFIXED = new Set(["s", "J", "W", "B", "bit/s", "Hz", "MAC", "MAC/s", "FLOP/s", "J/bit", "J/MAC", "m", "B/s", "g", "V", "A"]);
const WHOLE = new Set(["B", "MAC"]);

/** A number with that many significant digits, thousands apart. */
export function digits(value, significant = 3) {
  if (value === 0) return "0";
  const magnitude = Math.abs(value);
  if (magnitude < 1e-4 || magnitude >= 1e15) {
    const [mantissa, exponent] = value.toExponential(significant - 1).split("e");
    const sign = exponent[0];
    return `${mantissa}e${sign}${exponent.slice(1).padStart(2, "0")}`.replaceAll("-", MINUS);
  }
  // The exponent of the rounded number: 0.9996 becomes 1.00, not 1.000.
  const places = Math.max(0, significant - 1 - Number(magnitude.toExponential(significant - 1).split("e")[1]));
  let text = value.toFixed(places);
  if (text.includes(".") && Number.isInteger(value)) text = text.replace(/\.?0+$/, "");
  const [whole, fraction] = text.split(".");
  const spaced = whole.replace(/\B(?=(\d{3})+(?!\d))/g, THIN_SPACE);
  return (fraction === undefined ? spaced : `${spaced}.${fraction}`).replace("-", MINUS);
}

/** [number, unit] as two texts; unit "%" takes a share between 0 and 1. */
export function quantity(value, unit = "") {
  if (value === null || value === undefined || !Number.isFinite(value)) return [DASH, ""];
  if (unit === "%") return [percent(value), "%"];
  if (unit === "s" && Math.abs(value) >= 60) {
    const [size, symbol] = TIMES.find(([bound]) => Math.abs(value) >= bound);
    return [digits(value / size), symbol];
  }
  return PREFIXED.has(unit) ? prefixed(value, unit) : [digits(value), unit];
}

/** Two numbers in the unit that suits the larger. */
export function pair(one, other, unit) {
  if (!Number.isFinite(one) || !Number.isFinite(other)) return [DASH, ""];
  const larger = Math.max(Math.abs(one), Math.abs(other));
  const [number, symbol] = quantity(larger, unit);
  const [scale] = PREFIXES.find(([, prefix]) => prefix + unit === symbol) ?? [1];
  const words = [one, other].map((value) => (Math.abs(value) === larger ? number : digits(value / scale)));
  return [words.join(" / "), symbol];
}

/** Number and unit as one text. */
export function text(value, unit = "") {
  const [number, symbol] = quantity(value, unit);
  return symbol ? number + THIN_SPACE + symbol : number;
}

/** Put a number and its smaller unit into an element. */
export function show(element, [number, symbol]) {
  element.replaceChildren(symbol ? number + THIN_SPACE : number);
  if (!symbol) return;
  const small = document.createElement("span");
  small.className = "unit";
  small.textContent = symbol;
  element.append(small);
}

function percent(value) {
  const scaled = value * 100;
  const places = Math.abs(scaled) > 0 && Math.abs(scaled) < 1 ? 2 : 1;
  return scaled.toFixed(places).replace("-", MINUS);
}

function prefixed(value, unit) {
  if (value === 0) return ["0", unit];
  const smallest = WHOLE.has(unit) ? 1 : 0;
  const [size, prefix] = PREFIXES.find(([bound, name]) => Math.abs(value) / bound >= 0.9995 || bound === smallest || name === "p");
  return [digits(value / size), prefix + unit];
}
