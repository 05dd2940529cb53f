// One diverging scale for states and weights: blue below zero, orange above; zero is the page.

const STOPS = {
  light: [[-1, 11, 84, 158], [-0.6, 74, 150, 210], [-0.25, 176, 210, 236], [0, 251, 251, 250],
    [0.25, 253, 216, 172], [0.6, 243, 152, 62], [1, 190, 82, 6]],
  dark: [[-1, 132, 196, 255], [-0.6, 52, 124, 196], [-0.25, 26, 62, 104], [0, 18, 22, 29],
    [0.25, 96, 52, 20], [0.6, 206, 112, 36], [1, 255, 184, 108]],
};
const HALF = 255;
export const INKS = {
  light: { text: "#1b1f24", mute: "#57606a", line: "#c4ccd4", page: "#ffffff", mark: "#c2185b",
    above: "#b35900", below: "#0550ae", target: "#1a7f37", veil: "#c2185b", focus: "#0550ae" },
  dark: { text: "#e6edf3", mute: "#9aa4af", line: "#3d4652", page: "#0d1117", mark: "#ff6fae",
    above: "#ffa657", below: "#79c0ff", target: "#56d364", veil: "#ff6fae", focus: "#79c0ff" },
};

function mixed(stops, t) {
  let i = 1;
  while (i < stops.length - 1 && t > stops[i][0]) i++;
  const a = stops[i - 1];
  const b = stops[i];
  const part = (t - a[0]) / (b[0] - a[0]);
  return [1, 2, 3].map((k) => Math.round(a[k] + part * (b[k] - a[k])));
}

export class Scale {
  constructor(theme) {
    this.ink = INKS[theme];
    this.rgb = Array.from({ length: 2 * HALF + 1 }, (_, i) => mixed(STOPS[theme], i / HALF - 1));
    this.packed = Uint32Array.from(this.rgb, ([r, g, b]) => 0xff000000 | b << 16 | g << 8 | r);
    const page = this.ink.page.match(/\w\w/g).map((pair) => parseInt(pair, 16));
    this.nothing = 0xff000000 | page[2] << 16 | page[1] << 8 | page[0];
  }

  place(value, top) {
    if (!(Math.abs(value) <= Infinity)) return HALF;
    const t = Math.max(-1, Math.min(1, value / top));
    return Math.round((Number.isNaN(t) ? Math.sign(value) : t) * HALF) + HALF;
  }

  css(value, top) {
    return `rgb(${this.rgb[this.place(value, top)].join(" ")})`;
  }

  // Black or white, whichever is read more easily on the colour of a value.
  over(value, top) {
    const [r, g, b] = this.rgb[this.place(value, top)].map((c) => (c / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.2 ? "#000000" : "#ffffff";
  }

  gradient(context, width, height) {
    for (let x = 0; x < width; x++) {
      context.fillStyle = this.css(2 * x / (width - 1) - 1, 1);
      context.fillRect(x, 0, 1, height);
    }
  }
}

// The largest size in some values: what the ends of the scale stand for. Never 0.
export function largest(values, ids) {
  let top = 0;
  for (const id of ids) {
    const size = Math.abs(values[id]);
    if (size > top && size < Infinity) top = size; // never of an absent one: NaN is no more
  }
  return top || 1;
}
