// Mean and 95 % band over seeds, by Student's t; the same rule as engine/runs/statistics.py.

// Two-sided 95 % quantiles of Student's t by degrees of freedom, 1 to 30; beyond, Fisher's expansion about
// the normal one (Abramowitz and Stegun, 26.7.5).
const T95 = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.30600, 2.26216, 2.22814, 2.20099, 2.17881,
  2.16037, 2.14479, 2.13145, 2.11991, 2.10982, 2.10092, 2.09302, 2.08596, 2.07961, 2.07387, 2.06866, 2.06390, 2.05954,
  2.05553, 2.05183, 2.04841, 2.04523, 2.04227];
const Z = 1.959963985;

export function quantile(degrees) {
  if (degrees <= T95.length) return T95[degrees - 1];
  return Z + (Z ** 3 + Z) / (4 * degrees) + (5 * Z ** 5 + 16 * Z ** 3 + 3 * Z) / (96 * degrees ** 2);
}

/** {mean, low, high, n} of numbers; one value has no interval. */
export function spread(values) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, low: null, high: null, n };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = quantile(n - 1) * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half, n };
}
