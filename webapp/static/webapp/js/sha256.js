// SHA-256 of a stream of bytes (FIPS 180-4). The browser's own takes a whole file at once, and only over TLS.

// Signed words: engines keep those in registers, and addition wraps in the same way.
const ROUND = new Int32Array(64);
const START = new Int32Array(8);

/** The first 32 bits of the fraction of a root. */
function fraction(root) {
  return Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
}

for (let number = 2, found = 0; found < 64; number += 1) {
  let prime = true;
  for (let part = 2; part * part <= number && prime; part += 1) prime = number % part !== 0;
  if (!prime) continue;
  if (found < 8) START[found] = fraction(Math.sqrt(number));
  ROUND[found] = fraction(Math.cbrt(number));
  found += 1;
}

export class Sha256 {
  constructor() {
    this.state = START.slice();
    this.block = new Uint8Array(64);
    this.filled = 0;
    this.length = 0;
    this.words = new Int32Array(64);
  }

  /** @param bytes Uint8Array */
  update(bytes) {
    this.length += bytes.length;
    let place = 0;
    if (this.filled) {
      place = Math.min(64 - this.filled, bytes.length);
      this.block.set(bytes.subarray(0, place), this.filled);
      this.filled += place;
      if (this.filled < 64) return;
      this.#mix(this.block, 0);
      this.filled = 0;
    }
    for (; place + 64 <= bytes.length; place += 64) this.#mix(bytes, place);
    this.block.set(bytes.subarray(place), 0);
    this.filled = bytes.length - place;
  }

  /** The digest as hex digits; nothing may follow. */
  hex() {
    const bits = this.length * 8;
    const end = new Uint8Array((this.filled < 56 ? 64 : 128) - this.filled);
    end[0] = 0x80;
    const view = new DataView(end.buffer);
    view.setUint32(end.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(end.length - 4, bits % 2 ** 32);
    this.update(end);
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }

  #mix(bytes, start) {
    const w = this.words;
    for (let i = 0, place = start; i < 16; i += 1, place += 4) {
      w[i] = (bytes[place] << 24) | (bytes[place + 1] << 16) | (bytes[place + 2] << 8) | bytes[place + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const x = w[i - 15], y = w[i - 2];
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
    }
    const s = this.state;
    let a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + w[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0;
      d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    s[0] += a; s[1] += b; s[2] += c; s[3] += d;
    s[4] += e; s[5] += f; s[6] += g; s[7] += h;
  }
}
